"""Test that the page about privacy says of each field what `probe share` shows."""

from pathlib import Path

import pytest

from probe.privacy.field_facts import FIELD_FACTS, NETWORK, TIME, Kept

PAGE = (Path(__file__).parents[2] / "docs" / "privacy.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Return the cells of the first table under a heading, without its first two lines."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    table = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table[2:]]


def test_page_lists_what_remains() -> None:
    kept = [fact for fact in FIELD_FACTS if fact.kept is Kept.YES]
    assert kept and rows("What remains") == [[fact.fields, fact.reveals, fact.note] for fact in kept]


@pytest.mark.parametrize(("kept", "heading"), [(Kept.REDUCED, "What is reduced"), (Kept.NO, "What is removed")])
def test_page_lists_what_is_reduced_and_removed(kept: Kept, heading: str) -> None:
    facts = [fact for fact in FIELD_FACTS if fact.kept is kept]
    assert facts and rows(heading) == [[fact.fields, fact.reveals, fact.note] for fact in facts]


def test_values_of_a_run_have_a_row() -> None:
    assert {NETWORK, TIME} <= {fact.fields for fact in FIELD_FACTS}
