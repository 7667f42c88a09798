"""Return the cards of a page: one per app, the worst first, with the evidence for each service."""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from probe.analysis.observations.lenient_json import text
from probe.analysis.run_result.app_words import SEVERITY, state_of_app, worst_first
from probe.analysis.run_result.run_targets import Targets
from probe.analysis.run_result.service_words import evidence_of, state_word
from probe.analysis.verdicts.apps import AppVerdict
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.messages import tr_plural
from probe.run_page.meanings import certainty_of, meaning_of, needs_of_app
from probe.run_page.path_picture import paths_of
from probe.run_page.service_name import service_name
from probe.run_page.throughput_picture import throughput_picture
from probe.targets.titles import shown_title

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
    shown = worst_first(list(latest))[:MOST_APPS]
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
