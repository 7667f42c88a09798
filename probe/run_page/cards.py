"""Return the cards of a page: one per app, the worst first, with the evidence for each service.

Return the ratio of a service's throughput as a line from 0 to 100 %, with its interval.

Say what the state of an app means for the person, how sure it is, and which needs are met.
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from probe.analysis.observations.lenient_json import table, text
from probe.analysis.run_result.app_words import (
    CALLS,
    CERTAINTIES,
    SEVERITY,
    apps_and_basics,
    calls_of_app,
    is_slowed,
    state_of_app,
    state_of_calls,
    untestable_calls,
    works_badly,
    worst_first,
)
from probe.analysis.run_result.figure_sentences import percentages, throughput_sentences
from probe.analysis.run_result.headline_parts import is_address
from probe.analysis.run_result.run_targets import Targets
from probe.analysis.run_result.service_words import evidence_of, state_word
from probe.analysis.verdicts.app_verdicts import AppVerdict
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.messages import mark, tr, tr_plural
from probe.run_page.path_picture import paths_of
from probe.run_page.service_name import service_name
from probe.targets.needs import NEEDS
from probe.targets.titles import shown_title

MEANINGS = {
    "blocked": mark("This app does not work on this network, because its connections are interfered with."),
    "likely_blocked": mark("This app does not work on this network. A later run can show more."),
    "degraded": mark("Some functions of this app do not work on this network, because they are interfered with."),
    "filtered_locally": mark("Your own computer, home network or resolver filters this app. Look at its settings."),
    "impaired": mark("This app did not work during this run, and the cause is unknown. Run it again."),
    "down": mark("This app failed outside this network too. Wait until its servers work again."),
    "insufficient": mark("Nothing can be said about this app, because it was not tested. Run it again."),
    "ok": mark("You can use this app on this network."),
}
ADDRESS_MEANINGS = {
    "blocked": mark("This address does not open on this network, because its connections are interfered with."),
    "likely_blocked": mark("This address does not open on this network. A later run can show more."),
    "degraded": mark("This address does not always open on this network, because it is interfered with."),
    "filtered_locally": mark("Your own computer, home network or resolver filters this address. Look at its settings."),
    "impaired": mark("This address did not open during this run, and the cause is unknown. Run it again."),
    "down": mark("This address failed outside this network too. Wait until its server works again."),
    "insufficient": mark("Nothing can be said about this address, because it was not tested. Run it again."),
    "ok": mark("You can open this address on this network."),
}
SLOWED = mark("Pages load slowly on this network, because they are slowed down.")
CUT_OFF = mark("You can use it on this network, but its connections are broken off after some time.")
NO_MEANING = mark("Nothing can be said, because the measurement cannot be used.")
NEED_STATES = {
    "messages": mark("Messages: {state}"),
    "pages": mark("Pages: {state}"),
    "calls": mark("Calls: {state}"),
    "names": mark("Looking up names: {state}"),
    "media": mark("Pictures and files: {state}"),
    "sign_in": mark("Signing in: {state}"),
    "browser": mark("In a browser: {state}"),
}
CERTAINTY_REASONS = {
    "certain": mark("The evidence is clear."),
    "likely": mark("It rests on repeated attempts or on connections alone."),
    "unclear": mark("The evidence is not enough."),
}


def meaning_of(app: AppVerdict) -> str:
    """Return the sentence for the person about the state of an app or a web address."""
    if works_badly(app):
        return tr(SLOWED) if is_slowed(app) else tr(CUT_OFF)
    meanings = ADDRESS_MEANINGS if is_address(app) else MEANINGS
    return tr(meanings.get(app["state"] or "", NO_MEANING))


def needs_of_app(app: AppVerdict) -> list[dict[str, str]]:
    """Return the state of each need that was tested, with its sentence, and of calls that are not testable."""
    needs: Mapping[str, str] = app["needs"]
    tested = [
        {"state": needs[need], "sentence": tr(NEED_STATES[need], state=_word(app, need))}
        for need in NEEDS
        if need in needs and (need != "calls" or state_of_calls(app) is not None)
    ]
    untestable = untestable_calls(app["app"]) if app["valid"] else None
    return [*tested, *([{"state": "insufficient", "sentence": untestable}] if untestable else [])]


def _calls(app: AppVerdict) -> str:
    """Return the sentence about calls for the folded card, "" for an app without them."""
    words = NEED_STATES["calls"]
    return tr(words, state=calls_of_app(app)) if state_of_calls(app) is not None else ""


def _word(app: AppVerdict, need: str) -> str:
    state = app["needs"][need]
    return calls_of_app(app) if need == "calls" else tr(CALLS[state])


def certainty_of(app: AppVerdict) -> str:
    """Return how sure the state is, and why, or "" without a state."""
    if not app["valid"]:
        return ""
    certainty = app["certainty"]
    reason = tr(CERTAINTY_REASONS[certainty])
    return tr("How sure: {certainty}. {reason}", certainty=tr(CERTAINTIES[certainty]), reason=reason)


WIDTH = 360  # of the picture, in its own unit
EDGE = 30  # from the border to 0 and to the end
MOST = 100  # percentage at the end of the line. A larger value is drawn there.
TICKS = (0, 50, 100)


def throughput_picture(record: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the places of interval and estimate with the sentences, None without a usable pair of transfers."""
    ratio = table(record.get("throughput_ratio"))
    if not ratio:
        return None
    estimate, low, high = percentages(ratio)
    return {
        "width": WIDTH,
        "line": (EDGE, WIDTH - EDGE),
        "ticks": [{"x": _place(tick), "label": f"{tick} %"} for tick in TICKS],
        "estimate": _place(estimate),
        "interval": (_place(low), _place(high)),
        "sentences": list(throughput_sentences(record)),
    }


