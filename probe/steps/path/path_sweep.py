"""Run the step `path_sweep`: send innocuous packets with rising TTL and record the routers that report the expiry.

All packets leave from one port, so that load balancers keep them on one path. Only one packet is in flight at a time.
The answers of routers that quote no more than RFC 792 demands can then still be assigned. On a line with a long round
trip several are in flight, each from a port of its own. A search would else have no time left after the sweep.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from probe.formats.exchanges.hops import Hop, PathSweep
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.senders import DatagramSender, SenderReply, SynSender

FURTHEST = 30
PASSES = 2  # a silent router gets a second packet at the end
MOST_SILENT = 5  # silent hops in a row, after which the sweep ends
ONE_BY_ONE, SIDE_BY_SIDE = 0.1, 4  # seconds of round trip up to which one packet is in flight, and how many above it
_LIMIT = 30.0
INITIAL = (64, 128, 255)  # TTLs with which systems send ICMP errors
APART, ROUTERS = 2, 2  # hops by which the way back must differ, and for how many routers, to count as another way

Sender = SynSender | DatagramSender
Show = Callable[[Iterable[tuple[int, str]]], dict[int, tuple[str, int | None]]]
"""Takes pairs of TTL and router. Returns address and AS by TTL, for routers that may be recorded (P6)."""


async def sweep_path(
    tx: Transaction, ip: str, port: int, *, transport: Literal["tcp", "udp"], pace: Pace, show: Show
) -> PathSweep:
    """Sweep the path to address `ip` at `port`. Over UDP, the end is found only if the port is closed.

    Raises StepFailed if the system sends no packet.
    """
    entry = PathSweep(address=address_of(ip, port), transport=transport)
    async with tx.step(entry, _LIMIT):
        ports = SIDE_BY_SIDE if pace.round_trip > ONE_BY_ONE else 1
        senders = [_sender(ip, port, transport, pace) for _ in range(ports)]
        for sender in senders:
            tx.connections.callback(sender.close)
        replies, late = await _sweep(senders)
        entry.flow_stable = ports == 1 and senders[0].flow_stable
        entry.end_ttl = min((ttl for ttl, reply in replies.items() if reply.end), default=None)
        entry.end = replies[entry.end_ttl].end if entry.end_ttl else ""
        entry.hops = _hops(replies, late, show)
        entry.asymmetric = is_asymmetric(entry.hops)
    return entry


def _sender(ip: str, port: int, transport: Literal["tcp", "udp"], pace: Pace) -> Sender:
    return SynSender(ip, port, pace) if transport == "tcp" else DatagramSender(ip, port, pace)


async def _sweep(senders: Sequence[Sender]) -> tuple[dict[int, SenderReply], set[int]]:
    """Return the replies by TTL, up to the end or the last answer, and the TTLs answered only at the second packet."""
    replies: dict[int, SenderReply] = {}
    for first in range(1, FURTHEST + 1, len(senders)):
        replies |= await _side_by_side(senders, range(first, min(first + len(senders), FURTHEST + 1)))
        end = min((ttl for ttl, reply in replies.items() if reply.end), default=None)
        silent = max(replies) - max((ttl for ttl, reply in replies.items() if reply.sender), default=0)
        if end or silent >= MOST_SILENT:
            replies = {ttl: reply for ttl, reply in replies.items() if end is None or ttl <= end}
            break
    late: set[int] = set()
    known = max((ttl for ttl, reply in replies.items() if reply.sender or reply.end), default=0)
    for _ in range(PASSES - 1):
        again = [ttl for ttl, reply in replies.items() if ttl < known and not reply.sender]
        for first in range(0, len(again), len(senders)):
            answers = await _side_by_side(senders, again[first : first + len(senders)])
            replies |= answers
            late |= {ttl for ttl, reply in answers.items() if reply.sender}
    return replies, late


async def _side_by_side(senders: Sequence[Sender], ttls: Sequence[int]) -> dict[int, SenderReply]:
    """Send a packet with each TTL, each from a sender of its own, and return the replies."""
    replies = await asyncio.gather(*(sender.send(ttl) for sender, ttl in zip(senders, ttls, strict=False)))
    return dict(zip(ttls, replies, strict=True))


def _hops(replies: dict[int, SenderReply], late: set[int], show: Show) -> list[Hop]:
    shown = show([(ttl, reply.sender) for ttl, reply in replies.items() if reply.sender])
    last = max((ttl for ttl, reply in replies.items() if reply.sender), default=0)
    return [
        Hop(
            ttl=ttl,
            answered=bool(reply.sender),
            late=ttl in late,
            address=shown[ttl][0] if ttl in shown else None,
            asn=shown[ttl][1] if ttl in shown else None,
            round_trip=reply.round_trip,
            back=distance_back(reply.ttl),
        )
        for ttl, reply in replies.items()
        if ttl <= last
    ]


def distance_back(ttl: int) -> int | None:
    """Return how far the sender of an ICMP error is on the way back, None if its TTL on arrival is 0 (unknown).

    Like the distance on the way there it counts the sender: 1 if no router is between.
    """
    return next((initial - ttl + 1 for initial in INITIAL if ttl <= initial), None) if ttl > 0 else None


def is_asymmetric(hops: Iterable[Hop]) -> bool | None:
    """Return whether several routers answer over more or fewer hops than lead to them, None if nothing is known.

    A difference of one hop, or of one router, can come from how a router counts, or from a tunnel that hides hops.
    """
    apart = [abs(hop.back - hop.ttl) for hop in hops if hop.back is not None]
    return sum(each >= APART for each in apart) >= ROUTERS if apart else None
