"""Test that the reference pages are current and that each feature column has a meaning, an expression and a reader."""

import html
from dataclasses import fields
from functools import cache
from typing import get_args

import pytest

from probe.analysis.features.rows import WideRow
from probe.analysis.listings.listing_rules import LISTING_RULES, ListingRow
from probe.analysis.observations.observation import Observation, column_types
from probe.analysis.pipeline.input_tables import INPUTS
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.report.reference import ABOUT_TABLE, FOLDER, STORED, columns_made, pages, readers_of
from probe.analysis.rules.regime_rules import REGIME_MEANINGS, REGIME_RULES, REGIMES, UNKNOWN
from probe.analysis.ruleset.tables import TABLES

COLUMNS = [(row, column.name) for row in get_args(WideRow) for column in fields(row)]
UNUSED = {
    "NameRow": {"dns_failure"},
    "AddressRow": {
        *("answers_elsewhere", "address_flows_reset", "address_flows_passed"),
        *("name_flows_silent", "name_flows_not_silent"),
    },  # all but the first: for another column
}  # recorded, and read by no rule


@cache
def made() -> dict[str, str]:
    """Return the pages as they are made now. One test would take a second, and there are hundreds."""
    return pages()


@pytest.mark.parametrize("name", STORED)
def test_reference_page_is_current(name: str) -> None:
    current = (FOLDER / name).read_text(encoding="utf-8")
    assert current == made()[name], "run: make reference"


@pytest.mark.parametrize(("row", "name"), COLUMNS, ids=lambda value: getattr(value, "__name__", value))
def test_column_has_meaning_expression_and_reader(row: type[WideRow], name: str) -> None:
    (column,) = [column for column in fields(row) if column.name == name]
    meaning = column.metadata["meaning"]
    assert meaning[0].isupper() and meaning.endswith(".")
    expression = " ".join(column.metadata["sql"].split())
    table = made()["features.md"].split(f"## `{row.__name__}`")[1].split("\n## ")[0]
    (line,) = [line for line in table.splitlines() if line.startswith(f"| `{name}` |")]
    assert expression and expression in html.unescape(line)
    assert bool(readers_of(row)[name]) != (name in UNUSED.get(row.__name__, set()))


def test_every_table_is_described() -> None:
    assert ABOUT_TABLE.keys() == TABLES.keys()


def test_pipeline_page_has_every_table_with_its_columns() -> None:
    page = made()["pipeline.md"]
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `")}
    for name, columns in columns_made().items():
        assert columns and all(f"`{column}`" in rows[name] for column in columns), name
    assert len(columns_made()) == len(STATEMENTS)
    for table in INPUTS:
        listed = page.split(f"### `{table.name}`\n")[1].split("\n#")[0]
        assert [line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")] == list(table.columns)


def test_observation_columns_have_a_meaning_each() -> None:
    meanings = [meaning for _, meaning in column_types(Observation).values()]
    assert len(set(meanings)) == len(meanings) and min(map(len, meanings)) > 5


@pytest.mark.parametrize("regime", [*REGIMES, UNKNOWN])
def test_each_regime_has_a_paragraph_in_three_parts(regime: str) -> None:
    meaning = REGIME_MEANINGS[regime]
    assert all(part.endswith(".") and len(part) > 20 for part in meaning)
    section = made()["rules.md"].split("## Table `regime`")[1].split("\n## ")[0]
    (paragraph,) = [part for part in section.split("\n\n") if part.startswith(f"**`{regime}`.**")]
    assert all(part in paragraph for part in meaning)


def test_paragraphs_have_the_order_of_the_regimes() -> None:
    assert list(REGIME_MEANINGS) == [*REGIMES, UNKNOWN]


@pytest.mark.parametrize(("words", "number"), [("two", "2"), ("three", "3"), ("six", "6"), ("one", "0")])
def test_numbers_in_paragraphs_are_those_of_the_rules(words: str, number: str) -> None:
    named = [regime for regime, meaning in REGIME_MEANINGS.items() if f"at least {words}" in meaning.measured.lower()]
    assert named
    for regime in named:
        conditions = " ".join(rule.when for rule in REGIME_RULES if rule.when.startswith(f"candidate = '{regime}' "))
        assert f">= {number}" in conditions or f"> {number}" in conditions, regime


def test_rules_about_app_stores_stand_in_the_reference() -> None:
    for rule in LISTING_RULES:
        assert f"### `{rule.rule_id}`\n" in made()["rules.md"] and f"```sql\n{rule.when}\n```" in made()["rules.md"]
        assert not rule.mechanism or f"[`{rule.rule_id}`](rules.md#{rule.rule_id})" in made()["mechanisms.md"]
    section = made()["features.md"].split("## `ListingRow`")[1]
    assert all(f"| `{column.name}` |" in section for column in fields(ListingRow))
