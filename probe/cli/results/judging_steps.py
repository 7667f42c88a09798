"""Print how one measurement is judged, step by step (`probe judge --explain FILE:LINE`)."""

import json
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.analysis.run_result.run_sentences import origin_header
from probe.analysis.verdicts.network_regimes import NOT_SHOWN
from probe.cli.results.unusable_lines import INVALID_INPUT, files_of
from probe.cli.screen import WIDTH, UsageError, say, wrapped
from probe.formats.origin import origin_of
from probe.messages import mark, printable, tr, tr_plural
from probe.results import Piece, Problem, read_pieces

if TYPE_CHECKING:
    from probe.analysis.verdicts.step_records import Explanation, JudgedRow, Match

HEADINGS = {
    "name": mark("1. Names"),
    "address": mark("2. Addresses"),
    "endpoint": mark("3. Endpoints"),
    "service": mark("4. Services"),
    "network": mark("Network"),
}
MOST_SUBJECTS = 4  # of equal rows
VALUE_AT = 46  # column of the value of a part that reads one column


def measurement_at(place: str) -> tuple[str, int, dict[str, Any]]:
    """Return (file name, line number, measurement) for "FILE:LINE". Raise UsageError if there is none."""
    from probe.analysis.verdicts.verdicts import reason_unusable

    source, _, digits = place.rpartition(":")
    if not source or not digits.isdecimal() or len(digits) > 18 or int(digits) < 1:
        raise UsageError(
            tr(
                "{place} is no line of a file. Give the file and the number of the line, such as results.jsonl:2.",
                place=printable(place),
            ),
            2,
        )
    name, read = _line(source, int(digits))
    reason = None if isinstance(read, Problem) else reason_unusable(read)
    problem = read if isinstance(read, Problem) else reason and Problem(name, int(digits), reason)
    if isinstance(problem, Problem):
        raise UsageError(str(Problem(printable(name), problem.number, tr(problem.sentence))), INVALID_INPUT)
    assert not isinstance(read, Problem)
    return name, int(digits), read


def _line(source: str, number: int) -> tuple[str, dict[str, Any] | Problem]:
    """Return the name of the file, and its line of that number. Raise UsageError if there is none."""
    found, last = files_of([source]), 0
    if [str(file) for file in found.files] not in ([source], [str(Path(source))]):
        raise UsageError(tr("{path} is a folder. Name one file in it.", path=printable(source)), 2)
    for piece in read_pieces(found.files[0]):
        if piece.number == number:
            return piece.file, piece.document() if isinstance(piece, Piece) else piece
        if isinstance(piece, Problem) and piece.number <= last:  # the file cannot be read further
            return piece.file, piece
        last = piece.number
    blank = tr("Line {number} of {file} is blank.", number=number, file=printable(source))
    ended = tr(
        "{file} has no line {number}. Its last line is {last}.", file=printable(source), number=number, last=last
    )
    raise UsageError(blank if last > number else ended, INVALID_INPUT)


def print_json(place: str) -> None:
    """Print the rows and records of one measurement as one JSON object. Raise UsageError."""
    from probe.analysis.verdicts.step_records import explain

    file, number, measurement = measurement_at(place)
    document = {"file": file, "line": number} | explain(measurement, file=file, number=number).document()
    sys.stdout.write(json.dumps(document) + "\n")


def print_steps(place: str) -> None:
    """Print the rows and records of one measurement, in 80 columns. Raise UsageError."""
    from probe.analysis.verdicts.step_records import explain

    file, number, measurement = measurement_at(place)
    explanation = explain(measurement, file=file, number=number)
    if (origin := origin_of(measurement)).artificial:
        say(sys.stdout, origin_header(origin))
    say(sys.stdout, wrapped(tr("{file}, line {number}", file=file, number=number)))
    for step, rows in groupby(explanation.rows, lambda row: row.step):
        say(sys.stdout, f"\n{tr(HEADINGS[step])}")
        for alike in _alike(rows):
            say(sys.stdout)
            _print_row(alike)
    _print_records(explanation)


