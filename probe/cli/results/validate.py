"""`probe validate`: do lines fit the published schema, and where do they not?"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import new_app, opt
from probe.cli.screen import UsageError, clean, say

if TYPE_CHECKING:
    from probe.results.validation import Finding, Tally

INVALID_INPUT, USAGE = 6, 2
NEEDS = (
    "probe validate needs jsonschema-rs, which the extra [analysis] brings: pip install 'censorprobe[analysis]', "
    "or in a checkout: pip install -e '.[analysis]'"
)

app = new_app()


@app.command()
def validate(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="Files of lines, folders of them, or - for standard input.")
    ],
    json: Annotated[bool, opt("--json", help="Print what was found, one JSON object a file.")] = False,
) -> None:
    """Say whether lines fit the published schema; what does not is named once, with its first place and a count."""
    fine, ours, strangers = True, 0, 0
    for name, tally in _tallies(files):
        if json:
            say(sys.stdout, as_json(name, tally))
        else:
            for row in as_text(name, tally):
                say(sys.stdout, clean(row))
        fine, ours = fine and not tally.findings, ours + tally.ours
        strangers += tally.foreign.total()
    if not ours and strangers:
        raise UsageError(
            "nothing was checked: no line is of censorprobe; `probe judge` reads others' too", INVALID_INPUT
        )
    if not fine:
        raise typer.Exit(INVALID_INPUT)


def _tallies(sources: list[str]) -> Iterator[tuple[str, "Tally"]]:
    """Read file by file, a line at a time. Raises UsageError."""
    from probe.results import ResultsError, file_name, find_files, read_lines

    try:
        from probe.results.validation import Tally
    except ModuleNotFoundError as missing:
        if missing.name != "jsonschema_rs":
            raise
        raise UsageError(NEEDS, USAGE) from None
    try:
        found = find_files([Path(source) for source in sources])
    except ResultsError as error:
        raise UsageError(str(error), INVALID_INPUT) from None
    if not found:
        raise UsageError(f"there are no lines in {', '.join(sources)}", INVALID_INPUT)
    for source in found:
        tally = Tally()
        for number, line in read_lines(source):
            tally.add(number, line)
        yield file_name(source), tally


def as_text(name: str, tally: "Tally") -> Iterator[str]:
    """What people read: a sentence about the file, and a row for each problem."""
    checked = tally.ours + tally.unreadable
    if checked:
        yield f"{name}: {tally.fitting} of {_lines(checked)} fit"
    for finding in tally.findings.values():
        yield f"  {in_words(finding)}"
    if tally.beyond:
        yield f"  and {tally.beyond} problems more, at other places"
    if tally.foreign:
        who = ", ".join(software for software, _ in tally.foreign.most_common(3))
        yield f"{name}: {_lines(tally.foreign.total())} of other software ({who}), for which this schema is not meant"


def _lines(count: int) -> str:
    return "1 line" if count == 1 else f"{count} lines"


def in_words(finding: "Finding") -> str:
    """One problem: where, what, how often, and where it was met first."""
    first = f"first at line {finding['first_line']}"
    if finding["first_path"] != finding["place"]:
        first += f", {finding['first_path']}"
    value = f" ({finding['first_value']})" if finding["first_value"] else ""
    where = f"{finding['place']}: " if finding["place"] else ""
    often = "once" if finding["count"] == 1 else f"{finding['count']} times"
    return f"{where}{finding['sentence']}; {often}, {first}{value}"


def as_json(name: str, tally: "Tally") -> str:
    """The same for programs."""
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
