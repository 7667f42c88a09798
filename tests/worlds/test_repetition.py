"""Test on worlds of single failures that the rule for repetition accuses few clean cells, and finds blocks."""

from tests.worlds.repetition import AXES, FALSE, score


def test_repetition_accuses_few_clean_cells_and_finds_blocks() -> None:
    found = score([3], reporters=900)
    assert list(found) == list(AXES)
    for counts in found.values():
        assert counts.false <= FALSE * counts.clean
        assert counts.failing > 50  # cells that could be accused wrongly
        assert counts.found >= 0.4 * counts.blocked and counts.blocked > 20
    countries = found[AXES[0]]
    assert countries.full_found >= 0.7 * countries.full and countries.full > 10
