"""Test the files that a page writes: read them with csv, json, pyarrow and DuckDB."""

import csv
import io
import json
import unicodedata
from pathlib import Path
from typing import Any

import duckdb
import pyarrow
import pyarrow.parquet
import pytest
from playwright.sync_api import Page

from probe.analysis.report.page.render import HERE
from probe.analysis.store.csv_cells import SEPARATORS, SIGNS, cell, neutralized, original
from tests.browser.test_page import EVIL, world
from tests.support.browser import Seen, made
from tests.support.measurements.verdict_rows import blocked, rows

FORMATS = {"CSV": "csv", "JSON": "json", "Parquet": "parquet"}
# These are loaded as the page loads them, with the constants that the page gives to them.
CSV = (HERE / "scripts" / "csv.js").read_text()
PARQUET = (HERE / "scripts" / "parquet.js").read_text()
FORMULAS = [
    *("=1+1", "+1", "-1", "@SUM(A1)", "＝1", " =1", "\t=1", "'=1", "\u200b=1", "a\n=1", "a;=1", "a; \t-1", "a;b;@c"),
    *(
        "",
        "plain",
        "a=b",
        "a-b",
        "it's",
        '"quoted"',
        "a,b",
        "a\r\nb",
        "\0=1",
        ";=1",
        "\t;\t=1",
        "\u3164+1",
        "e\u0301=1",
    ),
    *("\u0301=1", "\U0001f600=1", "\U000e0001=1", "'", "''=", "\u2028=1", "a\u2029\u2029-"),
]


def downloaded(page: Page, name: str) -> bytes:
    """Click a button, and return the file that it gives."""
    with page.expect_download() as waiting:
        page.get_by_role("button", name=name, exact=True).click()
    assert waiting.value.suggested_filename.endswith(f".{FORMATS[name]}")
    return Path(waiting.value.path()).read_bytes()


def records(content: bytes) -> list[dict[str, Any]]:
    return list(json.loads(content))


