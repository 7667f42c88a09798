"""Every dialogue over datagrams, with a good server for it: one row each in `DATAGRAMS`; and servers that spoil it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aioquic.asyncio.server import QuicServer

from probe.session.session import Session
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.dns.dns import query_udp
from probe.steps.tls.certificates import Roots
from tests.support.faults.attempts import LIMIT, Attempt, attempt
from tests.support.faults.dialogues import IP, MIDDLE, NAME, Place, Say, sip_answer, spoken, stun_answer
from tests.support.servers import dns as dnsservers
from tests.support.servers.authority import issue
from tests.support.servers.quic import quic_server

Spoil = Callable[["Mouth", bytes, Any], None]
"""Called instead of sending a datagram: (the server's mouth, what it wanted to say, to whom)."""


@dataclass
class Mouth:
    """The server's transport: datagrams pass unchanged as far as number `at`, then `spoil` takes over."""

    transport: asyncio.DatagramTransport
    at: int
    spoil: Spoil | None
    words: list[bytes] = field(default_factory=list)

    def sendto(self, data: bytes, client: Any = None) -> None:
        self.words.append(data)
        if self.spoil is None or len(self.words) <= self.at:
            self.say(data, client)
        else:
            self.spoil(self, data, client)

    def say(self, data: bytes, client: Any) -> None:
        if not self.transport.is_closing():
            self.transport.sendto(data, client)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.transport, name)


class Answering(asyncio.DatagramProtocol):
    """A server that answers each datagram with one."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self.answer = answer

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, client: Any) -> None:
        self.transport.sendto(self.answer(data), client)


@dataclass(frozen=True)
class Datagrams:
    """`server` makes a protocol that speaks through the transport it is given."""

    name: str
    server: Callable[[], asyncio.DatagramProtocol]
    say: Say


async def visit(
    dialogue: Datagrams, roots: Roots, at: int = 0, spoil: Spoil | None = None, limit: float = LIMIT
) -> tuple[Attempt, Mouth]:
    """Speak once with the dialogue's server, spoiled from datagram `at` on."""
    mouths: list[Mouth] = []

    class Ear(asyncio.DatagramProtocol):
        def connection_made(self, transport: Any) -> None:
            self.server = dialogue.server()
            mouths.append(Mouth(transport, at, spoil))
            self.server.connection_made(mouths[0])  # type: ignore[arg-type]

        def datagram_received(self, data: bytes, client: Any) -> None:
            self.server.datagram_received(data, client)

    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(Ear, local_addr=(IP, 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        async with (
            attempt(limit) as open_,
            open_.trace.transaction(TransactionFacts("first", service="faults", address=IP)) as tx,
        ):
            await dialogue.say(tx, Place(port, roots, open_.session))
    finally:
        if isinstance(server := getattr(transport.get_protocol(), "server", None), QuicServer):
            for connection in set(server._protocols.values()):
                connection._transport = None  # its timer may be due once more
                if connection._timer is not None:
                    connection._timer.cancel()
        transport.close()
        await asyncio.sleep(0)
    return open_.done(), mouths[0]


# -- the ways in which a server of datagrams goes wrong --------------------------------------------------------------


def cut_at(n: int) -> Spoil:
    return lambda mouth, data, client: mouth.say(data[:n], client)


def instead(words: bytes) -> Spoil:
    return lambda mouth, data, client: mouth.say(words, client)


def silence(mouth: Mouth, data: bytes, client: Any) -> None:
    """Nothing comes."""


def gone(mouth: Mouth, data: bytes, client: Any) -> None:
    """The server is gone: the kernel refuses whatever comes next."""
    mouth.transport.close()


def byte_by_byte(mouth: Mouth, data: bytes, client: Any) -> None:
    for at in range(len(data)):
        mouth.say(data[at : at + 1], client)


def flooding(words: bytes | None, many: int = 4000) -> Spoil:
    """`words` (None: what the good server would have said, its first byte changed) many times over."""

    def spoil(mouth: Mouth, data: bytes, client: Any) -> None:
        said = words if words is not None else bytes([data[0] ^ 0x40]) + data[1:]
        for _ in range(many):
            mouth.say(said, client)

    return spoil


# -- the table -----------------------------------------------------------------------------------------------------


async def say_dns(tx: Transaction, place: Place) -> None:
    session: Session = place.session
    limit = session.pace.tls_timeout()
    await query_udp(tx, IP, dnsservers.NAME, "A", pace=session.pace, port=place.port, timeout=limit, retransmit=False)


def answering(answer: Callable[[bytes], bytes]) -> Callable[[], asyncio.DatagramProtocol]:
    return lambda: Answering(answer)


def quic() -> asyncio.DatagramProtocol:
    return quic_server(QUIC, MIDDLE)()


QUIC = issue(NAME, MIDDLE)
DATAGRAMS = [
    Datagrams("dns+udp", answering(lambda asked: dnsservers.answer_to(asked, "192.0.2.80")), say_dns),
    Datagrams("stun/udp", answering(stun_answer), spoken(f"stun://{NAME}:PORT")),
    Datagrams("turn/udp", answering(stun_answer), spoken(f"turn://{NAME}:PORT")),
    Datagrams("sip/udp", answering(sip_answer), spoken(f"sip://{NAME}:PORT")),
    Datagrams("quic", quic, spoken(f"quic://{NAME}:PORT")),
    Datagrams("http3", quic, spoken(f"quic://{NAME}:PORT/")),
]
