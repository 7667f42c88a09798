"""List every dialogue of the program over a stream with a good server in `DIALOGUES`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.dialogue import always_get, run_dialogue
from probe.lab.services import dtls, reflector, sip, stun
from probe.session.session import Session
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.dns.dns import query_stream
from probe.steps.dns.doh import DoHResolver
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificate_checks import Roots
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import parse_endpoint
from probe.wire.sip.sip_message import read_message
from probe.wire.telegram.reflector import frame
from tests.steps.dns.test_doh import H2Server
from tests.steps.messengers.test_mtproto import data_centre
from tests.steps.messengers.test_noise import chain, chat_server
from tests.support.faults.attempts import Attempt, attempt
from tests.support.faults.spoiling import PAGE, Fault, Wire, spoiled
from tests.support.servers import dns as dnsservers
from tests.support.servers import mail as mailservers
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Handler, Peer, TLSPeer, serving

IP, NAME = "127.0.0.1", "chat.example"
CLIENT = ("198.51.100.23", 40123)
ROOT = issue("A root", authority=True)
MIDDLE = issue("An intermediate", ROOT, authority=True)
CONTEXT = issue(NAME, MIDDLE).server_context(MIDDLE)
CONTEXT_H2 = issue(NAME, MIDDLE).server_context(MIDDLE, alpn=("h2",))
ANSWER = (
    b"HTTP/1.1 200 OK\r\nServer: good\r\nContent-Type: text/html\r\nContent-Length: 22\r\n\r\n<title>Welcome</title>"
)

Exchange = Callable[[Transaction, "Place"], Awaitable[None]]
Then = Callable[[TLSPeer], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Hold the server's port, and what the client needs for the dialogue."""

    port: int
    roots: Roots
    session: Session


@dataclass(frozen=True)
class Dialogue:
    """Hold a dialogue with a good server.

    `floods` has pairs (sent once, repeated), endless data that the protocol allows.
    """

    name: str
    server: Handler
    exchange: Exchange
    floods: tuple[tuple[bytes, bytes], ...] = ()


def over_endpoint(url: str) -> Exchange:
    """Run the dialogue of `probe run` with an endpoint. PORT in `url` stands for the server's port."""

    async def exchange(tx: Transaction, place: Place) -> None:
        endpoint = parse_endpoint(url.replace("PORT", str(place.port)))
        await run_dialogue(tx, place.session, place.roots, endpoint, IP, always_get, confirm=False)

    return exchange


async def visit(
    dialogue: Dialogue, roots: Roots, at: int = 0, fault: Fault | None = None, limit: float | None = None
) -> tuple[Attempt, Wire]:
    """Run the dialogue once with its server. `fault` begins at byte `at`, and None means no fault."""
    wires: list[Wire] = []
    handler = spoiled(dialogue.server, at, fault, wires)
    how = {} if limit is None else {"limit": limit}
    async with serving(handler) as server:
        async with (
            attempt(**how) as open_,
            open_.trace.transaction(TransactionFacts("first", service="faults", address=IP)) as tx,
        ):
            await dialogue.exchange(tx, Place(server.port, roots, open_.session))
        await asyncio.sleep(0)
    assert len(wires) == 1
    return open_.done(), wires[0]


def secured(then: Then, context=CONTEXT) -> Handler:
    """Return a handler that runs `then` inside TLS."""

    async def serve(peer: Peer) -> None:
        tls = TLSPeer(peer, context)
        await tls.handshake()
        await then(tls)

    return serve


async def gone(peer: Peer) -> None:
    while await peer.receive():
        pass


async def wait_inside(tls: TLSPeer) -> None:
    await gone(tls.peer)


async def answer_http(peer: Peer) -> None:
    await peer.receive()
    await peer.send(ANSWER)
    await gone(peer)


async def answer_https(tls: TLSPeer) -> None:
    await tls.read()
    await tls.send(ANSWER)
    await gone(tls.peer)


def stun_answer(asked: bytes) -> bytes:
    response = stun.answer(asked, CLIENT)
    assert response is not None
    return response


def reflector_answer(asked: bytes) -> bytes:
    response = reflector.answer(asked, CLIENT)
    assert response is not None
    return response


def reflector_answer_tcp(asked: bytes) -> bytes:
    return frame(reflector_answer(asked[8:]))


def dtls_answer(asked: bytes) -> bytes:
    response = dtls.answer(asked, CLIENT, b"secret")
    assert response is not None
    return response


