"""Test that phenomena fit together: names, short names of tables, and all parts are collected."""

from dataclasses import fields

import pytest

from probe.analysis.features.rows import AddressRow, ServiceRow
from probe.analysis.phenomena import PHENOMENA, Phenomenon
from probe.analysis.phenomena.phenomenon import RowPart, by_short_name, columns_read
from probe.analysis.pipeline.linked_flows import LINKS
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.ruleset.mechanisms import MEANINGS
from probe.analysis.ruleset.tables import TABLES
from probe.analysis.verdicts.app_sentences import BAD_THOUGH_OK, REASONS

ROWS = {"address": AddressRow, "service": ServiceRow}


def _parts(kind: str) -> list[RowPart]:
    return [part for each in PHENOMENA.values() if (part := getattr(each, kind)) is not None]


def test_second_phenomenon_of_a_name_is_refused() -> None:
    known = dict(PHENOMENA)
    with pytest.raises(ValueError, match="throughput"):
        Phenomenon("throughput", "another one")
    assert known == PHENOMENA


@pytest.mark.parametrize("kind", ROWS)
def test_row_has_columns_and_tables_of_each_part(kind: str) -> None:
    names, made = {column.name for column in fields(ROWS[kind])}, {statement.name for statement in STATEMENTS}
    for part in _parts(kind):
        assert {column.name for column in fields(part.columns)} <= names
        assert {statement.name for statement in part.statements} <= made
        assert {each.partition(".")[0] for each in columns_read(part)} == set(part.joined)


@pytest.mark.parametrize("name", PHENOMENA)
def test_roles_rules_and_words_are_collected(name: str) -> None:
    each = PHENOMENA[name]
    assert all(role.select in LINKS.select for role in each.roles)
    collected = {(rule.rule_id, rule.when) for rule in TABLES["service"][1]}  # with their keys
    assert {(rule.rule_id, rule.when) for rule in each.rules} <= collected
    assert each.mechanisms.items() <= MEANINGS.items()
    assert each.app_words.items() <= REASONS.items()
    assert each.shown_though_ok.keys() <= BAD_THOUGH_OK.keys() & {rule.rule_id for rule in each.rules}


def test_two_tables_cannot_share_a_short_name() -> None:
    """Refuse them early. SQL would read the columns of the later table in place of those of the earlier one."""
    assert by_short_name({"a": "first"}, {"b": "second"}) == {"a": "first", "b": "second"}
    with pytest.raises(ValueError, match="The tables first and second have the short name a"):
        by_short_name({"a": "first"}, {"a": "second"})
