"""Return all data of the page of one run.

Return the time line of a run: one row per app, with a mark for the attempts of each short period.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from probe.analysis.run_result.app_words import worst_first
from probe.analysis.run_result.figure_sentences import call_sentences
from probe.analysis.run_result.headline_parts import are_addresses, headline_parts
from probe.analysis.run_result.run_sentences import (
    apps_without_result,
    further_rules,
    latest_rounds,
    origin_header,
    outage_of,
    reasons,
    round_sentences,
    rules_of_network,
)
from probe.analysis.run_result.service_words import INVALID_WORD, describe_transaction
from probe.analysis.run_result.unfinished_runs import missing_of
from probe.analysis.run_result.ways_around import advice_for, advice_lines
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.countries.country_names import country_name
from probe.messages import listed, printable, tr, tr_plural
from probe.run_page.cards import MOST_APPS, cards
from probe.run_page.media_picture import media_picture
from probe.run_page.run_facts import ShownAttempt, ShownRun
from probe.targets.titles import shown_title

BINS = 50  # periods. Each has at most two marks, one for the attempts that worked and one for those that failed.
WIDTH = 400  # of a row, in the unit of its picture
EDGE = 6  # beside the first and the last mark
LEAST_SPAN = 1.0  # seconds


def time_line(attempts: Sequence[ShownAttempt], apps: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """Return the rows of the time line, None without attempts. `apps` has names and titles, in the order of rows."""
    if not attempts:
        return None
    start = min(attempt.began for attempt in attempts)
    span = max(max(attempt.began for attempt in attempts) - start, LEAST_SPAN)
    by_app: dict[str, list[ShownAttempt]] = {}
    for attempt in attempts:
        by_app.setdefault(attempt.app, []).append(attempt)
    rows = [_row(title, by_app[name], start, span) for name, title in apps if name in by_app]
    return {"width": WIDTH, "rows": rows, "ticks": [_seconds(span * part / 4) for part in range(5)]} if rows else None


def _row(title: str, attempts: Sequence[ShownAttempt], start: float, span: float) -> dict[str, Any]:
    """Return the marks of an app, and the sentence that replaces its picture."""
    bins: dict[tuple[int, bool], list[ShownAttempt]] = {}
    for attempt in attempts:
        place = min(int((attempt.began - start) / span * BINS), BINS - 1)
        bins.setdefault((place, attempt.failed), []).append(attempt)
    marks = [_mark(place, failed, found, start, span) for (place, failed), found in sorted(bins.items())]
    return {"title": title, "summary": _summary(attempts, start), "marks": marks}


def _mark(place: int, failed: bool, attempts: Sequence[ShownAttempt], start: float, span: float) -> dict[str, Any]:
    x = EDGE + (place + 0.5) / BINS * (WIDTH - 2 * EDGE)
    return {"x": round(x, 1), "failed": failed, "text": _mark_text(failed, attempts, start, place * span / BINS)}


def _mark_text(failed: bool, attempts: Sequence[ShownAttempt], start: float, began: float) -> str:
    """Return the sentence of a mark. The only attempt of a mark is described, several are counted."""
    if len(attempts) == 1:
        (only,) = attempts
        sentence = describe_transaction(only.transaction)
        return tr("After {seconds} s: {attempt}", seconds=_seconds(only.began - start), attempt=sentence)
    if failed:
        return tr_plural(
            "After {seconds} s: {count} attempt failed",
            "After {seconds} s: {count} attempts failed",
            len(attempts),
            seconds=_seconds(began),
        )
    return tr_plural(
        "After {seconds} s: {count} attempt worked",
        "After {seconds} s: {count} attempts worked",
        len(attempts),
        seconds=_seconds(began),
    )


def _summary(attempts: Sequence[ShownAttempt], start: float) -> str:
    """Return how much was tried, when, and how much of it failed."""
    first, last = min(attempt.began for attempt in attempts), max(attempt.began for attempt in attempts)
    return tr_plural(
        "{count} attempt, {failed} failed. The first began after {first} s, the last after {last} s.",
        "{count} attempts, {failed} failed. The first began after {first} s, the last after {last} s.",
        len(attempts),
        first=_seconds(first - start),
        last=_seconds(last - start),
        failed=sum(attempt.failed for attempt in attempts),
    )


def _seconds(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


MOST_NAMES = 30  # of one list in the headline


def page_data(run: ShownRun) -> dict[str, Any]:
    """Return head, cards, media flows, calls and time line of a run. A run that cannot be used has the head only."""
    apps = judge_apps(run.records, run.targets)
    latest = latest_rounds(apps)
    usable = any(app["valid"] for app in latest)
    shown = cards(apps, latest, run.records, run.targets) if usable else []
    regime = run.regime()
    rules = rules_of_network(regime, latest)
    rows = dict.fromkeys((card["name"], card["title"]) for card in shown)
    return {
        "origin": origin_header(run.origin) if run.origin.artificial else "",
        "missing": missing_of(run.ending, latest),
        "headline": _headline(latest, rules),
        "notes": [*_notes(apps, latest), *further_rules(regime), *filter(None, [outage_of(run.records)])],
        "facts": _facts(run, latest),
        "are_addresses": are_addresses(latest),
        "cards": shown,
        "more": _more(len(latest) - MOST_APPS) if usable else "",
        "advice": advice_lines(advice_for(latest)),
        "calls": call_sentences(run.calls) if usable else [],
        "media": media_picture(run.flow_pairs) if usable else None,
        "time_line": time_line(run.attempts, rows),
    }


def _more(count: int) -> str:
    if count <= 0:
        return ""
    return tr_plural("{count} more app is in the results file.", "{count} more apps are in the results file.", count)


def _headline(latest: list[AppVerdict], rules: str) -> str:
    """Return the first sentence. `rules` are the sentences about a network that blocks all that it does not list."""
    if not any(app["valid"] for app in latest):
        return tr(INVALID_WORD)
    parts = " · ".join(headline_parts(worst_first(latest), _listed, together=bool(rules)))
    return f"{rules} {parts}".strip()


def _listed(_: str, apps: Any) -> str:
    names = [printable(shown_title(app["title"])) for app in apps]
    return listed([*names[:MOST_NAMES], "…"] if len(names) > MOST_NAMES else names)


def _notes(apps: list[AppVerdict], latest: list[AppVerdict]) -> list[str]:
    """Return why the run cannot be used, or which of its rounds is shown."""
    if not any(app["valid"] for app in latest):
        return [*reasons(latest), apps_without_result(latest[:MOST_NAMES])]
    return [*reasons(latest), *round_sentences(apps, latest)]


def _facts(run: ShownRun, latest: list[AppVerdict]) -> list[tuple[str, str]]:
    """Return names and values: network, country, time, software, ruleset and file."""
    first = min(latest, key=lambda app: app["measurement_start_time"])
    code, network = first["probe_cc"], " ".join(filter(None, [first["probe_asn"], run.network]))
    country = country_name(code)
    began = first["measurement_start_time"].replace("T", " ").replace("Z", " UTC")
    return [
        (tr("Country"), country if country == code else f"{country} ({code})"),
        (tr("Network"), network),
        (tr("Time"), began),
        (tr("Program"), tr("{software}, ruleset {ruleset}", software=run.software, ruleset=first["ruleset"])),
        (tr("Results file"), first["measurement_file"]),
    ]