def print_network(explanation: "Explanation") -> None:
    """Print the columns of a network, which are the same for each regime, and each rule that holds."""
    say(sys.stdout, tr(HEADINGS["network"]))
    for row in explanation.rows[:1]:
        say(sys.stdout, _columns({name: value for name, value in row.columns.items() if name != "candidate"}, 4))
    for match in (match for row in explanation.rows for match in row.matches if match.rule_id != NOT_SHOWN):
        say(sys.stdout)
        _print_match(match, False)


def _alike(rows: Iterable["JudgedRow"]) -> list[list["JudgedRow"]]:
    """Return the rows with equal columns and rules together, in the order of the first of each."""
    found: dict[str, list[JudgedRow]] = {}
    for row in rows:
        found.setdefault(repr((row.columns, row.matches)), []).append(row)
    return list(found.values())


def _print_row(alike: list["JudgedRow"]) -> None:
    for row in alike[:MOST_SUBJECTS]:
        say(sys.stdout, wrapped(" ".join(row.subject) or tr("(invalid address)"), 4, "  "))
    if (more := len(alike) - MOST_SUBJECTS) > 0:
        say(sys.stdout, "  " + tr_plural("and {count} more, alike", "and {count} more, alike", more))
    columns = alike[0].columns
    text = _columns(columns, 4) if columns else "    " + tr("All columns are at their default.")
    say(sys.stdout, text)
    for match in alike[0].matches:
        _print_match(match, len(alike[0].matches) > 1)


def _print_match(match: "Match", several: bool) -> None:
    sentence = (
        mark("{table} rule {rule}: {state}, decides")
        if several and match.decides
        else mark("{table} rule {rule}: {state}")
    )
    say(sys.stdout, wrapped(tr(sentence, table=match.table, rule=match.rule_id, state=match.state), 6, "    "))
    for part, values in match.condition:
        say(sys.stdout, "\n".join(_condition(part, values)))


def _condition(part: str, values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of one part of a condition: behind it the value of its only column, or below it all values."""
    if len(values) == 1 and len(part) < VALUE_AT - 7:
        yield f"      {part:<{VALUE_AT - 7}} {_value(*values.values())}"
        return
    yield wrapped(part, 8, "      ")
    if values:
        yield _columns(values, 8)


def _columns(columns: Mapping[str, Any], indent: int) -> str:
    """Return columns with their values in lines that end behind a value."""
    lines = [""]
    for item in (f"{name} {_value(value)}" for name, value in columns.items()):
        if lines[-1] and indent + len(f"{lines[-1]}, {item},") >= WIDTH:
            lines[-1] += ","
            lines.append("")
        lines[-1] += f", {item}" if lines[-1] else item
    return "\n".join(wrapped(line, indent + 2, " " * indent) for line in lines)


def _value(value: object) -> str:
    """Return a value as it is written in SQL."""
    if value is None or isinstance(value, bool):
        return {None: "NULL", True: "true", False: "false"}[value]
    return f"'{printable(value)}'" if isinstance(value, str) else str(value)


def _print_records(explanation: "Explanation") -> None:
    say(sys.stdout, "\n" + tr("5. Verdict records"))
    for record in explanation.records:
        state = record["state"] or tr("invalid ({reason})", reason=record["invalid_reason"])
        say(sys.stdout)
        say(sys.stdout, wrapped(f"{record['service']}: {state}", 4, "  "))
        shown = {key: record[key] for key in _SHOWN if record[key] not in (None, [])}
        for key, value in shown.items():
            text = value if isinstance(value, str) else json.dumps(value)
            say(sys.stdout, wrapped(f"{key}: {text}", 6, "    "))


_SHOWN = (
    *("rule_id", "because", "mechanisms", "anomalies", "proof", "attempts", "failures", "controls"),
    *("control_successes", "pass_rate", "throughput_ratio", "cutoff", "media", "hop"),
    "hop_reason",
)
