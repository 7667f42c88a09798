"""Test that pandas reads an exported CSV file as the table was, with our options and with the documented snippets."""

import csv
import re
from pathlib import Path
from typing import Any

import pandas
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from probe.analysis.store.columns import TABLES, schema
from probe.analysis.store.csv_cells import SIGN_OF_NUL, pandas_options
from probe.analysis.store.export import WRITERS, export
from tests.support.store.stores import some_lines, store_of

DOCUMENT = Path(__file__).parents[3] / "docs" / "python-api.md"
LIKE_OTHER_TYPES = ["NA", "NaN", "nan", "null", "None", "", "1.0", "3.10", "007", "1e5", "True", "2026-01-11", "inf"]
SPECIAL = [
    'a, "b"',
    '"',
    "two\nlines",
    "a\rb",
    "a\r\nb",
    "=1+1",
    "\n=1",
    "'",
    "a\0b",
    " x ",
    "\ufeff",
    "\N{SYMBOL FOR NULL}",
]
WORDS = st.text(st.characters(codec="ascii", categories=["L", "N"], include_characters="._"), min_size=1)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.sampled_from(LIKE_OTHER_TYPES + SPECIAL) | st.text(),
    "int64": st.integers(-(2**63), 2**63 - 1),
    "double": st.floats(allow_nan=False, allow_infinity=False),
    "bool": st.booleans(),
    "list<item: string>": st.lists(WORDS, max_size=3),
}
COLUMNS = {column.name: str(column.type) for column in schema("verdicts") if column.name != "measurement_start_time"}
ROWS = st.lists(st.fixed_dictionaries({name: st.none() | VALUES[kind] for name, kind in COLUMNS.items()}), max_size=3)
PANDAS_TYPES = {pa.int64(): pandas.Int64Dtype(), pa.bool_(): pandas.BooleanDtype()}
NUMBERS = ("int64", "double", "bool")
ABSENT = {"string": "", "list<item: string>": []}


def read_back(path: Path, table: str, rows: list[dict[str, Any]]) -> Any:
    """Write rows as CSV, and read them with pandas."""
    WRITERS["csv"](path, table, iter([pa.RecordBatch.from_pylist(rows, schema(table))]))
    return pandas.read_csv(path, **pandas_options(table))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(ROWS)
@example([dict.fromkeys(COLUMNS)])
def test_every_value_is_read_as_it_was(tmp_path: Path, rows: list[dict[str, Any]]) -> None:
    started = [row | {"measurement_start_time": "2026-01-11T13:00:00Z"} for row in rows]
    frame = read_back(tmp_path / "x.csv", "verdicts", started)
    assert len(frame) == len(rows)
    for name, kind in COLUMNS.items():
        wanted = [ABSENT.get(kind) if row[name] is None else row[name] for row in rows]
        wanted = [value.replace("\0", SIGN_OF_NUL) if isinstance(value, str) else value for value in wanted]
        found = [None if kind in NUMBERS and pandas.isna(value) else value for value in frame[name].tolist()]
        assert [(type(value), value) for value in found] == [(type(value), value) for value in wanted], name


def test_time_has_zone_and_numbers_have_types(tmp_path: Path) -> None:
    start = {"measurement_start_time": "2026-01-11T13:00:07Z"}
    frame = read_back(tmp_path / "x.csv", "verdicts", [start | {"hop_ttl": 7, "valid": True}, start])
    assert frame["measurement_start_time"].tolist() == [pandas.Timestamp("2026-01-11 13:00:07", tz="UTC")] * 2
    assert [str(frame[name].dtype) for name in ("hop_ttl", "throughput_ratio", "valid")] == [
        "Int64",
        "float64",
        "boolean",
    ]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = some_lines(9)
    for line, name in zip(lines, [*SPECIAL, *LIKE_OTHER_TYPES], strict=False):
        line["probe_network_name"] = name
    return store_of(tmp_path_factory.mktemp("csv"), lines)


@pytest.mark.parametrize("table", TABLES)
def test_exported_table_equals_the_parquet_file(store: Path, tmp_path: Path, table: str) -> None:
    for kind in ("csv", "parquet"):
        export(store, table, tmp_path / f"x.{kind}", kind)
    read = pandas.read_csv(tmp_path / "x.csv", **pandas_options(table))
    stored = pa.parquet.read_table(tmp_path / "x.parquet").to_pandas(types_mapper=PANDAS_TYPES.get)
    assert list(read.columns) == list(stored.columns) and len(read) == len(stored) > 0
    assert set(read["probe_cc"]) == {"DE", "IR", "NA"}
    for name, kind in zip(stored.columns, schema(table).types, strict=True):
        if str(kind) in ("string", "list<item: string>"):
            empty = ABSENT[str(kind)]
            wanted = [
                empty if value is None else value.replace("\0", SIGN_OF_NUL) if isinstance(value, str) else [*value]
                for value in stored[name]
            ]
            wanted = [pandas.Timestamp(value) for value in wanted] if name == "measurement_start_time" else wanted
            assert read[name].tolist() == wanted, name
        else:
            pandas.testing.assert_series_equal(read[name], stored[name])


def test_snippets_of_the_documentation_keep_namibia(
    store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(store, "verdicts", tmp_path / "verdicts.csv", "csv")
    monkeypatch.chdir(tmp_path)
    snippets = [code for code in re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.S) if "read_csv" in code]
    assert len(snippets) == 2  # with our library and without
    for snippet in snippets:
        names: dict[str, Any] = {}
        exec(snippet, names)
        assert set(names["frame"]["probe_cc"]) == {"DE", "IR", "NA"}
        assert {"=1+1", "'=1+1"} & set(names["frame"]["network"])
        assert str(names["frame"]["measurement_start_time"].dt.tz) == "UTC"
    with open("verdicts.csv", newline="") as stream:
        namibian = sum(row["probe_cc"] == "NA" for row in csv.DictReader(stream))
    assert pandas.read_csv("verdicts.csv")["probe_cc"].isna().sum() == namibian > 0  # what the page warns of
