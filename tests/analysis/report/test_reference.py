"""Test that the reference pages are current and that each feature column has a meaning, a source and a reader."""

from dataclasses import fields
from typing import get_args

import pytest

from probe.analysis.features.rows import WideRow
from probe.analysis.report.column_sources import ANALYSIS, column_sources
from probe.analysis.report.reference import ABOUT_TABLE, FOLDER, pages, readers_of
from probe.analysis.rules.tables import TABLES

COLUMNS = [(row, column.name) for row in get_args(WideRow) for column in fields(row)]
UNUSED = {"NameRow": {"dns_failure"}, "AddressRow": {"answers_elsewhere"}}  # recorded, and read by no rule


@pytest.mark.parametrize("name", ["rules.md", "mechanisms.md", "features.md"])
def test_reference_page_is_current(name: str) -> None:
    current = (FOLDER / name).read_text(encoding="utf-8")
    assert current == pages()[name], "run: make reference"


@pytest.mark.parametrize(("row", "name"), COLUMNS, ids=lambda value: getattr(value, "__name__", value))
def test_column_has_meaning_source_and_reader(row: type[WideRow], name: str) -> None:
    (column,) = [column for column in fields(row) if column.name == name]
    meaning = column.metadata["meaning"]
    assert meaning[0].isupper() and meaning.endswith(".") and len(meaning.split()) <= 25
    sources = column_sources(row)[name]
    assert sources and all((ANALYSIS / f"{module}.py").is_file() for module in sources)
    assert bool(readers_of(row)[name]) != (name in UNUSED.get(row.__name__, set()))


def test_every_table_is_described() -> None:
    assert ABOUT_TABLE.keys() == TABLES.keys()
