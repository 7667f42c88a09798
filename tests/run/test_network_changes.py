"""Test when a run notices another network or sleep, and what looks alike and is none."""

from collections.abc import Sequence

import pytest

from probe.platforms.suspension import seconds_asleep
from probe.run.network.network_changes import NetworkChanges

HOME, MOBILE = "192.168.1.20", "10.44.0.9"
HOME_V6, HOME_V6_LATER, OTHER_V6 = "2001:db8:1:2::1", "2001:db8:1:2:dead:beef:0:1", "2001:db8:9:9::1"


def seen(before: Sequence[str], after: Sequence[str], *slept: float | None) -> list[str]:
    """Return what a look notices after the addresses of flows have changed, or after sleep."""
    addresses, asleep = [before, after], list(slept or (0.0, 0.0))
    changes = NetworkChanges([], lambda destinations: addresses.pop(0), lambda: asleep.pop(0))
    return list(changes.look())


@pytest.mark.parametrize(
    ("before", "after"),
    [([HOME], [MOBILE]), ([HOME_V6], [OTHER_V6]), ([HOME, HOME_V6], [MOBILE, HOME_V6]), ([HOME, HOME_V6], [MOBILE])],
)
def test_other_addresses_of_a_family_are_another_network(before: list[str], after: list[str]) -> None:
    assert seen(before, after) == ["network"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ([HOME], [HOME]),
        ([HOME_V6], [HOME_V6_LATER]),  # a temporary address (RFC 8981)
        ([HOME], [HOME, HOME_V6]),  # IPv6 came later
        ([HOME, HOME_V6], [HOME]),
        ([HOME, MOBILE], [MOBILE]),  # one of two interfaces is gone
        ([HOME], []),  # no network, which the check itself shows
        ([], [HOME]),
    ],
)
def test_what_belongs_to_the_same_network_is_no_change(before: list[str], after: list[str]) -> None:
    assert seen(before, after) == []


@pytest.mark.parametrize(("slept", "found"), [((5.0, 5.2), []), ((5.0, 65.0), ["sleep"]), ((None, None), [])])
def test_sleep_is_seen_by_two_clocks(slept: tuple[float | None, float | None], found: list[str]) -> None:
    assert seen([HOME], [HOME], *slept) == found


def test_sleep_counts_once() -> None:
    asleep = [0.0, 60.0, 60.0]
    changes = NetworkChanges([], lambda destinations: [HOME], lambda: asleep.pop(0))
    assert [changes.look(), changes.look()] == [["sleep"], []]


def test_this_computer_tells_how_long_it_slept() -> None:
    asleep = seconds_asleep()
    assert asleep is None or asleep >= -0.1
