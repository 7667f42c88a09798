"""Print the result of a run: the first line, one row per app, and with --verbose the verdict on each service."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, TextIO

from probe.analysis.run_result.app_words import untestable_calls
from probe.analysis.run_result.headline_parts import is_stopped
from probe.analysis.run_result.run_sentences import (
    apps_without_result,
    latest_rounds,
    origin_header,
    outage_of,
    reasons,
    round_sentences,
    rules_of_network,
)
from probe.analysis.run_result.run_targets import Targets
from probe.analysis.run_result.service_words import INVALID_WORD
from probe.analysis.verdicts.apps import AppVerdict, judge_apps
from probe.analysis.verdicts.regimes.regimes import RegimeVerdict
from probe.cli.bidi import wants_marks, with_marks
from probe.cli.screen import print_verdicts, say
from probe.cli.summary.app_table import table_lines
from probe.cli.summary.headline import headline
from probe.cli.summary.layout import screen_width, wrap
from probe.formats.origin import REAL, Origin
from probe.messages import tr

Record = Mapping[str, Any]
NO_TARGETS: Targets = MappingProxyType({})


def print_result(
    records: Iterable[Record],
    stream: TextIO,
    plain: bool,
    *,
    origin: Origin = REAL,
    targets: Targets = NO_TARGETS,
    verbose: bool = False,
    service: str | None = None,
    regime: RegimeVerdict | None = None,
) -> None:
    """Print the result on one screen. With `verbose` the verdict on each service comes first, or on one of them.

    `regime` is the verdict about the network. Where the network blocks all that it does not list, the first line says
    so, and the apps that are blocked alike have no rows.
    """
    kept, width = list(records), screen_width()
    if not kept:
        return
    if verbose:
        detailed = [record for record in kept if service in {None, record.get("service")}]
        print_verdicts(detailed or kept, stream, plain, origin=origin, targets=targets)
        _print_untestable_calls(detailed or kept, stream, width)
        say(stream)
    elif origin.artificial:
        say(stream, "\n".join(wrap(origin_header(origin), width)))
    apps = judge_apps(kept, targets)
    marked = with_marks if wants_marks(stream) else str
    for line in _result_lines(apps, width, plain, marked, regime):
        say(stream, coloured=line)
    if not verbose and (sentence := outage_of(kept)):
        say(stream, "\n".join(wrap(sentence, width)))
    if not verbose and len({app["app"] for app in apps}) == 1:
        _print_in_full(apps[-1], kept, stream, targets, width)


def _print_untestable_calls(records: Iterable[Record], stream: TextIO, width: int) -> None:
    """Print a sentence about each app whose calls are not testable."""
    for app in dict.fromkeys(str(record.get("target")) for record in records):
        if sentence := untestable_calls(app):
            say(stream, "\n".join(wrap(sentence, width)))


def _result_lines(
    apps: list[AppVerdict], width: int, plain: bool, marked: Callable[[str], str], regime: RegimeVerdict | None
) -> Iterator[str]:
    """Yield the lines of the result. `marked` adds marks for the directions of a line."""
    latest = latest_rounds(apps)
    if not any(app["valid"] for app in latest):  # the apps have no state, so that there is no table
        yield marked(tr(INVALID_WORD))
        yield from map(marked, _wrapped(reasons(latest), width))
        yield from map(marked, wrap(apps_without_result(latest), width, 3))
        return
    yield from map(marked, _wrapped(reasons(latest), width))
    rules = rules_of_network(regime, latest)
    yield from map(marked, _wrapped([rules] if rules else [], width))
    yield from map(marked, headline(latest, width, unicode=not plain, together=bool(rules)))
    rows = [app for app in latest if not (rules and is_stopped(app))]
    yield from table_lines(rows, width, coloured=not plain, marked=marked) if rows else ()
    yield from map(marked, _wrapped(round_sentences(apps, latest), width))


def _wrapped(sentences: Iterable[str], width: int) -> Iterator[str]:
    for sentence in sentences:
        yield from wrap(sentence, width)


def _print_in_full(app: AppVerdict, records: list[Record], stream: TextIO, targets: Targets, width: int) -> None:
    """Print the plain sentences about the only app of a run: one for each reason, with the services that share it."""
    from probe.analysis.verdicts.plain_sentences import plain_sentence

    groups: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.get("valid", True) and record.get("state") != "ok":
            groups.setdefault((str(record.get("state")), str(record.get("rule_id"))), []).append(record)
    for first, *others in groups.values():
        sentence = plain_sentence(first, targets.get(app["app"]), alike=others)
        say(stream, "\n".join(wrap(sentence, width)))
