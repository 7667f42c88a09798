"""`probe rules`: every rule, mechanism and reason, out of the very tables that judge."""

import pytest

from probe.analysis.mechanisms import LEAVES
from probe.analysis.rules import RULES
from probe.cli.rules import as_markdown, as_text


def test_every_rule_is_printed_in_both_forms() -> None:
    text, markdown = "\n".join(as_text()), "\n".join(as_markdown())
    for rule in RULES.values():
        assert f"  {rule.rule_id}: {rule.state}" in text
        assert f"| `{rule.rule_id}` | `{rule.state}` |" in markdown and f"| {rule.because} |" in markdown
    assert all(f"- `{name}`" in markdown for name in LEAVES)


def test_a_cell_of_a_table_holds_no_bar() -> None:
    rows = [line for line in as_markdown() if line.startswith("| `") and "` | `" in line]
    assert len(rows) > 100
    assert all(row.replace(r"\|", "").count(" | ") == 4 for row in rows if row.count("`") > 4 and "invalid_" not in row)


@pytest.mark.parametrize(
    "name", ["stun.timeout.payload", "turn.timeout.other", "sip.reset.payload", "sip.rewrite", "udp.timeout"]
)
def test_what_calls_are_judged_by_has_rules(name: str) -> None:
    assert f"- `{name}`" in list(as_markdown())


def test_what_has_no_rule_yet_says_so() -> None:
    assert "- `turn.refused` (no rule yet)" in list(as_markdown())
