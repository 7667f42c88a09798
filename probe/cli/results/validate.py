"""Implement `probe validate`: check results files against the published schema."""

import sys
from collections.abc import Iterator
from contextlib import nullcontext
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import new_app, opt
from probe.cli.results.unusable_lines import INVALID_INPUT, files_of
from probe.cli.screen import UsageError, say
from probe.messages import in_english, listed, mark, printable, tr, tr_plural
from probe.platforms.installation import command_for

if TYPE_CHECKING:
    from probe.results.validation import SchemaFinding, ValidationTally

USAGE = 2
NEEDS = mark("probe validate needs jsonschema-rs. This command installs it: {command}")

app = new_app()


@app.command()
def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE", help="Results files, folders, or - for standard input.")
    ],
    json: Annotated[bool, opt("--json", help="Print one JSON object per file.")] = False,
) -> None:
    """Check results files against the published schema. Each problem is printed once, with first place and count."""
    valid, ours, foreign = True, 0, 0
    with in_english() if json else nullcontext():
        for name, tally in _tallies(files):
            if json:
                say(sys.stdout, as_json(name, tally))
            else:
                for row in as_text(name, tally):
                    say(sys.stdout, printable(row))
            valid, ours = valid and not tally.findings, ours + tally.ours
            foreign += tally.foreign.total()
    if not ours and foreign:
        nothing = tr("Nothing was checked: no measurement is from censorprobe. `probe judge` reads OONI's too.")
        raise UsageError(nothing, INVALID_INPUT)
    if not valid:
        raise typer.Exit(INVALID_INPUT)


def _tallies(sources: list[str]) -> Iterator[tuple[str, "ValidationTally"]]:
    """Iterate over files and their findings, reading one line at a time. Raises UsageError."""
    from probe.results import file_name, read_lines

    try:
        from probe.results.validation import ValidationTally
    except ModuleNotFoundError as missing:
        if missing.name != "jsonschema_rs":
            raise
        raise UsageError(tr(NEEDS, command=command_for("analysis")), USAGE) from None
    found = files_of(sources)
    for problem in found.refused:
        tally = ValidationTally()
        tally.add(0, problem)
        yield problem.file, tally
    for source in found.files:
        tally = ValidationTally()
        for number, line in read_lines(source):
            tally.add(number, line)
        yield file_name(source), tally


def as_text(name: str, tally: "ValidationTally") -> Iterator[str]:
    """Iterate over the lines for the user: one about the file, and one for each problem."""
    checked = tally.ours + tally.unreadable
    if checked:
        yield tr_plural(
            "{file}: {fitting} of {count} line fits the schema.",
            "{file}: {fitting} of {count} lines fit the schema.",
            checked,
            file=name,
            fitting=tally.fitting,
        )
    for finding in tally.findings.values():
        yield f"  {describe_finding(finding)}"
    if tally.beyond:
        yield "  " + tr_plural(
            "{count} more problem, which is not listed.", "{count} more problems, which are not listed.", tally.beyond
        )
    if tally.foreign:
        yield tr_plural(
            "{file}: {count} line is from other software ({software}) and was not checked.",
            "{file}: {count} lines are from other software ({software}) and were not checked.",
            tally.foreign.total(),
            file=name,
            software=listed(software for software, _ in tally.foreign.most_common(3)),
        )


def describe_finding(finding: "SchemaFinding") -> str:
    """Return one problem as a line: place, problem, count, and the first line with the value there."""
    place = f"{finding['place']}: " if finding["place"] else ""
    first = f", {finding['first_path']}" if finding["first_path"] != finding["place"] else ""
    value = f" ({finding['first_value']})" if finding["first_value"] else ""
    often = tr_plural(
        "{count} time, first in line {line}", "{count} times, first in line {line}", finding["count"],
        line=finding["first_line"],
    )  # fmt: skip
    return f"{place}{finding['sentence']}: {often}{first}{value}"


def as_json(name: str, tally: "ValidationTally") -> str:
    """Return the findings of a file as one JSON object."""
    import json

    found = {
        "file": name,
        "lines": tally.lines,
        "fitting": tally.fitting,
        "unreadable": tally.unreadable,
        "foreign": dict(tally.foreign),
        "problems": list(tally.findings.values()),
        "problems_beyond": tally.beyond,
    }
    return json.dumps(found)
