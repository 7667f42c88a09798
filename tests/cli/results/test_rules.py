"""Test `probe rules`: every rule, mechanism and reason is printed from the tables that compute verdicts."""

import re
from dataclasses import fields
from typing import get_args

import pytest

from probe.analysis.features.rows import WideRow
from probe.analysis.listings.listing_rules import LISTING_RULES, ListingRule
from probe.analysis.rules.rule import IN_OONI, Rule, State
from probe.analysis.rules.variant import VARIANT, shown_rule
from probe.analysis.ruleset.mechanisms import LEAVES, RESERVED
from probe.analysis.ruleset.tables import KINDS, RULES
from probe.analysis.verdicts.validity import INVALIDITIES
from probe.cli.results.rules import as_markdown, as_text, present_name
from probe.cli.screen import UsageError
from probe.signatures.device_prints import FAMILIES, PREFIX


@pytest.fixture(scope="module")
def text() -> str:
    return "\n".join(as_text())


@pytest.fixture(scope="module")
def markdown() -> str:
    return "\n".join(as_markdown())


def flat(printed: str) -> str:
    return " ".join(printed.split())


def test_every_rule_is_printed_with_both_sentences(text: str) -> None:
    printed = flat(text)
    for rule in RULES.values():
        shown = shown_rule({name: getattr(rule, name) for name in VARIANT})
        plain = re.sub(r"\{(\w+)\}", lambda found: dict(rule.words).get(found[1], found[0]), rule.plain)  # noqa: B023
        assert f"{shown}: {rule.state}" in printed
        assert f"plain: {plain} technical: {rule.because} when: {rule.when}" in printed


def test_page_has_a_row_for_every_rule_and_a_section_for_every_kind(markdown: str) -> None:
    for rule in RULES.values():
        assert re.search(
            rf"^\| \[`{rule.rule_id}`\].*\| `{rule.state}` \| .*\| `{re.escape(rule.when)}` \|$", markdown, re.MULTILINE
        )
    for kind, rules in KINDS.items():
        (section,) = re.findall(rf"^### `{kind}`\n(.*?)(?=^#)", markdown, re.DOTALL | re.MULTILINE)
        assert f"State `{rules[0].state}`" in section and f"> {rules[0].plain}\n" in section
        assert rules[0].because in section
        assert all(f"- `{{{name}}}`: {words}\n" in section for rule in rules for name, words in rule.words)


def test_old_id_is_translated() -> None:
    assert (
        present_name("tls_reset_follows_name")
        == "tls_reset_follows_name is now failure_follows_name layer tls way reset."
    )
    with pytest.raises(UsageError, match="No ruleset had a rule tls_reset_follows_nam"):
        present_name("tls_reset_follows_nam")


def test_text_fits_eighty_columns_except_names(text: str) -> None:
    assert max(len(line) for line in text.splitlines() if " " in line.strip()) < 80


def test_every_reason_of_invalidity_is_printed(text: str, markdown: str) -> None:
    for reason in INVALIDITIES:
        assert f"{reason.rule_id}: {reason.reason}" in text
        assert f"| `{reason.rule_id}` | `{reason.reason}` | {reason.because} |" in markdown


def test_mechanisms_with_a_rule_are_printed_and_reserved_ones_are_not(text: str, markdown: str) -> None:
    used = {rule.mechanism for rule in (*RULES.values(), *LISTING_RULES)}
    assert set(RESERVED) == set(LEAVES) - used
    for name in LEAVES:
        printed = name in used
        assert (f"\n  {name}: " in text) == printed
        assert (f"\n| `{name}` |" in markdown) == printed


@pytest.mark.parametrize("rule", [rule for rule in RULES.values() if rule.mechanism], ids=lambda rule: rule.key)
def test_row_of_a_mechanism_names_its_rules_in_order(rule: Rule, markdown: str) -> None:
    (row,) = re.findall(rf"^\| `{re.escape(rule.mechanism)}` \|.*$", markdown, re.MULTILINE)
    named = re.findall(r"\[`(\w+)`\]\(rules\.md#\1\)", row)
    assert named == list(dict.fromkeys(other.rule_id for other in RULES.values() if other.mechanism == rule.mechanism))


def test_device_prints_are_printed_with_conditions_and_sources(text: str, markdown: str) -> None:
    printed = text.split("\nDEVICE PRINTS ")[1].replace("\n    ", "").replace(" ", "")
    for family in FAMILIES.values():
        for part in (f"{family.name}: {family.title}", f"when: {family.conditions}", family.source):
            assert part.replace(" ", "") in printed
        row = f"| `{family.name}` | {family.title} | {family.conditions} | {family.source} | {family.published} |"
        assert row in markdown


def test_no_rule_depends_on_a_device_print() -> None:
    columns = {column.name for row in get_args(WideRow) for column in fields(row)}
    assert not [name for name in columns if "print" in name and name != "fingerprints"]
    for rule in RULES.values():
        assert not rule.mechanism.startswith(PREFIX)
        assert "print" not in rule.when.replace("fingerprint", "")


def test_states_and_mechanisms_have_ooni_words(markdown: str) -> None:
    rows = markdown.splitlines()
    assert {state for state in State if f"| `{state}` | {IN_OONI[state]} |" in rows} == set(State)
    for name, word in (("tls.reset.sni", "http-failure"), ("http.blockpage", "http-diff"), ("dns", "dns")):
        assert [row for row in rows if row.startswith(f"| `{name}` |") and f"| `{word}` |" in row]


@pytest.mark.parametrize("rule", LISTING_RULES, ids=lambda rule: rule.rule_id)
def test_rules_about_app_stores_are_printed(rule: ListingRule, text: str) -> None:
    section = " ".join(text.split("\nLISTING\n")[1].split("\nVALIDITY")[0].split())
    assert f"{rule.rule_id}: {rule.state}" in section and f"when: {' '.join(rule.when.split())}" in section
