"""Test that conditions are taken apart where AND joins them, and that their columns are found."""

from dataclasses import fields

import pytest

from probe.analysis.rules.condition_parts import columns_of, parts_of
from probe.analysis.ruleset.tables import TABLES, Rule

CASES = [(kind, rule) for kind, rules in TABLES.values() for rule in rules]


@pytest.mark.parametrize(
    ("when", "parts"),
    [
        ("a > 0", ("a > 0",)),
        ("a > 0 AND NOT b", ("a > 0", "NOT b")),
        ("(a AND b) AND (c OR d)", ("(a AND b)", "(c OR d)")),
        ("a AND b OR c", ("a AND b OR c",)),
        ("a = 'x AND y' AND b", ("a = 'x AND y'", "b")),
        ("a = 'x) AND (y' AND b", ("a = 'x) AND (y'", "b")),
        ("a\n  AND b", ("a", "b")),
    ],
)
def test_and_outside_of_parentheses_joins_parts(when: str, parts: tuple[str, ...]) -> None:
    assert parts_of(when) == parts


@pytest.mark.parametrize(("kind", "rule"), CASES, ids=[rule.rule_id for _, rule in CASES])
def test_every_condition_is_the_sum_of_its_parts(kind: type, rule: Rule) -> None:
    assert " AND ".join(parts_of(rule.when)) == " ".join(rule.when.split())
    assert set(columns_of(rule.when)) <= {field.name for field in fields(kind)}
    assert columns_of(rule.when) == columns_of(" ".join(parts_of(rule.when)))


def test_columns_are_listed_once_and_texts_are_none() -> None:
    assert columns_of("dns_kind = 'no_answer' AND a + b > 0 AND (NOT a OR b IS NULL)") == ["dns_kind", "a", "b"]
