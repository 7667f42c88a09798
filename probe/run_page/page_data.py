"""Return all data of the page of one run."""

from typing import Any

from probe.analysis.run_result.app_words import worst_first
from probe.analysis.run_result.call_sentences import call_sentences
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
from probe.analysis.run_result.service_words import INVALID_WORD
from probe.analysis.verdicts.apps import AppVerdict, judge_apps
from probe.countries.names import country_name
from probe.messages import listed, printable, tr, tr_plural
from probe.run_page.cards import MOST_APPS, cards
from probe.run_page.media_picture import media_picture
from probe.run_page.run_facts import RunFacts
from probe.run_page.time_line import time_line
from probe.targets.titles import shown_title

MOST_NAMES = 30  # of one list in the headline


def page_data(run: RunFacts) -> dict[str, Any]:
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
        "headline": _headline(latest, rules),
        "notes": [*_notes(apps, latest), *further_rules(regime), *filter(None, [outage_of(run.records)])],
        "facts": _facts(run, latest),
        "are_addresses": are_addresses(latest),
        "cards": shown,
        "more": _more(len(latest) - MOST_APPS) if usable else "",
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


def _facts(run: RunFacts, latest: list[AppVerdict]) -> list[tuple[str, str]]:
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
