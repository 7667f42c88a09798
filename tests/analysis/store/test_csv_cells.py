"""Test that no text in a CSV file is run by a spreadsheet, and that the original text can be restored."""

import csv
import io
import unicodedata
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from probe.analysis.store import export as exporting
from probe.analysis.store.columns import schema
from probe.analysis.store.csv_cells import SEPARATORS, SIGNS, neutralized, original

COMMAND = "cmd|' /C calc'!A0"
IN_FRONT = [
    "", "\n", "\r", "\r\n", "\t", " ", "\xa0", "\u2003", "\u3000", "\v", "\f", "\x00", "\x1f", "\x85", "\u2028",
    "\ufeff", "\u200b", "\u200d", "\u2060", "\xad", "\u061c", "\u202e", "\u2066", "\u180e", "\u034f", "\ufe0f",
    "\u3164", "'", '"', "''", '" ', "＇", "＂", "’", "“", "\ufeff\n \u200b'\"",
]  # fmt: skip
SPELLINGS = "=+-@＝＋－＠﹦﹢﹣﹫−⁼₌⁺₊⁻₋"


def runs(cell: str) -> bool:
    """Return whether a spreadsheet may run a cell, by another way than the program's: NFKC, then the categories."""
    plain = unicodedata.normalize("NFKC", cell).replace("\u2212", "-")
    kept = [char for char in plain if unicodedata.category(char)[0] not in "ZC"]
    return bool(kept) and kept[0] in "=+-@"


def cells_of(text: str, delimiter: str) -> list[str]:
    return [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) for cell in row]


@pytest.mark.parametrize("front", IN_FRONT)
def test_formula_in_every_spelling_becomes_text(front: str) -> None:
    for text in (f"{front}{sign}{COMMAND}" for sign in SPELLINGS):
        assert neutralized(text).startswith("'" + front[:1])
        assert original(neutralized(text)) == text


@pytest.mark.parametrize("text", ["", "a=1", "a@b.example", "web.telegram.org", "x - y", "3-4", '{"a":-1, "b": [-1]}'])
def test_other_text_is_unchanged(text: str) -> None:
    assert neutralized(text) == text == original(text)


def test_signs_are_all_that_look_like_one() -> None:
    alike = {chr(n) for n in range(0x110000) if unicodedata.normalize("NFKC", chr(n))[:1] in {*"=+-@−"}}
    assert set(SIGNS) == alike


pieces = st.sampled_from([*IN_FRONT, *SPELLINGS, *SEPARATORS, ",", ";", "|", "1", "a", COMMAND])
texts = st.lists(st.one_of(pieces, st.text(max_size=3)), max_size=12).map("".join)


@given(texts)
@example("x\n=1")
@example("a;=1")
@example("'=1")
@example("\n\n\n=1")
def test_text_runs_nowhere_and_can_be_restored(text: str) -> None:
    written = neutralized(text)
    assert not runs(written)
    assert original(written) == text


@given(st.lists(texts, min_size=1, max_size=4))
def test_file_runs_nowhere_with_every_separator(row: list[str]) -> None:
    """Read a file as a spreadsheet does whose list separator is another one."""
    out = io.StringIO(newline="")
    csv.writer(out).writerow(["start", *map(neutralized, row)])
    assert cells_of(out.getvalue(), ",") == ["start", *map(neutralized, row)]
    for delimiter in (",", ";", "\t"):
        assert not any(map(runs, cells_of(out.getvalue(), delimiter)))


def test_long_text_takes_linear_time() -> None:
    """Neutralize ten million characters that all need a decision. A quadratic way would take hours."""
    for text in (";=" * 500_000, "\n" * 1_000_000, " " * 1_000_000 + "=", "\n=" * 500_000):
        assert original(neutralized(text)) == text


def some_batch(texts: list[str | None], numbers: list[int | None]) -> pa.RecordBatch:
    """Return rows of the table `verdicts` with these values in a column of texts, of lists and of numbers."""
    columns = schema("verdicts")
    given = {
        "network": texts,
        "mechanisms": [[text or ""] for text in texts],
        "hop_ttl": numbers,
        "throughput_ratio": [None if number is None else number / 2 for number in numbers],
    }
    arrays = [pa.array(given.get(name, [None] * len(texts)), columns.field(name).type) for name in columns.names]
    return pa.RecordBatch.from_arrays(arrays, schema=columns)


def test_type_of_column_decides_on_negative_numbers(tmp_path: Path) -> None:
    batch = some_batch(["-5", "=1", None, "NA"], [-5, 7, None, -1])
    exporting.WRITERS["csv"](tmp_path / "x.csv", "verdicts", iter([batch]))
    with (tmp_path / "x.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["hop_ttl"] for row in rows] == ["-5", "7", "", "-1"] and rows[0]["throughput_ratio"] == "-2.5"
    assert [row["network"] for row in rows] == ["'-5", "'=1", "", "NA"]


def test_names_of_columns_are_neutralized(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "schema", lambda _: pa.schema([("=1+1", pa.string())]))
    exporting.WRITERS["csv"](tmp_path / "x.csv", "verdicts", iter([]))
    assert (tmp_path / "x.csv").read_text() == "'=1+1\n"
