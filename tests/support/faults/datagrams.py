"""List every dialogue over datagrams with a good server in `DATAGRAMS`, and provide the faults of such servers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aioquic.asyncio.server import QuicServer

from probe.session.session import Session
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.dns.dns import query_udp
from probe.steps.tls.certificate_checks import Roots
from tests.support.faults.attempts import LIMIT, Attempt, attempt
from tests.support.faults.dialogues import (
    IP,
    MIDDLE,
    NAME,
    Exchange,
    Place,
    dtls_answer,
    over_endpoint,
    reflector_answer,
    sip_answer,
    stun_answer,
)
from tests.support.servers import dns as dnsservers
from tests.support.servers.authority import issue
from tests.support.servers.quic import quic_server

Spoil = Callable[["FaultyTransport", bytes, Any], None]
"""Called in place of sending a datagram, with the faulty transport, the datagram and the client's address."""


@dataclass
class FaultyTransport:
    """Pass the server's datagrams unchanged up to number `at`, then let `spoil` replace them."""

    transport: asyncio.DatagramTransport
    at: int
    spoil: Spoil | None
    datagrams: list[bytes] = field(default_factory=list)

    def sendto(self, data: bytes, client: Any = None) -> None:
        self.datagrams.append(data)
        if self.spoil is None or len(self.datagrams) <= self.at:
            self.send(data, client)
        else:
            self.spoil(self, data, client)

    def send(self, data: bytes, client: Any) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(data, client)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Answering(asyncio.DatagramProtocol):
    """Answer each datagram with one."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, client: Any) -> None:
        self.transport.sendto(self.answer(data), client)


@dataclass(frozen=True)
class Datagrams:
    """Hold a dialogue. `server` makes a protocol that sends through the given transport."""

    name: str
    server: Callable[[], asyncio.DatagramProtocol]
    exchange: Exchange


async def visit(
    dialogue: Datagrams, roots: Roots, at: int = 0, spoil: Spoil | None = None, limit: float = LIMIT
) -> tuple[Attempt, FaultyTransport]:
    """Run the dialogue once with its server, which is faulty from datagram `at` on."""
    transports: list[FaultyTransport] = []

    class FaultyServer(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.server = dialogue.server()
            transports.append(FaultyTransport(transport, at, spoil))
            self.server.connection_made(transports[0])  # type: ignore[arg-type]

        def datagram_received(self, data: bytes, client: Any) -> None:
            self.server.datagram_received(data, client)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(FaultyServer, local_addr=(IP, 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        async with (
            attempt(limit) as open_,
            open_.trace.transaction(TransactionFacts("first", service="faults", address=IP)) as tx,
        ):
            await dialogue.exchange(tx, Place(port, roots, open_.session))
    finally:
        if isinstance(server := getattr(transport.get_protocol(), "server", None), QuicServer):
            for connection in set(server._protocols.values()):
                connection._transport = None  # its timer may be due once more
                if connection._timer is not None:
                    connection._timer.cancel()
        transport.close()
        await asyncio.sleep(0)
    return open_.done(), transports[0]


def cut_at(n: int) -> Spoil:
    return lambda faulty, data, client: faulty.send(data[:n], client)


def instead(payload: bytes) -> Spoil:
    return lambda faulty, data, client: faulty.send(payload, client)


def silence(faulty: FaultyTransport, data: bytes, client: Any) -> None:
    """Send nothing."""


def gone(faulty: FaultyTransport, data: bytes, client: Any) -> None:
    """Close the server's port. The kernel then refuses every datagram."""
    faulty.transport.close()


def byte_by_byte(faulty: FaultyTransport, data: bytes, client: Any) -> None:
    for at in range(len(data)):
        faulty.send(data[at : at + 1], client)


def flooding(payload: bytes | None, many: int = 4000) -> Spoil:
    """Send `payload` many times, or the good answer with its first byte changed if `payload` is None."""

    def spoil(faulty: FaultyTransport, data: bytes, client: Any) -> None:
        changed = payload if payload is not None else bytes([data[0] ^ 0x40]) + data[1:]
        for _ in range(many):
            faulty.send(changed, client)

    return spoil


async def query_dns(tx: Transaction, place: Place) -> None:
    session: Session = place.session
    limit = session.pace.tls_timeout()
    await query_udp(tx, IP, dnsservers.NAME, "A", pace=session.pace, port=place.port, timeout=limit, retransmit=False)


def answering(answer: Callable[[bytes], bytes]) -> Callable[[], asyncio.DatagramProtocol]:
    return lambda: Answering(answer)


def quic() -> asyncio.DatagramProtocol:
    return quic_server(QUIC, MIDDLE)()


QUIC = issue(NAME, MIDDLE)
DATAGRAMS = [
    Datagrams("dns+udp", answering(lambda asked: dnsservers.answer_to(asked, "192.0.2.80")), query_dns),
    Datagrams("stun/udp", answering(stun_answer), over_endpoint(f"stun://{NAME}:PORT")),
    Datagrams("turn/udp", answering(stun_answer), over_endpoint(f"turn://{NAME}:PORT")),
    Datagrams("reflector", answering(reflector_answer), over_endpoint(f"reflector://{IP}:PORT")),
    Datagrams("dtls", answering(dtls_answer), over_endpoint(f"dtls://{NAME}:PORT")),
    Datagrams("sip/udp", answering(sip_answer), over_endpoint(f"sip://{NAME}:PORT")),
    Datagrams("quic", quic, over_endpoint(f"quic://{NAME}:PORT")),
    Datagrams("http3", quic, over_endpoint(f"quic://{NAME}:PORT/")),
]
