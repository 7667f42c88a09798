"""Implement `probe judge`: verdicts from results files, with the same bytes as `probe run --json` printed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, is_plain, lab_of, print_verdicts, say, targets_of
from probe.messages import tr, tr_plural

INVALID_INPUT = 6

app = new_app()


@app.command()
def judge(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Results files, folders, or - for standard input.")
    ],
    json: Annotated[bool, opt("--json", help="Print verdict records, one JSON object per line.")] = False,
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change the verdict.")] = False,
    plain: Annotated[bool, opt("--plain", help="Print without colour and Unicode.")] = False,
) -> None:
    """Compute the verdicts of results files and OONI archives again.

    Lines that cannot be used are named on stderr, and the exit code is then 6. The other lines are judged.
    """
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.analysis.verdicts.verdicts import judge_measurement, to_json
    from probe.cli.results.why import Explanations

    if json and why:
        raise UsageError(tr("The options --why and --json cannot be combined. Give only one of them."), 2)
    skipped, headed = SkippedLines(), None
    with SQLiteEngine() as engine:
        explanations = Explanations(engine)
        for file, number, measurement in usable_measurements(files, skipped):
            records = judge_measurement(measurement, file=file, number=number, engine=engine)
            if json:
                sys.stdout.writelines(to_json(record) + "\n" for record in records)
            else:
                scenario = lab_of([measurement])
                shown = scenario if scenario != headed else None  # one heading for all measurements of a scenario
                simple = is_plain(plain, sys.stdout)
                if why:
                    explanations.say_all(records, measurement, simple, shown)
                else:
                    print_verdicts(records, sys.stdout, simple, lab=shown, targets=targets_of([measurement]))
                headed = scenario
    sys.stdout.flush()
    if skipped.lines:
        unusable = tr_plural("{count} line could not be used.", "{count} lines could not be used.", skipped.lines)
        say(sys.stderr, f"probe: {unusable}")
        raise typer.Exit(INVALID_INPUT)


class SkippedLines:
    """Count the lines that could not be used."""

    def __init__(self) -> None:
        self.lines = 0

    def name(self, file: str, number: int, sentence: str) -> None:
        """Count one line, and print its file, number and reason on stderr."""
        self.lines += 1
        say(sys.stderr, f"probe: {file}:{number}: {tr(sentence)}")


def usable_measurements(sources: list[str], skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Iterate over (file name, line number, measurement) of everything that can be judged. Raises UsageError."""
    from probe.analysis.verdicts.verdicts import reason_unusable
    from probe.results import Problem, ResultsError, file_name, find_files, read_lines

    try:
        found = find_files([Path(source) for source in sources])
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not found:
        raise UsageError(tr("No results files were found in {paths}.", paths=", ".join(sources)), INVALID_INPUT)
    for source in found:
        for number, read in read_lines(source):
            problem = read.sentence if isinstance(read, Problem) else reason_unusable(read)
            if problem is not None:
                skipped.name(file_name(source), number, problem)
            elif isinstance(read, dict):
                yield file_name(source), number, read
