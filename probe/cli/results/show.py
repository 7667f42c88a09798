"""`probe show`: what a run found; with --why the evidence, the rule, and what would change the verdict."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, clean, is_plain, lab_of, print_verdicts, say, targets_of
from probe.results import Problem, ResultsError, file_name, find_files, read_lines, results_root, run_files

app = new_app()


@app.command()
def show(
    source: Annotated[str, typer.Argument(metavar="[last|FILE]", help="A file; default: the last run.")] = "last",
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change it.")] = False,
    results: Annotated[Path | None, opt("--results", help="Folder of the results.")] = None,
    plain: Annotated[bool, opt("--plain", help="No colour, no Unicode.")] = False,
    html: Annotated[Path | None, opt("--html", help="Write it as one page, which opens offline.")] = None,
) -> None:
    """Show what a run found; --why gives the evidence.

    The verdicts are worked out again from the lines: the same rules, the same answer.
    """
    problems: list[Problem] = []
    lines = [entry for path in _paths(source, results) for entry in _usable(path, problems)]
    for problem in problems:
        say(sys.stderr, f"probe: {clean(problem)}")
    from probe.analysis.verdicts.verdicts import judge_measurements

    records = list(judge_measurements(lines))
    simple = is_plain(plain, sys.stdout)
    lab = lab_of(line for _, _, line in lines)
    if html is not None:
        _write_receipt(html, records, lines)
    elif why:
        _print_reasons(records, lines, lab, simple)
    else:
        print_verdicts(records, sys.stdout, simple, lab=lab, targets=targets_of(line for _, _, line in lines))
    if problems:
        raise typer.Exit(6)


def _write_receipt(path: Path, records: list[dict[str, Any]], lines: list[tuple[str, int, dict[str, Any]]]) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.cli.results.pages import write_receipt
    from probe.cli.results.why import Explanations, evidence

    with SQLiteEngine() as engine:
        reasons = Explanations(engine)
        shown = {
            (record["measurement_file"], record["measurement_line"], record["service"]): list(
                evidence(record, line, reasons.of(record, line))
            )
            for record, line in _with_lines(records, lines)
        }
    write_receipt(path, lines, shown)


def _print_reasons(
    records: list[dict[str, Any]], lines: list[tuple[str, int, dict[str, Any]]], lab: str | None, plain: bool
) -> None:
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.cli.results.why import Explanations

    with SQLiteEngine() as engine:
        reasons = Explanations(engine)
        for record, line in _with_lines(records, lines):
            reasons.say(record, line, plain, lab)
            lab = None


def _with_lines(
    records: list[dict[str, Any]], lines: list[tuple[str, int, dict[str, Any]]]
) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    placed = {(name, number): line for name, number, line in lines}
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
        raise UsageError(f"there is no run under {root} yet; `probe run` makes one", 6)
    latest = max(found, key=lambda path: path.stat().st_mtime_ns)
    say(sys.stderr, f"from {latest}")
    return [latest]


def _usable(path: Path, problems: list[Problem]) -> Iterator[tuple[str, int, dict[str, Any]]]:
    for number, line in read_lines(path):
        if isinstance(line, Problem):
            problems.append(line)
        else:
            yield file_name(path), number, line