def _place(percentage: int) -> float:
    return round(EDGE + (WIDTH - 2 * EDGE) * min(max(percentage, 0), MOST) / MOST, 1)


MOST_APPS = 500  # cards of a page. The others are counted.
MOST_SERVICES = 100  # of one card, the worst first
NO_STATE = "invalid"  # style of an app without a state

Record = Mapping[str, Any]


def cards(
    apps: Sequence[AppVerdict], latest: Sequence[AppVerdict], records: Iterable[Record], targets: Targets
) -> list[dict[str, Any]]:
    """Return one card for each app in `latest`. `apps` are the verdicts of all rounds, in the order of the records."""
    found = _records_of(apps, records)
    numbers = {id(app): number for number, app in enumerate(apps)}
    shown = list(chain(*apps_and_basics(worst_first(list(latest)))))[:MOST_APPS]
    return [
        {"number": number, **_card(app, found[numbers[id(app)]], targets.get(app["app"]))}
        for number, app in enumerate(shown, 1)
    ]


def _records_of(apps: Sequence[AppVerdict], records: Iterable[Record]) -> list[list[Record]]:
    """Return the records of each app. A service that occurs again belongs to the next round of the app."""
    waiting: dict[tuple[str, str], deque[Record]] = defaultdict(deque)
    for record in records:
        waiting[text(record.get("target")), text(record.get("service"))].append(record)
    return [
        [
            waiting[app["app"], service["service"]].popleft()
            for service in app["services"]
            if waiting[app["app"], service["service"]]
        ]
        for app in apps
    ]


def _card(app: AppVerdict, records: Sequence[Record], target: Record | None) -> dict[str, Any]:
    ordered = sorted(records, key=lambda record: SEVERITY.get(text(record.get("state")), len(SEVERITY)))
    return {
        "name": app["app"],
        "title": shown_title(app["title"]),
        "state": app["state"] or NO_STATE,
        "word": state_of_app(app),
        "sentence": app["sentence"],
        "certainty": certainty_of(app),
        "calls": _calls(app),
        "meaning": meaning_of(app),
        "needs": needs_of_app(app),
        "services": [_service(record, target) for record in ordered[:MOST_SERVICES]],
        "more_services": _more(len(ordered) - MOST_SERVICES),
        "paths": paths_of(records),
    }


def _more(count: int) -> str:
    if count <= 0:
        return ""
    return tr_plural(
        "{count} more service is in the results file.", "{count} more services are in the results file.", count
    )


def _service(record: Record, target: Record | None) -> dict[str, Any]:
    """Return what is known about one service: its state, the sentences, the rule and the counts."""
    valid = bool(record.get("valid", True))
    plain, technical = plain_sentence(record, target), text(record.get("because"))
    return {
        "name": service_name(record),
        "state": text(record.get("state")) if valid else NO_STATE,
        "word": state_word(record),
        "plain": plain,
        "technical": technical if technical != plain else "",
        "throughput": throughput_picture(record) if valid else None,
        "evidence": list(evidence_of(record)) if valid else [],
    }
