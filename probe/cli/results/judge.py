"""`probe judge`: lines → verdicts, again and anywhere; the same bytes as the run printed."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, is_plain, lab_of, print_verdicts, say, targets_of

INVALID_INPUT = 6

app = new_app()


@app.command()
def judge(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Files of lines, folders of them, or - for standard input.")
    ],
    json: Annotated[bool, opt("--json", help="Print verdict records, one JSON object a line.")] = False,
    why: Annotated[bool, opt("--why", help="Show the evidence, the rule, and what would change it.")] = False,
    plain: Annotated[bool, opt("--plain", help="No colour, no Unicode.")] = False,
) -> None:
    """Judge lines again, from any file, OONI's archives included.

    Lines that cannot be used are named and counted, the rest is judged, and the exit is 6.
    """
    from probe.analysis.engines.engine import SQLiteEngine
    from probe.analysis.verdicts.verdicts import judge_measurement, to_json
    from probe.cli.results.why import Explanations

    if json and why:
        raise UsageError("--why is for people and --json for programs; give one of them", 2)
    skipped, headed = SkippedLines(), None
    with SQLiteEngine() as engine:
        reasons = Explanations(engine)
        for file, number, line in usable_measurements(files, skipped):
            records = judge_measurement(line, file=file, number=number, engine=engine)
            if json:
                sys.stdout.writelines(to_json(record) + "\n" for record in records)
            else:
                scenario = lab_of([line])
                shown = scenario if scenario != headed else None  # once above all lines of one scenario
                simple = is_plain(plain, sys.stdout)
                if why:
                    reasons.say_all(records, line, simple, shown)
                else:
                    print_verdicts(records, sys.stdout, simple, lab=shown, targets=targets_of([line]))
                headed = scenario
    sys.stdout.flush()
    if skipped.lines:
        say(sys.stderr, f"probe: {skipped.lines} line(s) could not be used")
        raise typer.Exit(INVALID_INPUT)


class SkippedLines:
    """How many lines could not be used."""

    def __init__(self) -> None:
        self.lines = 0

    def name(self, file: str, number: int, sentence: str) -> None:
        """Name one of them on stderr."""
        self.lines += 1
        say(sys.stderr, f"probe: {file}:{number}: {sentence}")


def usable_measurements(sources: list[str], skipped: SkippedLines) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Iterate over (file name, line number, line) of everything that can be judged. Raises UsageError."""
    from probe.analysis.verdicts.verdicts import reason_unusable
    from probe.results import Problem, ResultsError, file_name, find_files, read_lines

    try:
        found = find_files([Path(source) for source in sources])
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not found:
        raise UsageError(f"there are no lines in {', '.join(sources)}", INVALID_INPUT)
    for source in found:
        for number, line in read_lines(source):
            problem = line.sentence if isinstance(line, Problem) else reason_unusable(line)
            if problem is not None:
                skipped.name(file_name(source), number, problem)
            elif isinstance(line, dict):
                yield file_name(source), number, line
