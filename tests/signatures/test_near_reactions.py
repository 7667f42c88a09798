"""Test where packets with TTL 1 are stopped: on this computer, at the user's own router, or nowhere near."""

import pytest

from probe.signatures.near_reactions import Burst, PacketSent, near_place

EXPIRED, BY_PROVIDER = (
    PacketSent("neutral", "expired", sender="router", seconds=0.001),
    PacketSent("neutral", "expired", sender="provider"),
)
BY_OTHER, LOST = PacketSent("neutral", "expired", sender="other"), PacketSent("neutral", "silent")
AT_ONCE = PacketSent("target", "reset", at_once=True, seconds=0.00005)
LATER, SILENT = PacketSent("target", "reset", seconds=0.001), PacketSent("target", "silent")
OWN, NOT_SENT = PacketSent("target", "unreachable", sender="own", seconds=1.0), PacketSent("target", "not_sent")
PASSED_ON = PacketSent("target", "expired", sender="router")
ALL_DROPPED = Burst(syns=16, not_sent=16)


@pytest.mark.parametrize(
    ("packets", "expected"),
    [
        # this computer reacts
        ([EXPIRED, AT_ONCE, EXPIRED, AT_ONCE, EXPIRED], "this_computer"),
        ([LOST, AT_ONCE, LOST, AT_ONCE, LOST], "this_computer"),
        ([BY_PROVIDER, OWN, BY_PROVIDER, OWN, BY_PROVIDER], "this_computer"),
        ([EXPIRED, NOT_SENT, EXPIRED, NOT_SENT, EXPIRED], "this_computer"),
        ([EXPIRED, LATER, EXPIRED, AT_ONCE, EXPIRED, AT_ONCE, EXPIRED], "this_computer"),  # the process had to pause
        # the first hop reacts
        ([EXPIRED, LATER, EXPIRED, LATER, EXPIRED], "own_router"),
        ([EXPIRED, LATER, LOST, LATER, EXPIRED], "own_router"),
        ([EXPIRED, SILENT, EXPIRED, SILENT, EXPIRED], "own_router"),
        ([BY_OTHER, LATER, BY_OTHER, LATER, BY_OTHER], "near"),
        ([BY_OTHER, SILENT, BY_OTHER, SILENT, BY_OTHER], "near"),
        ([BY_PROVIDER, SILENT, BY_PROVIDER, SILENT, BY_PROVIDER], "near"),
        ([EXPIRED, LATER, EXPIRED, AT_ONCE, EXPIRED], "near"),  # one result at once may be chance
        # the reset of a provider's router is interference, and what a later hop does is not seen with TTL 1
        ([BY_PROVIDER, LATER, BY_PROVIDER, LATER, BY_PROVIDER], ""),
        ([EXPIRED, PASSED_ON, EXPIRED, PASSED_ON, EXPIRED], ""),
        # nothing to compare with
        ([LOST, SILENT, LOST, SILENT, LOST], ""),
        ([EXPIRED, SILENT, LOST, SILENT, EXPIRED], ""),
        ([LOST, LATER, LOST, LATER, LOST], ""),
        ([EXPIRED, AT_ONCE, EXPIRED], ""),
        ([AT_ONCE, AT_ONCE], ""),
        ([], ""),
    ],
)
def test_place_of_reaction(packets: list[PacketSent], expected: str) -> None:
    assert near_place(packets) == expected


@pytest.mark.parametrize("outcome", ["not_sent", "reset", "unreachable", "connected"])
def test_network_without_any_sending_shows_nothing(outcome: str) -> None:
    """Let the neutral packets fail too, as without a route, in a sandbox, or behind a router that sets the TTL."""
    failing = PacketSent("neutral", outcome)
    assert near_place([failing, NOT_SENT, failing, NOT_SENT, failing]) == ""


def test_reaction_must_come_clearly_sooner_than_from_the_first_hop() -> None:
    near = PacketSent("neutral", "expired", sender="router", seconds=0.00008)
    assert near_place([near, AT_ONCE, near, AT_ONCE, near]) == "near"


@pytest.mark.parametrize(
    ("burst", "expected"),
    [
        (ALL_DROPPED, "this_computer"),
        (Burst(syns=16, not_sent=18, beside=2), "this_computer"),
        (Burst(syns=16, not_sent=0), "near"),
        (Burst(syns=16, not_sent=15), "near"),
        (Burst(syns=16, not_sent=40), "near"),  # other programs have connections that are dropped
        (Burst(syns=16, not_sent=16, beside=9), "near"),
        (Burst(syns=16, not_sent=16, answered=1), ""),
        (Burst(), "near"),
    ],
)
def test_system_counts_what_its_filter_drops(burst: Burst, expected: str) -> None:
    assert near_place([BY_PROVIDER, SILENT, BY_PROVIDER, SILENT, BY_PROVIDER], burst=burst) == expected


def test_refused_datagram_shows_a_filter_beside_silent_connects_alone() -> None:
    silent = [BY_PROVIDER, SILENT, BY_PROVIDER, SILENT, BY_PROVIDER]
    assert near_place(silent, datagram_refused=True) == "this_computer"
    passing = [EXPIRED, PASSED_ON, EXPIRED, PASSED_ON, EXPIRED]
    assert near_place(passing, datagram_refused=True, burst=ALL_DROPPED) == ""
    assert near_place([LOST, SILENT, LOST, SILENT, LOST], datagram_refused=True) == ""
