"""Test the search for the hop from which on call packets disappear, on simulated paths."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from probe.analysis.verdicts.hop_searches import hop_of
from probe.analysis.verdicts.located_hops import search_results
from probe.formats.exchanges.hops import LimitedPayload
from probe.platforms.sockets.ttl import Told
from probe.steps.calls import media_distances as module
from probe.steps.calls.media_distances import media_distances
from tests.support.servers.loopback import a_transaction

CALL = b"\x80" + bytes(159)
ROUTERS = 8
REPORT = Told(113, True, "", b"")

Answers = Callable[["Socket", int], bool]
"""Takes the socket and the TTL of a packet. Returns whether the router there reports it."""


class Socket:
    """Represent a UDP socket. The device drops call packets, or all packets of the socket if `cut`."""

    def __init__(self, device: int, answers: Answers, *, cut: bool = False) -> None:
        self.device, self.answers, self.cut = device, answers, cut
        self.errors: list[Told] = []
        self.sent: list[tuple[bytes, int]] = []

    def send(self, datagram: bytes, ttl: int) -> None:
        self.sent.append((datagram, ttl))
        assert len(datagram) == len(CALL)
        dropped = ttl >= self.device and (self.cut or datagram == CALL)
        if not dropped and ttl <= ROUTERS and self.answers(self, ttl):
            self.errors.append(REPORT)

    async def wait(self, seconds: float) -> None:
        self.waited = seconds

    def close(self) -> None:
        self.closed = True


async def searched(device: int, answers: Answers, *, cut: bool = False) -> LimitedPayload:
    """Return the entry of one search, in which every socket is closed that was opened."""
    own, opened = Socket(device, answers, cut=cut), list[Socket]()

    def opening() -> Any:
        opened.append(Socket(device, answers))
        return opened[-1]

    async with a_transaction() as bench:
        entry = await media_distances(bench.tx, own, lambda: CALL, opening, pace=bench.pace)  # type: ignore[arg-type]
    assert opened and all(sock.closed for sock in opened)
    return entry


def hop_in(entry: LimitedPayload, mechanism: str = "media.cutoff") -> int | None:
    cause = {"transaction_id": 1, "followup": "media_shape", "failure": None}
    about = {"transaction_id": 2, "kind": "followup", "followup": "limited_payload", "cause": 1}
    told = entry.model_dump(mode="json") | {"transaction_id": 2}
    keys = {"x_transactions": [cause, about], "x_followups": {"limited_payloads": [told]}, "x_run": {}}
    found = hop_of("calls", [mechanism], search_results({"test_keys": keys}))
    return found["ttl"] if found else None


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_APART", 0.0)
    monkeypatch.setattr(module, "patience", lambda pace: 0.0002)


def always(sock: Socket, ttl: int) -> bool:
    return True


@pytest.mark.parametrize("cut", [False, True])
@pytest.mark.parametrize("device", [2, 5, 8])
async def test_hop_is_the_first_that_reports_random_packets_alone(device: int, cut: bool) -> None:
    entry = await searched(device, always, cut=cut)
    assert hop_in(entry) == hop_in(entry, "media.silence") == device and entry.address == "helper"
    assert hop_in(entry, "media.loss") is None


async def test_packets_that_reach_the_last_router_show_no_hop() -> None:
    """Test a device that drops reflected packets alone."""
    entry = await searched(99, always)
    assert (
        entry.compared == [] and hop_in(entry) is None and {one.outcome for one in entry.distances[:8]} == {"expired"}
    )


async def test_first_hop_is_not_distinguished_from_this_computer() -> None:
    entry = await searched(1, always)
    assert entry.compared == [1] and hop_in(entry) is None


@pytest.mark.parametrize("silent", [4, 5])
async def test_silent_router_before_or_at_the_device_gives_no_hop(silent: int) -> None:
    assert hop_in(await searched(5, lambda sock, ttl: ttl != silent)) is None


async def test_router_that_reports_no_packet_of_the_own_port_gives_no_hop_with_a_lost_packet() -> None:
    """Test a load balancer: the own port passes a silent router, and one in three of the others does too."""
    socks: list[Socket] = []

    def answers(sock: Socket, ttl: int) -> bool:
        socks.extend([sock] if sock not in socks else [])
        return ttl != 4 or socks.index(sock) % 3 == 0

    assert hop_in(await searched(5, answers, cut=True)) is None


@pytest.mark.parametrize(("reported", "hop"), [(5, None), (8, None), (10, 4)])
async def test_all_of_ten_new_ports_must_be_reported(reported: int, hop: int | None) -> None:
    """Test a load balancer: the own port passes two silent routers, and by chance the first new ports pass others."""
    socks: list[Socket] = []

    def answers(sock: Socket, ttl: int) -> bool:
        socks.extend([sock] if sock not in socks else [])
        sweep, own = socks[0], socks[1] if len(socks) > 1 else None
        return ttl not in {4, 5} or sock is sweep or (sock is not own and socks.index(sock) <= reported + 1)

    assert hop_in(await searched(6, answers, cut=True)) == hop


async def test_other_packets_from_the_own_port_are_the_best_comparison() -> None:
    """Test a load balancer whose other branch has a silent router, at the device itself."""
    socks: list[Socket] = []

    def answers(sock: Socket, ttl: int) -> bool:
        socks.extend([sock] if sock not in socks else [])
        return ttl != 5 or sock.errors != [] or len(socks) == 1

    entry = await searched(5, answers)
    assert entry.compared == [5] and hop_in(entry) == 5


@pytest.mark.parametrize(("share", "wrong"), [(0.5, 1), (0.8, 0)])
async def test_routers_that_answer_at_random_give_hardly_a_wrong_hop(share: float, wrong: int) -> None:
    rng, counts = random.Random(16), Counter[str]()
    for number in range(200):
        device = rng.randint(2, ROUTERS)
        hop = hop_in(await searched(device, lambda sock, ttl: rng.random() < share, cut=bool(number % 2)))
        counts["none" if hop is None else "right" if hop == device else "wrong"] += 1
    print(share, dict(counts))
    assert counts["wrong"] <= wrong and counts["right"] > 5
