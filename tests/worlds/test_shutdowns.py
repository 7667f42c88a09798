"""Test on unkind worlds that users who leave are no shutdowns, and that true shutdowns are found."""

from tests.worlds.shutdowns import A_YEAR, score


def test_users_who_leave_are_no_shutdown() -> None:
    found = score(range(1, 5))
    assert found.false <= A_YEAR * found.years
    assert found.found >= 0.4 * found.true
