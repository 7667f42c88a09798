"""`probe rules`: every rule, mechanism and reason, out of the very tables that judge."""

import pytest

from probe.analysis.rules.mechanisms import LEAVES
from probe.analysis.rules.rule import IN_OONI, State
from probe.analysis.rules.tables import RULES
from probe.cli.results.rules import as_markdown, as_text


def test_every_rule_is_printed_in_both_forms() -> None:
    text, markdown = "\n".join(as_text()), "\n".join(as_markdown())
    for rule in RULES.values():
        assert f"  {rule.rule_id}: {rule.state}" in text
        assert f"| `{rule.rule_id}` | {rule.since} |" in markdown and f"| {rule.because} |" in markdown
        assert all(f"`{before}`" in markdown and before in text for before in rule.supersedes)
    assert all(f"| `{name}` |" in markdown for name in LEAVES)


def test_a_cell_of_a_table_holds_no_bar() -> None:
    rows = [line for line in as_markdown() if line.startswith("| `")]
    rules = [row for row in rows if RULES.get(row.split("`")[1])]
    assert len(rules) == len(RULES)
    assert all(row.replace(r"\|", "").count(" | ") == 6 for row in rules)


@pytest.mark.parametrize(
    "name", ["stun.timeout.payload", "turn.timeout.other", "sip.reset.payload", "sip.rewrite", "udp.timeout"]
)
def test_what_calls_are_judged_by_has_rules(name: str) -> None:
    (row,) = [row for row in as_markdown() if row.startswith(f"| `{name}` |")]
    named = row.split(" | ")[2].removesuffix(" |").replace("`", "").split()
    assert named == [rule.rule_id for rule in RULES.values() if rule.mechanism == name] != []


def test_every_mechanism_that_a_rule_names_has_a_row_that_names_the_rule() -> None:
    rows = {row.split("`")[1]: row for row in as_markdown() if row.startswith("| `") and row.count(" | ") == 2}
    for rule in RULES.values():
        assert not rule.mechanism or f"`{rule.rule_id}`" in rows[rule.mechanism]


def test_what_has_no_rule_yet_says_so() -> None:
    assert "| `turn.refused` |  | no rule yet |" in list(as_markdown())


def test_states_and_mechanisms_have_their_words_in_oonis_world() -> None:
    rows = list(as_markdown())
    assert "| `blocked` | confirmed |" in rows and "| `insufficient` | failed |" in rows
    assert [row for row in rows if row.startswith("| `tls.reset.sni` | `http-failure` |")]
    assert [row for row in rows if row.startswith("| `http.blockpage` | `http-diff` |")]
    assert {state for state in State if f"| `{state}` | {IN_OONI[state]} |" in rows} == set(State)
