"""Serve DNS on loopback with one fault each, and build the answers."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import cast

import dns.flags
import dns.message
import dns.rrset

from probe.formats.entries import DNSQuery
from tests.support.servers.loopback import Bench, a_transaction

NAME = "www.example.com"


def answer_to(query: bytes, *addresses: str, rcode: int = 0, truncated: bool = False) -> bytes:
    """Return the answer with `addresses` (A or AAAA, as asked)."""
    asked = dns.message.from_wire(query)
    message = dns.message.make_response(asked, recursion_available=True)
    question = asked.question[0]
    if addresses:
        message.answer = [dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *addresses)]
    message.set_rcode(rcode)  # type: ignore[arg-type]
    message.flags |= dns.flags.TC if truncated else 0
    return message.to_wire(max_size=65535)


@dataclass
class Asked:
    """Hold one received datagram, and answer it."""

    query: bytes
    client: tuple[object, ...]
    number: int  # 1 for the first
    transport: asyncio.DatagramTransport

    def send(self, raw: bytes, after: float = 0.0) -> None:
        asyncio.get_running_loop().call_later(after, self._send, raw)

    def _send(self, raw: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(raw, self.client)

    def answer(self, *addresses: str, after: float = 0.0, rcode: int = 0) -> None:
        self.send(answer_to(self.query, *addresses, rcode=rcode), after)


@dataclass
class UDPServer(asyncio.DatagramProtocol):
    """Call `behave` for every datagram."""

    behave: Callable[[Asked], None]
    port: int = 0
    asked: list[Asked] = field(default_factory=list)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, client: tuple[object, ...]) -> None:
        self.asked.append(asked := Asked(data, client, len(self.asked) + 1, self.transport))
        self.behave(asked)


@asynccontextmanager
async def udp_server(behave: Callable[[Asked], None], ip: str = "127.0.0.1") -> AsyncIterator[UDPServer]:
    server = UDPServer(behave)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: server, local_addr=(ip, 0))
    try:
        yield server
    finally:
        transport.close()


@asynccontextmanager
async def a_good_transaction() -> AsyncIterator[Bench]:
    """Open a transaction in which no step may fail. A failure would end the test's block early and silently."""
    async with a_transaction() as bench:
        yield bench
    assert bench.tx.stopped_by is None


def entry_of(bench: Bench) -> DNSQuery:
    entry = bench.trace.entries[-1]
    assert isinstance(entry, DNSQuery)
    return entry


def addresses_of(entry: DNSQuery) -> list[str | None]:
    return [answer.address for answer in entry.answers]
