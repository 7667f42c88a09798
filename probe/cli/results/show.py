"""Implement `probe show`: the verdicts of a run, and with --why their evidence."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, clean, is_plain, lab_of, print_verdicts, say, targets_of
from probe.messages import tr
from probe.results import Problem, ResultsError, file_name, find_files, read_lines, results_root, run_files

app = new_app()


@app.command()
def show(
    source: Annotated[
        str, typer.Argument(metavar="[last|FILE]", help="A results file. Default: the last run.")
    ] = "last",
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change the verdict.")] = False,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
    html: Annotated[Path | None, opt("--html", help="Write one HTML page that opens without network.")] = None,
) -> None:
    """Show what a run found. --why shows the evidence.

    The verdicts are computed again from the measurements.
    """
    problems: list[Problem] = []
    measurements = [entry for path in _paths(source, results) for entry in _usable(path, problems)]
    for problem in problems:
        say(sys.stderr, f"probe: {clean(problem)}")
    from probe.analysis.verdicts.verdicts import judge_measurements

    records = list(judge_measurements(measurements))
    simple = is_plain(plain, sys.stdout)
    lab = lab_of(measurement for _, _, measurement in measurements)
    if html is not None:
        _write_receipt(html, records, measurements)
    elif why:
        _print_reasons(records, measurements, lab, simple)
    else:
        print_verdicts(records, sys.stdout, simple, lab=lab, targets=targets_of(one for _, _, one in measurements))
    if problems:
        raise typer.Exit(6)


def _write_receipt(
    path: Path, records: list[dict[str, Any]], measurements: list[tuple[str, int, dict[str, Any]]]
) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.cli.results.pages import write_receipt
    from probe.cli.results.why import Explanations, evidence

    with SQLiteEngine() as engine:
        explanations = Explanations(engine)
        shown = {
            (record["measurement_file"], record["measurement_line"], record["service"]): list(
                evidence(record, measurement, explanations.of(record, measurement))
            )
            for record, measurement in _with_lines(records, measurements)
        }
    write_receipt(path, measurements, shown)


def _print_reasons(
    records: list[dict[str, Any]], measurements: list[tuple[str, int, dict[str, Any]]], lab: str | None, plain: bool
) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.cli.results.why import Explanations

    with SQLiteEngine() as engine:
        reasons = Explanations(engine)
        for record, measurement in _with_lines(records, measurements):
            reasons.say(record, measurement, plain, lab)
            lab = None


def _with_lines(
    records: list[dict[str, Any]], measurements: list[tuple[str, int, dict[str, Any]]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    placed = {(name, number): measurement for name, number, measurement in measurements}
    return ((record, placed[record["measurement_file"], record["measurement_line"]]) for record in records)


def _paths(source: str, results: Path | None) -> list[Path]:
    if source != "last":
        try:
            return find_files([source])
        except ResultsError as error:
            raise UsageError(str(error), 6) from None
    root = results_root(results)
    found = run_files(root) if root.is_dir() else []
    if not found:
        raise UsageError(tr("There are no runs in {folder} yet. `probe run` makes one.", folder=root), 6)
    latest = max(found, key=lambda path: path.stat().st_mtime_ns)
    say(sys.stderr, tr("Results file: {path}", path=latest))
    return [latest]


def _usable(path: Path, problems: list[Problem]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for number, read in read_lines(path):
        if isinstance(read, Problem):
            problems.append(read)
        else:
            yield file_name(path), number, read
