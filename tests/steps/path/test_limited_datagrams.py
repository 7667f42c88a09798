"""Test datagrams with limited TTL: a late answer belongs to the query whose id it has."""

import asyncio
from typing import Any

import pytest

from probe.formats.exchanges.hops import Distance, PayloadKind
from probe.platforms.sockets.ttl import Told
from probe.steps.path.limited_datagrams import _Datagrams

QUERY = b"\x00\x00" + b"question"


class Path:
    """Represent a socket on a path with an injector at `device`, whose answers take some seconds."""

    peer = "192.0.2.53"

    def __init__(self, device: int, seconds: float, *, copies_ttl: bool = False) -> None:
        self.device, self.seconds, self.copies_ttl = device, seconds, copies_ttl
        self.errors: list[Told] = []
        self.answers: list[tuple[bytes, int]] = []
        self.sent: list[bytes] = []

    def send(self, datagram: bytes, ttl: int) -> None:
        self.sent.append(datagram)
        self.errors.append(Told(0, True, "198.51.100.1", b"", 60))
        if ttl >= self.device:
            came = (datagram[:2] + b"answer", ttl if self.copies_ttl else 60)
            asyncio.get_running_loop().call_later(self.seconds, self.answers.append, came)

    async def wait(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0.01))


async def outcomes(path: Any, kind: PayloadKind, *ttls: int) -> list[str]:
    flow = _Datagrams(path, QUERY, kind, heeds_answers=True, by_error=False)
    distances = [Distance(ttl=ttl) for ttl in ttls]
    for distance in distances:
        await flow.send(distance, 0.1 if distance is not distances[-1] else 0.3, 2)
    return [distance.outcome for distance in distances]


@pytest.mark.parametrize(
    ("device", "seen"),
    [(3, ["answered", "answered"]), (5, ["expired", "answered"]), (9, ["expired", "expired"])],
)
async def test_late_answer_belongs_to_its_own_query(device: int, seen: list[str]) -> None:
    """Test an answer that comes while the next TTL is tried. By the time alone it would seem to come from there."""
    path = Path(device, 0.15)
    assert await outcomes(path, "dns", 3, 5) == seen
    assert len({datagram[:2] for datagram in path.sent}) == len(path.sent)
    assert {datagram[2:] for datagram in path.sent} == {QUERY[2:]}


async def test_other_datagrams_are_repeated_unchanged() -> None:
    path = Path(9, 0.0)
    assert await outcomes(path, "sip", 3, 5) == ["expired", "expired"]
    assert set(path.sent) == {QUERY}


@pytest.mark.parametrize("kind", ["dns", "sip"])
async def test_answer_with_the_ttl_of_its_packet_is_ignored(kind: PayloadKind) -> None:
    assert await outcomes(Path(2, 0.0, copies_ttl=True), kind, 3, 5) == ["expired", "expired"]
