"""Test the distance on the way back: the TTL with which ICMP errors arrive, and what follows from it."""

import asyncio
import socket

import pytest

from probe.formats.exchanges.hops import Hop
from probe.platforms.sockets.ttl import ask_for_ttl, keep_errors, told_by_icmp
from probe.steps.path.path_sweep import distance_back, is_asymmetric


@pytest.mark.parametrize(
    ("ttl", "back"),
    [(64, 1), (63, 2), (1, 64), (65, 64), (128, 1), (250, 6), (255, 1), (0, None)],
)
def test_distance_follows_from_the_next_initial_ttl(ttl: int, back: int | None) -> None:
    assert distance_back(ttl) == back


@pytest.mark.parametrize(
    ("backs", "asymmetric"),
    [
        ((1, 2, 3, 4), False),
        ((1, 3, 3, 5), False),  # one hop more
        ((1, 2, 3, 9), False),  # one router alone
        ((1, 2, 6, 7), True),
        ((1, 2, 1, 2), True),
        ((None, None, None, None), None),
        ((None, 4, None, 6), True),
    ],
)
def test_several_routers_must_answer_over_another_way(backs: tuple[int | None, ...], asymmetric: bool | None) -> None:
    hops = [Hop(ttl=ttl, answered=True, back=back) for ttl, back in enumerate(backs, 1)]
    assert is_asymmetric(hops) is asymmetric


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
async def test_icmp_error_comes_with_its_ttl(family: socket.AddressFamily, address: str) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as closed, socket.socket(family, socket.SOCK_DGRAM) as sock:
        closed.bind((address, 0))
        port = closed.getsockname()[1]
        closed.close()
        keep_errors(sock)
        ask_for_ttl(sock)
        sock.connect((address, port))
        sock.send(b"x")
        found = []
        for _ in range(100):
            found = found or told_by_icmp(sock)
            await asyncio.sleep(0.0 if found else 0.01)
        assert [told.ttl for told in found] == [64] and not found[0].expired