def test_json_has_the_cells_that_are_shown(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    everything = records(downloaded(page, "JSON"))
    assert len(everything) == 6
    page.locator("#filters").get_by_label("State").select_option("blocked")
    (one,) = records(downloaded(page, "JSON"))
    assert one | {"example_line": 0} == {
        "service": "telegram/web",
        "vantage": "IR AS64500",
        "cc": "IR",
        "country": "Iran",
        "region": "Southern Asia",
        "asn": "AS64500",
        "network": "",
        "state": "blocked",
        "found": "blocked",
        "mechanisms": "tls.reset.sni",
        "throughput_median": None,
        "throughput_low": None,
        "throughput_high": None,
        "cutoff_median": None,
        "cutoff_low": None,
        "cutoff_high": None,
        "whole_network": 0,
        "text": "BLOCKED 300/300, since 2026-10-11, fails 72-100 %",
        "since": "2026-10-11",
        "first": "2026-10-07",
        "last": "2026-10-20",
        "networks": 1,
        "failing": 1,
        "days": 10,
        "failing_days": 10,
        "low": pytest.approx(0.7224672001371107),
        "high": 1,
        "n": 350,
        "runs": 350,
        "reporters_max": 350,
        "not_counted": 0,
        "direction": None,
        "p_value": None,
        "example_file": "a.jsonl",
        "example_line": 0,
    }
    gap = next(record for record in everything if record["service"] == "signal/calls" and record["cc"] == "DE")
    assert (gap["found"], gap["since"], gap["networks"], gap["low"], gap["example_file"]) == (None,) * 5


def test_formats_have_equal_rows(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.get_by_label("Order of services").select_option("worst first")
    wanted = records(downloaded(page, "JSON"))
    assert wanted[0]["service"] == "telegram/web"
    written = list(csv.DictReader(io.StringIO(downloaded(page, "CSV").decode(), newline="")))
    as_text = [{key: "" if value is None else str(value) for key, value in record.items()} for record in wanted]
    assert [{key: value.replace(".0", "") for key, value in record.items()} for record in written] == [
        {key: value.replace(".0", "") for key, value in record.items()} for record in as_text
    ]
    assert pyarrow.parquet.read_table(io.BytesIO(downloaded(page, "Parquet"))).to_pylist() == wanted


def test_file_is_empty_if_nothing_is_shown(open_page: Seen) -> None:
    page = open_page.show(made(world()))
    page.get_by_label("Search").fill("nothing of this name")
    assert downloaded(page, "JSON") == b"[]"
    assert downloaded(page, "CSV").startswith(b"service,vantage,cc,") and downloaded(page, "CSV").count(b"\r\n") == 1
    assert pyarrow.parquet.read_table(io.BytesIO(downloaded(page, "Parquet"))).num_rows == 0


def test_hostile_names_stay_text_in_every_format(open_page: Seen) -> None:
    names = [name for name in (*FORMULAS, EVIL) if name and "\0" not in name]
    page = open_page.show(made(*(rows(5, service=name, target=name) for name in names)))
    wanted = [record["service"] for record in records(downloaded(page, "JSON"))]
    assert sorted(wanted) == sorted(names)
    written = [row["service"] for row in csv.DictReader(io.StringIO(downloaded(page, "CSV").decode(), newline=""))]
    assert written == [cell(name) for name in wanted]
    assert pyarrow.parquet.read_table(io.BytesIO(downloaded(page, "Parquet")))["service"].to_pylist() == wanted


def test_csv_marks_formulas_as_export_does(open_page: Seen) -> None:
    page = open_page.show(made(rows(1)))
    texts = [*FORMULAS, *(f"{before}{sign}1" for sign in SIGNS for before in ("", " ", "x", *SEPARATORS))]
    known = [chr(point) for point in range(0x3000) if unicodedata.category(chr(point)) != "Cn"]  # Unicode grows
    texts += [f"{character}=1" for character in known] + [f"x;{character}=1" for character in known]
    script = f"(texts) => {{ const data = JSON.parse(document.getElementById('data').textContent); {CSV}\n"
    found = page.evaluate(script + "return texts.map(neutralized); }", texts)
    differing = [(text, one) for text, one in zip(texts, found, strict=True) if one != cell(text)]
    assert differing == []
    assert [original(neutralized(text)) for text in texts] == texts


def parquet(page: Page, columns: list[list[str]], values: list[list[Any]]) -> bytes:
    script = f"([columns, rows]) => {{ {PARQUET}\nreturn [...parquetOf(columns, rows, 'a test')]; }}"
    return bytes(page.evaluate(script, [columns, values]))


COLUMNS = [["name", "text"], ["number", "whole"], ["share", "fraction"]]
TABLES: list[list[list[Any]]] = [
    [],
    [["a", 1, 0.5]],
    [[None, None, None]],
    [["", 0, 0.0], [None, 2**53 - 1, 1e-300], ["ü\u2028\U0001f600\0", None, None], ["x" * 100_000, -5, -1.5]],
    [[None if number % 3 else str(number), number, None if number % 5 else number / 7] for number in range(3000)],
    [["same", 7, 0.1]] * 20_000,
]


@pytest.mark.parametrize("values", TABLES, ids=range(len(TABLES)))
def test_parquet_is_read_by_pyarrow_and_duckdb(open_page: Seen, tmp_path: Path, values: list[list[Any]]) -> None:
    page = open_page.show(made(rows(1)))
    file = tmp_path / "cells.parquet"
    file.write_bytes(parquet(page, COLUMNS, values))
    read = pyarrow.parquet.read_table(file)
    assert [(field.name, str(field.type)) for field in read.schema] == [
        *(("name", "string"), ("number", "int64"), ("share", "double")),
    ]
    assert [list(row.values()) for row in read.to_pylist()] == values
    with duckdb.connect() as connection:
        assert [
            list(row) for row in connection.execute("SELECT * FROM read_parquet(?)", [str(file)]).fetchall()
        ] == values
    assert pyarrow.parquet.ParquetFile(file).metadata.created_by == "a test"


def test_many_columns_are_read(open_page: Seen) -> None:
    """Check lists of more than 14 entries, which have another header."""
    page = open_page.show(made(rows(1)))
    content = parquet(page, [[f"c{number}", "whole"] for number in range(300)], [list(range(300))])
    assert list(pyarrow.parquet.read_table(io.BytesIO(content)).to_pylist()[0].values()) == list(range(300))


def test_large_page_gives_files(open_page: Seen) -> None:
    many = [row for asn in range(100) for row in blocked(1, probe_asn=f"AS{asn + 1}", service=f"t/{asn % 40}")]
    page = open_page.show(made(many))
    assert pyarrow.parquet.read_table(io.BytesIO(downloaded(page, "Parquet"))).num_rows == 4000
