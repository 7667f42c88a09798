"""Serve DNS for the world's names: resolvers, and a root server that only gives referrals."""

import asyncio
from collections.abc import Iterable, Iterator
from typing import cast
from zlib import crc32

from probe.lab.censors.kit.name_patterns import matches
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
from probe.lab.services.server_streams import Stream, read_exactly
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import PROVIDERS_RESOLVER
from probe.targets.target import family_of
from probe.targets.translator_prefix import KNOWN_ADDRESSES, KNOWN_NAME, TranslatorPrefix


class Zone:
    """Answer queries for the world's names. `address` is that of the server, which may rotate or deny names."""

    def __init__(self, world: World, *, resolves: bool = True, address: str = "") -> None:
        self._world, self._resolves, self._address = world, resolves, address
        self._turns: dict[str, int] = {}  # name: number of answers so far
        known = world.translator if world.translates_names and address == PROVIDERS_RESOLVER else None
        self._dns64 = known  # makes IPv6 addresses for names without any (RFC 6147)

    def answer(self, query: bytes) -> bytes | None:
        """Return the answer to a query, None if it is no query."""
        question = read_question(query)
        if question is None:
            return _format_error(query)
        if not self._resolves:
            return referral(question)
        if self._dns64 is not None and question.name == KNOWN_NAME:
            return reply(question, [*_both(self._dns64, map(str, KNOWN_ADDRESSES))])
        if question.name not in self._world.zone or matches(question.name, self._world.denied.get(self._address, ())):
            return reply(question, rcode=NXDOMAIN)
        if question.kind == HTTPS_TYPE and question.name in self._world.with_ech_key:
            return record_reply(question, https_record(question.name))
        if question.kind == AAAA and question.name in self._world.broken_aaaa:
            return reply(question, rcode=RCODES[self._world.broken_aaaa[question.name]])
        addresses = self._addresses(question)
        if self._dns64 is not None and not any(":" in address for address in addresses):
            addresses = [*_both(self._dns64, addresses)]
        return reply(question, addresses)

    def _addresses(self, question: Question) -> list[str]:
        """Return all addresses of the name, or the next one of a rotating name. Each server starts at another one."""
        every = self._world.zone[question.name]
        if question.name not in self._world.rotating:
            return every
        family = [address for address in every if family_of(address) == question.family]
        turn = self._turns.get(question.name, crc32(f"{self._address} {question.name}".encode()) >> 8)
        self._turns[question.name] = turn + 1
        return [family[turn % len(family)]] if family else []


def _both(prefix: TranslatorPrefix, addresses: Iterable[str]) -> Iterator[str]:
    """Yield IPv4 addresses and the IPv6 addresses that lead to them through the translator."""
    for address in sorted(addresses):
        yield from (address, prefix.embed(address))


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