def sip_answer(asked: bytes) -> bytes:
    response = sip.answer(read_message(asked), CLIENT)
    assert response is not None
    return response


def dns_answer(asked: bytes) -> bytes:
    response = dnsservers.answer_to(asked[2:], "192.0.2.80")
    return len(response).to_bytes(2, "big") + response


def once(answer: Callable[[bytes], bytes]) -> Handler:
    """Return a server that answers data that arrives in one piece."""

    async def serve(peer: Peer) -> None:
        await peer.send(answer(await peer.receive()))
        await gone(peer)

    return serve


def once_inside(answer: Callable[[bytes], bytes]) -> Then:
    async def serve(tls: TLSPeer) -> None:
        await tls.send(answer(await tls.read()))
        await gone(tls.peer)

    return serve


async def h2_clear(peer: Peer) -> None:
    await _h2(H2Server(peer.receive, peer.send))


async def h2_inside(tls: TLSPeer) -> None:
    await _h2(H2Server(tls.read, tls.send))


async def _h2(server: H2Server) -> None:
    async for stream, query in server.requests():
        await server.reply(stream, dnsservers.answer_to(query, "192.0.2.80"))


async def query_dns_tcp(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    conn = await tcp_connect(tx, IP, place.port, pace=pace)
    await query_stream(tx, conn, dnsservers.NAME, "A", pace=pace, resolver_address="192.0.2.1:53", engine="tcp")


async def query_dot(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    tcp = await tcp_connect(tx, IP, place.port, pace=pace)
    conn = await tls_handshake(tx, tcp, NAME, pace=pace, roots=place.roots)
    await query_stream(tx, conn, dnsservers.NAME, "A", pace=pace, resolver_address="192.0.2.1:853")


async def query_h2_clear(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    conn = await tcp_connect(tx, IP, place.port, pace=pace)
    await DoHResolver(conn, f"https://{NAME}/dns-query", pace=pace).query(tx, dnsservers.NAME, "A")


async def query_doh(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    tcp = await tcp_connect(tx, IP, place.port, pace=pace)
    conn = await tls_handshake(tx, tcp, NAME, pace=pace, roots=place.roots, alpn=("h2",))
    await DoHResolver(conn, f"https://{NAME}/dns-query", pace=pace).query(tx, dnsservers.NAME, "A")


SMTP = mailservers.smtp(context=CONTEXT)
IMAP = mailservers.imap(context=CONTEXT)
SMTPS = mailservers.smtp(context=CONTEXT, implicit=True)
IMAPS = mailservers.imap(context=CONTEXT, implicit=True)
FOREIGN_SIP = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKother\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
FOREIGN_STUN = stun.answer(stun.stun.binding_request(bytes(12)), CLIENT) or b""
SETTINGS = b"\0\0\0\4\0\0\0\0\0"
FLOODS = {
    "http": (
        (b"HTTP/1.1 200 OK\r\n", b"X-More: of the same\r\n"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"body"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\na\r\n"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;", b"extension"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ),
    "tls": ((b"", b"\x15\x03\x03\0\2\1\x5a"), (b"", b"\x14\3\3\0\1\1"), (b"", b"\x16\3\3\x40\0" + bytes(16384))),
    "smtp": ((b"220-hello\r\n", b"220-and more\r\n"), (b"220 ", b"a"), (b"220 hello\r\n250-list\r\n", b"250-MORE\r\n")),
    "imap": (
        (b"* OK ", b"a"),
        (b"* OK\r\n", b"* FLAGS ()\r\n"),
        (b"* OK\r\n* CAPABILITY", b" MORE"),
        (b"* OK\r\n* {999999999}\r\n", b"literal "),
        (b"* OK\r\n", b"* {1}\r\na"),
    ),
    "sip": ((b"", FOREIGN_SIP), (b"", b"\r\n\r\n"), (b"SIP/2.0 200 OK\r\n", b"X: y\r\n"), (b"SIP/2.0 200 ", b"OK")),
    "stun": ((b"", FOREIGN_STUN), (b"\1\1\xff\xfc\x21\x12\xa4\x42", b"\x80\x22\0\4text")),
    "reflector": ((b"", b"\x10\0\0\0" + bytes(16)), (b"\0\0\1\0", b"data")),
    "dns": ((b"", b"\0\x0c\1\2\x80\0\0\0\0\0\0\0\0\0"), (b"", b"\xff\xff" + bytes(65535)), (b"", b"\0\0")),
    "h2": (
        (SETTINGS, SETTINGS),
        (SETTINGS, b"\0\0\x08\6\0\0\0\0\0pingpong"),
        (SETTINGS, b"\0\0\4\1\0\0\0\0\1\x88\x88\x88\x88"),
        (SETTINGS + b"\0\0\1\1\4\0\0\0\1\x88", b"\0\x40\0\0\0\0\0\0\1" + bytes(16384)),
        (SETTINGS + b"\0\0\1\1\0\0\0\0\1\x88", b"\0\0\1\x09\0\0\0\0\1\x88"),
    ),
    "noise": ((b"\0\x3f\xff", b"a"), (b"", b"\0\0\0")),
    "mtproto": ((b"", b"\x01abcd"), (b"\x7f\0\1\0", b"a")),
}
DIALOGUES = [
    Dialogue("http", answer_http, over_endpoint(f"http://{NAME}:PORT/"), FLOODS["http"]),
    Dialogue("tls", secured(wait_inside), over_endpoint(f"tls://{NAME}:PORT"), FLOODS["tls"]),
    Dialogue("https", secured(answer_https), over_endpoint(f"https://{NAME}:PORT/")),
    Dialogue("mtproto", data_centre(), over_endpoint(f"mtproto://{IP}:PORT"), FLOODS["mtproto"]),
    Dialogue("noise", chat_server(chain()), over_endpoint(f"noise://{NAME}:PORT"), FLOODS["noise"]),
    Dialogue("stun/tcp", once(stun_answer), over_endpoint(f"stun://{NAME}:PORT;transport=tcp"), FLOODS["stun"]),
    Dialogue("turn/tcp", once(stun_answer), over_endpoint(f"turn://{NAME}:PORT;transport=tcp"), FLOODS["stun"]),
    Dialogue("stun/tls", secured(once_inside(stun_answer)), over_endpoint(f"stun://{NAME}:PORT;transport=tls")),
    Dialogue("turn/tls", secured(once_inside(stun_answer)), over_endpoint(f"turn://{NAME}:PORT;transport=tls")),
    Dialogue(
        "reflector+tcp", once(reflector_answer_tcp), over_endpoint(f"reflector+tcp://{IP}:PORT"), FLOODS["reflector"]
    ),
    Dialogue("sip/tcp", once(sip_answer), over_endpoint(f"sip://{NAME}:PORT;transport=tcp"), FLOODS["sip"]),
    Dialogue("sip/tls", secured(once_inside(sip_answer)), over_endpoint(f"sip://{NAME}:PORT;transport=tls")),
    Dialogue("smtp+starttls", SMTP.handler, over_endpoint(f"smtp+starttls://{NAME}:PORT"), FLOODS["smtp"]),
    Dialogue("imap+starttls", IMAP.handler, over_endpoint(f"imap+starttls://{NAME}:PORT"), FLOODS["imap"]),
    Dialogue("smtps", SMTPS.handler, over_endpoint(f"smtps://{NAME}:PORT")),
    Dialogue("imaps", IMAPS.handler, over_endpoint(f"imaps://{NAME}:PORT")),
    Dialogue("dns+tcp", once(dns_answer), query_dns_tcp, FLOODS["dns"]),
    Dialogue("dot", secured(once_inside(dns_answer)), query_dot),
    Dialogue("doh", secured(h2_inside, CONTEXT_H2), query_doh),
    Dialogue("doh, its HTTP/2 in the clear", h2_clear, query_h2_clear, FLOODS["h2"]),
]
WRONG = {
    "a page": PAGE,
    "ssh": b"SSH-2.0-OpenSSH_9.9\r\n",
    "smtp": b"220 mail.example ESMTP\r\n",
    "imap": b"* OK ready\r\n",
    "sip": b"SIP/2.0 400 Bad Request\r\n\r\n",
    "a TLS alert": b"\x15\x03\x03\0\2\2\x28",
    "half a TLS record": b"\x16\x03\x03\x40\0\2\0\0\x51\3\3" + bytes(40),
    "a DNS message": b"\0\x0c\1\2\x80\0\0\0\0\0\0\0\0\0",
    "zeros": bytes(600),
    "ones": b"\xff" * 600,
    "lines": b"\r\n" * 300,
    "noise": bytes((7 * n * n + 13 * n) % 251 for n in range(700)),
}
