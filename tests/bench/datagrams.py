"""Measure what the costliest datagram to each UDP port of the helper costs."""

import asyncio
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from probe.helper.calls.ice_sources import CallSources
from probe.helper.helper_limits import Tokens
from probe.steps.calls.webrtc_transport import Transport, closed
from tests.bench.table import row
from tests.helper.test_amplification import PORTS, SOURCES, Served, Wire, check, messages

LONGEST = 1500
REPEATS = 60  # the first ones cost a process twice as much as later ones
MOST = 0.3  # ms


def costly(token: bytes) -> Iterable[bytes]:
    """Yield datagrams that were made to be costly to read, with a token or its first bytes."""
    digits = token.hex().encode()
    invite = next(iter(messages(token)))
    head, _, body = invite.partition(b"\r\n\r\n")
    yield from (digits * 62, digits[:-1] * 65, (b"0123456789abcdef" * 94)[:LONGEST])
    yield from (token * 125, token[:3] * 500, digits[:6] * 250, token[:3] + bytes(1497))
    yield (head + b"\r\nX: y" * 500)[:1200] + b"\r\n\r\n" + body[:200]
    yield (head + b"\r\nVia: SIP/2.0/UDP a;branch=b,c" * 100)[:LONGEST]
    yield (head + b"\r\n\r\n" + b"a=rtpmap:1 x/1\r\n" * 200)[:LONGEST]
    yield (b"INVITE sip:" + digits + b"@" + b"a" * 60 + b" SIP/2.0\r\n" + b"To: <sip:a@b>;tag=" + b"a;" * 700)[:LONGEST]
    yield (b"INVITE " + b"sip:" * 300 + b" SIP/2.0\r\nTo: " + b"<" * 200)[:LONGEST]
    yield from (message.ljust(LONGEST, b"\n")[:LONGEST] for message in messages(token))
    yield from messages(token)


def worst(served: Served, tokens: list[bytes]) -> tuple[float, bytes]:
    """Return the greatest of the medians in ms, and its datagram."""
    taken: dict[int, list[float]] = {}
    seen = list[bytes]()
    for number, token in enumerate(tokens):
        for place, datagram in enumerate(costly(token)):
            served.wire.received[SOURCES[0]] += len(datagram)
            began = time.thread_time()
            served.responder.datagram_received(datagram, SOURCES[0])
            taken.setdefault(place, []).append(time.thread_time() - began)
            if not number:
                seen.append(datagram)
    medians = {place: sorted(times)[len(times) // 2] for place, times in taken.items()}
    most = max(medians, key=lambda place: medians[place])
    return medians[most] * 1000, seen[most]


def _checks() -> float:
    """Return what a check of ICE costs in ms, from sources that take part and from others."""

    async def measured() -> float:
        wire, guard = Wire(), CallSources()
        transport = Transport(lambda raw: raw, controlling=False, guard=guard)
        ours = transport.description()
        guard.ufrag = ours["ufrag"].encode()
        await transport.gather()
        protocol = transport._gatherer._connection._protocols[0]
        protocol.transport._transport, real = wire, protocol.transport._transport
        datagrams = [check(ours["ufrag"], ours["pwd"], more=number % 2 * 700) for number in range(600)]
        wire.received.update({(f"10.0.0.{number % 250}", number): 10**6 for number in range(600)})
        began = time.perf_counter()
        for number, datagram in enumerate(datagrams):
            protocol.datagram_received(datagram, (f"10.0.0.{number % 250}", number))
            await asyncio.sleep(0)
        taken = time.perf_counter() - began
        protocol.transport = real
        await closed(transport)
        return taken / len(datagrams) * 1000

    return asyncio.run(measured())


def datagrams(_: Path) -> None:
    """Print a row for each port, and the ratio to a port that returns each datagram."""
    plain = worst(Served(lambda datagram, source: datagram), [bytes(12)] * REPEATS)[0]
    row("a UDP port that returns each datagram", f"{plain:.4f} ms")
    for name, make in PORTS.items():
        now = [1000.0]
        served = make(now)
        found: Any = served.tokens if served.tokens is not None else Tokens(lambda: 1000.0, 9)
        cost, datagram = worst(served, [bytes.fromhex(found.issue()) for _ in range(REPEATS)])
        row(f"  the costliest datagram to {name}", f"{cost:.3f} ms", f"under {MOST} ms", cost < MOST)
        row("    / that port", f"{cost / plain:.0f}")
        row("    it begins with", repr(datagram[:24]))
    cost = _checks()
    row("  a check of ICE, on average of 600 sources", f"{cost:.3f} ms", f"under {MOST} ms", cost < MOST)
