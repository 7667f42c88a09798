"""Run the step `limited_payload` with packets that contain no name: SYNs, or datagrams of no protocol.

A reset or an ICMP error shows its distance by the smallest TTL that causes it. Silence shows a distance only beside
packets to other hosts, which share the path and are answered by the next router. A router that is silent for a payload
must answer packets without a name too, since some routers answer at random.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Literal

from probe.formats.exchanges.hops import Distance, LimitedPayload, Outcome
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import address_of
from probe.steps.path.limited_ttl import SENT_TWICE
from probe.steps.path.senders import DatagramSender, End, SenderReply, SynSender

_LIMIT = 30.0
Place = tuple[str, int]  # address and port
Transport = Literal["tcp", "udp"]


async def limited_packets(
    tx: Transaction, ip: str, port: int, transport: Transport, ttls: Sequence[int], *, pace: Pace, by_reset: bool
) -> LimitedPayload:
    """Send a packet with each of `ttls` (ascending), all from one port, and again after silence.

    `by_reset`: resets are looked for. Those that copied the TTL of the SYN are then ignored, since they arrive only
    from about twice their distance. Raises StepFailed if the system sends no packet.
    """
    entry = LimitedPayload(address=address_of(ip, port), transport=transport, payload=_KIND[transport])
    async with tx.step(entry, _LIMIT):
        sender = _sender(tx, ip, port, transport, pace)
        for ttl in ttls:
            distance = Distance(ttl=ttl)
            entry.distances.append(distance)
            while distance.sent < SENT_TWICE and distance.outcome == "silent":
                distance.sent += 1
                distance.outcome = _outcome(await sender.send(ttl, least=ttl + 1 if by_reset else 0), ip)
    return entry


async def compared_silence(
    tx: Transaction,
    ip: str,
    port: int,
    transport: Transport,
    others: Sequence[Place],
    last: int,
    *,
    pace: Pace,
) -> LimitedPayload:
    """Send a packet that router `last` answers and one that the next router has to answer, and SYNs to `others` beside.

    `compared` has the second TTL if the same router `last` answered all packets, and one router behind it all those to
    the others. All packets leave from new ports, so that a load balancer is noticed. 0 as `last`: no router answers.
    Raises StepFailed if the system sends no packet.
    """
    entry = LimitedPayload(address=address_of(ip, port), transport=transport, payload=_KIND[transport])
    async with tx.step(entry, _LIMIT):
        own, beside = _sender(tx, ip, port, transport, pace), [SynSender(*place, pace) for place in others]
        routers: list[set[str]] = []
        for ttl in filter(None, (last, last + 1)):
            reply = await own.send(ttl)
            entry.distances.append(Distance(ttl=ttl, sent=1, outcome=_outcome(reply, ip)))
            seen = {one.sender for one in await asyncio.gather(*(other.send(ttl) for other in beside))}
            routers.append(seen | {reply.sender} if ttl == last else seen)
        if len(beside) > 1 and all(len(found) == 1 and "" not in found for found in routers):
            entry.compared = [last + 1]
    return entry


async def count_answered(
    tx: Transaction, ip: str, port: int, transport: Transport, ttl: int, packets: int, *, pace: Pace
) -> int:
    """Send packets with one TTL, each from a new port, and return how many of them a router reported as expired.

    A load balancer may lead some ports to a router that is silent. A packet that the system does not send is not
    answered.
    """
    answered = 0
    for _ in range(packets):
        with suppress(OSError):
            answered += bool((await _sender(tx, ip, port, transport, pace).send(ttl)).sender)
    return answered


def _sender(tx: Transaction, ip: str, port: int, transport: Transport, pace: Pace) -> SynSender | DatagramSender:
    sender = SynSender(ip, port, pace) if transport == "tcp" else DatagramSender(ip, port, pace)
    tx.connections.callback(sender.close)
    return sender


_KIND: dict[Transport, Literal["syn", "datagram"]] = {"tcp": "syn", "udp": "datagram"}


def _outcome(reply: SenderReply, ip: str) -> Outcome:
    if reply.sender:
        return "expired"
    if reply.reporter:
        return "server_error" if reply.reporter == ip else "unreachable"
    return _OF_ENDS[reply.end]


_OF_ENDS: dict[End, Outcome] = {
    "": "silent",
    "refused": "reset",
    "connected": "answered",
    "answered": "answered",
    "unreachable": "server_error",  # the system does not know the sender, which may be the server
}
