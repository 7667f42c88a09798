"""Print the result of a run: one row per app, the answer, and with --verbose the verdict on each service."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, TextIO

from probe.analysis.rules.variant import variant_of
from probe.analysis.run_result.app_words import untestable_calls
from probe.analysis.run_result.run_sentences import latest_rounds, outage_of
from probe.analysis.run_result.run_targets import Targets
from probe.analysis.run_result.unfinished_runs import Ending, missing_of
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.analysis.verdicts.network_regimes import RegimeVerdict
from probe.cli.bidi import wants_marks, with_marks
from probe.cli.screen import print_verdicts, say
from probe.cli.summary.result_screen import ResultScreen
from probe.cli.summary.table_layout import screen_lines, screen_width, wrap
from probe.formats.origin import REAL, Origin

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
    ending: Ending = "",
    further: Sequence[str] = (),
    command: str = "",
    taken: int = 0,
) -> None:
    """Print the result on one screen, the answer last. With `verbose` the verdict on each service comes first.

    `service` is the only one of which the verdict is printed then. `ending` says why the run did not come to its end.
    `regime` is the verdict about the network. Where the network blocks all that it does not list, one sentence says
    so, and the apps that are blocked alike have no rows. `further` are sentences for which there may be space, and
    `command` is what the user may call next. `taken` is the number of lines that the screen shows above the result.
    """
    kept, width = list(records), screen_width()
    if not kept:
        return
    apps = judge_apps(kept, targets)
    if verbose:
        _print_missing(missing_of(ending, latest_rounds(apps)), stream, width)
        detailed = [record for record in kept if service in {None, record.get("service")}]
        print_verdicts(detailed or kept, stream, plain, origin=origin, targets=targets)
        _print_untestable_calls(detailed or kept, stream, width)
        for sentence in further:
            say(stream, "\n".join(wrap(sentence, width)))
        say(stream)
    elif len({app["app"] for app in apps}) == 1:
        further = [*_in_full(apps[-1], kept, targets), *further]
    result = ResultScreen(
        apps,
        width,
        unicode=not plain,
        marked=with_marks if wants_marks(stream) else str,
        regime=regime,
        ending="" if verbose else ending,
        origin=REAL if verbose else origin,
        outage="" if verbose else outage_of(kept),
        further=() if verbose else further,
        command=command,
    )
    for line in result.lines(screen_lines(stream, taken)):
        say(stream, coloured=line)


def _print_missing(missing: str, stream: TextIO, width: int) -> None:
    if missing:
        say(stream, "\n".join(wrap(missing, width)))


def _print_untestable_calls(records: Iterable[Record], stream: TextIO, width: int) -> None:
    """Print a sentence about each app whose calls are not testable."""
    for app in dict.fromkeys(str(record.get("target")) for record in records):
        if sentence := untestable_calls(app):
            say(stream, "\n".join(wrap(sentence, width)))


def _in_full(app: AppVerdict, records: list[Record], targets: Targets) -> Iterator[str]:
    """Yield the plain sentences about the only app of a run: one for each reason, with the services that share it."""
    from probe.analysis.verdicts.plain_sentences import plain_sentence

    groups: dict[tuple[str, ...], list[Record]] = {}
    for record in records:
        if record.get("valid", True) and record.get("state") != "ok":
            groups.setdefault((str(record.get("state")), *variant_of(record)), []).append(record)
    for first, *others in groups.values():
        yield plain_sentence(first, targets.get(app["app"]), alike=others)
