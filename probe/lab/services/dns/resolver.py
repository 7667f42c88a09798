"""Serve DNS for the world's names: resolvers, and a root server that only gives referrals."""

import asyncio
from typing import cast
from zlib import crc32

from probe.lab.censors.kit.names import matches
from probe.lab.net.dns_packets import (
    AAAA,
    FORMERR,
    NXDOMAIN,
    RCODES,
    Question,
    read_question,
    record_reply,
    referral,
    reply,
)
from probe.lab.services.dns.ech_records import HTTPS_TYPE, https_record
from probe.lab.services.streams import Stream, read_exactly
from probe.lab.world.world import World
from probe.targets.target import family_of


class Zone:
    """Answer queries for the world's names. `address` is that of the server, which may rotate or deny names."""

    def __init__(self, world: World, *, resolves: bool = True, address: str = "") -> None:
        self._world, self._resolves, self._address = world, resolves, address
        self._turns: dict[str, int] = {}  # name: number of answers so far

    def answer(self, query: bytes) -> bytes | None:
        """Return the answer to a query, None if it is no query."""
        question = read_question(query)
        if question is None:
            return _format_error(query)
        if not self._resolves:
            return referral(question)
        if question.name not in self._world.zone or matches(question.name, self._world.denied.get(self._address, ())):
            return reply(question, rcode=NXDOMAIN)
        if question.kind == HTTPS_TYPE and question.name in self._world.with_ech_key:
            return record_reply(question, https_record(question.name))
        if question.kind == AAAA and question.name in self._world.broken_aaaa:
            return reply(question, rcode=RCODES[self._world.broken_aaaa[question.name]])
        return reply(question, self._addresses(question))

    def _addresses(self, question: Question) -> list[str]:
        """Return all addresses of the name, or the next one of a rotating name. Each server starts at another one."""
        every = self._world.zone[question.name]
        if question.name not in self._world.rotating:
            return every
        family = [address for address in every if family_of(address) == question.family]
        turn = self._turns.get(question.name, crc32(f"{self._address} {question.name}".encode()) >> 8)
        self._turns[question.name] = turn + 1
        return [family[turn % len(family)]] if family else []


def _format_error(query: bytes) -> bytes | None:
    if len(query) < 12 or query[2] & 0x80:
        return None
    return query[:2] + bytes((0x80, FORMERR)) + bytes(8)


class Datagrams(asyncio.DatagramProtocol):
    """Answer queries on a UDP socket."""

    def __init__(self, zone: Zone) -> None:
        self._zone = zone
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport. asyncio's own is no subclass of DatagramTransport, so it is cast."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, sender: tuple[str | int, int]) -> None:
        """Answer a datagram."""
        answer = self._zone.answer(data)
        if answer is not None and self._transport is not None:
            self._transport.sendto(answer, sender)


async def serve_dns(stream: Stream, zone: Zone) -> None:
    """Answer queries over a stream, each after its length (RFC 7766 8). Raises Ended."""
    while True:
        length = int.from_bytes(await read_exactly(stream, 2), "big")
        answer = zone.answer(await read_exactly(stream, length))
        if answer is None:
            return
        await stream.write(len(answer).to_bytes(2, "big") + answer)
