"""Implement `probe show`: the verdicts of a run, and with --why their evidence."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.completions import complete_run
from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT, SkippedLines, usable_measurements
from probe.cli.screen import UsageError, is_plain, print_verdicts, say, targets_of
from probe.formats.origin import REAL, Origin, origin_of
from probe.messages import tr
from probe.results import LAST, ResultsError, is_run, numbered_run, results_root

Measurements = Iterator[tuple[str, int, dict[str, Any]]]
GROUPED = 2000  # verdicts that are held for grouping. A run has about 60.

app = new_app()


@app.command()
def show(
    source: Annotated[
        str,
        typer.Argument(
            metavar="[last|N|FILE]",
            help="The last run, the run with this number in `probe list`, or a results file.",
            autocompletion=complete_run,
        ),
    ] = LAST,
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change the verdict.")] = False,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
    html: Annotated[Path | None, opt("--html", help="Write one HTML page that opens without network.")] = None,
) -> None:
    """Show what a run found. --why shows the evidence.

    The verdicts are computed again from the measurements.
    """
    skipped = SkippedLines()
    measurements = usable_measurements(_sources(source, results), skipped)
    if html is not None:
        _write_receipt(html, measurements)
    elif why:
        _print_reasons(measurements, is_plain(plain, sys.stdout))
    else:
        _print_verdicts(measurements, is_plain(plain, sys.stdout))
    skipped.end()


def _print_verdicts(measurements: Measurements, plain: bool) -> None:
    """Print the verdicts. Services of all measurements that share their evidence are grouped, up to a limit."""
    from probe.analysis.verdicts.verdicts import judge_each

    records, targets, origin = list[dict[str, Any]](), dict[str, Mapping[str, Any]](), REAL
    for (_, _, measurement), found in judge_each(measurements):
        records += found
        targets |= targets_of([measurement])
        origin = origin if origin.artificial else origin_of(measurement)
        if len(records) >= GROUPED:
            print_verdicts(records, sys.stdout, plain, origin=origin, targets=targets)
            records, targets = [], {}
    print_verdicts(records, sys.stdout, plain, origin=origin, targets=targets)


def _write_receipt(path: Path, measurements: Measurements) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.analysis.verdicts.verdicts import judge_measurement
    from probe.cli.results.pages import write_receipt
    from probe.cli.results.why import Explanations, evidence

    with SQLiteEngine(repeats=True) as engine:
        explanations = Explanations(engine)

        def judged() -> Iterator[tuple[str, int, dict[str, Any], dict[str, list[str]]]]:
            for file, number, measurement in measurements:
                records = judge_measurement(measurement, file=file, number=number, engine=engine)
                found = explanations.of(records, measurement)
                shown = {record["service"]: list(evidence(record, measurement, found)) for record in records}
                yield file, number, measurement, shown

        write_receipt(path, judged())


def _print_reasons(measurements: Measurements, plain: bool) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.analysis.verdicts.verdicts import judge_measurement
    from probe.cli.results.why import Explanations

    headed: Origin = REAL
    with SQLiteEngine(repeats=True) as engine:
        reasons = Explanations(engine)
        for file, number, measurement in measurements:
            records = judge_measurement(measurement, file=file, number=number, engine=engine)
            origin = origin_of(measurement)
            reasons.say_all(records, measurement, plain, origin if origin != headed else REAL)
            headed = origin


def _sources(source: str, results: Path | None) -> list[str]:
    """Return the named file, or the file of the run with this number. Raises UsageError."""
    if not is_run(source):
        return [source]
    try:
        path = numbered_run(source, results_root(results))
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    say(sys.stderr, tr("Results file: {path}", path=path))
    return [str(path)]
