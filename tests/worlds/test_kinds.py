"""Test on small worlds of each kind that countries are rarely accused falsely, and that full blocks are found."""

import pytest

from tests.worlds.kinds.claims import MISSED, is_kept, is_true
from tests.worlds.kinds.invented_runs import STATEMENTS, fewest
from tests.worlds.kinds.kinds import KINDS, PARTIAL
from tests.worlds.kinds.partial_claims import RARELY_NAMED
from tests.worlds.kinds.partial_claims import is_kept as is_named_rightly
from tests.worlds.kinds.partial_score import score as score_partial
from tests.worlds.kinds.score import score


@pytest.mark.parametrize("kind", list(KINDS))
def test_kind_keeps_its_promises(kind: str) -> None:
    found = score(KINDS[kind], [7])
    assert is_true(found) and (kind in MISSED or is_kept(found)), found


@pytest.mark.parametrize("kind", list(PARTIAL))
def test_partial_blocks_are_named_and_nothing_else_is(kind: str) -> None:
    found = score_partial(PARTIAL[kind], [7])
    assert is_named_rightly(found) and (kind in RARELY_NAMED or found.right >= 0.5 * found.partial), found


@pytest.mark.parametrize("tokens", [False, True], ids=["kinds", "tokens"])
@pytest.mark.parametrize("statement", list(STATEMENTS))
def test_two_inventors_make_no_statement_and_one_network_neither(statement: str, tokens: bool) -> None:
    """Let no other device measure in the country."""
    shown = STATEMENTS[statement]
    assert (fewest(shown, 0, 4, hide=False, tokens=tokens) or 99) >= 3
    assert fewest(shown, 0, 1, hide=False, tokens=tokens) is None


def test_one_inventor_hides_no_block_that_eight_devices_see() -> None:
    assert (fewest(STATEMENTS["a state"], 8, 4, hide=True) or 99) > 1
