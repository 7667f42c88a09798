"""Every dialogue over a stream that the program speaks, with a good server for it: one row each in `DIALOGUES`."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.dialogue import always_get, run_dialogue
from probe.lab.services import sip, stun
from probe.session.session import Session
from probe.session.trace import Transaction, TransactionFacts
from probe.steps.dns.dns import query_stream
from probe.steps.dns.doh import DoHResolver
from probe.steps.tcp import tcp_connect
from probe.steps.tls.certificates import Roots
from probe.steps.tls.tls import tls_handshake
from probe.targets.target import parse_endpoint
from probe.wire.sip.message import read_message
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

Say = Callable[[Transaction, "Place"], Awaitable[None]]
Then = Callable[[TLSPeer], Awaitable[None]]


@dataclass(frozen=True)
class Place:
    """Where the server is, and with what it is spoken to."""

    port: int
    roots: Roots
    session: Session


@dataclass(frozen=True)
class Dialogue:
    """`server`: a good one; `floods`: (once, again and again), endless words that its protocol allows."""

    name: str
    server: Handler
    say: Say
    floods: tuple[tuple[bytes, bytes], ...] = ()


def spoken(url: str) -> Say:
    """What `probe run` says to an endpoint; PORT in `url` is the server's."""

    async def say(tx: Transaction, place: Place) -> None:
        endpoint = parse_endpoint(url.replace("PORT", str(place.port)))
        await run_dialogue(tx, place.session, place.roots, endpoint, IP, always_get, confirm=False)

    return say


async def visit(
    dialogue: Dialogue, roots: Roots, at: int = 0, fault: Fault | None = None, limit: float | None = None
) -> tuple[Attempt, Wire]:
    """Speak once with the dialogue's server, spoiled from byte `at` on by `fault`; None: not at all."""
    wires: list[Wire] = []
    handler = spoiled(dialogue.server, at, fault, wires)
    how = {} if limit is None else {"limit": limit}
    async with serving(handler) as server:
        async with (
            attempt(**how) as open_,
            open_.trace.transaction(TransactionFacts("first", service="faults", address=IP)) as tx,
        ):
            await dialogue.say(tx, Place(server.port, roots, open_.session))
        await asyncio.sleep(0)
    assert len(wires) == 1
    return open_.done(), wires[0]


# -- the good servers ----------------------------------------------------------------------------------------------


def secured(then: Then, context=CONTEXT) -> Handler:
    """`then` inside TLS."""

    async def serve(peer: Peer) -> None:
        tls = TLSPeer(peer, context)
        await tls.handshake()
        await then(tls)

    return serve


async def gone(peer: Peer) -> None:
    while await peer.hear():
        pass


async def wait_inside(tls: TLSPeer) -> None:
    await gone(tls.peer)


async def answer_http(peer: Peer) -> None:
    await peer.hear()
    await peer.say(ANSWER)
    await gone(peer)


async def answer_https(tls: TLSPeer) -> None:
    await tls.read()
    await tls.say(ANSWER)
    await gone(tls.peer)


def stun_answer(asked: bytes) -> bytes:
    said = stun.answer(asked, CLIENT)
    assert said is not None
    return said


def sip_answer(asked: bytes) -> bytes:
    said = sip.answer(read_message(asked), CLIENT)
    assert said is not None
    return said


def dns_answer(asked: bytes) -> bytes:
    said = dnsservers.answer_to(asked[2:], "192.0.2.80")
    return len(said).to_bytes(2, "big") + said


def once(answer: Callable[[bytes], bytes]) -> Handler:
    """A server that answers what comes in one piece."""

    async def serve(peer: Peer) -> None:
        await peer.say(answer(await peer.hear()))
        await gone(peer)

    return serve


def once_inside(answer: Callable[[bytes], bytes]) -> Then:
    async def serve(tls: TLSPeer) -> None:
        await tls.say(answer(await tls.read()))
        await gone(tls.peer)

    return serve


async def h2_clear(peer: Peer) -> None:
    await _h2(H2Server(peer.hear, peer.say))


async def h2_inside(tls: TLSPeer) -> None:
    await _h2(H2Server(tls.read, tls.say))


async def _h2(server: H2Server) -> None:
    async for stream, query in server.requests():
        await server.reply(stream, dnsservers.answer_to(query, "192.0.2.80"))


# -- what has no endpoint of a target ------------------------------------------------------------------------------


async def say_dns_tcp(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    conn = await tcp_connect(tx, IP, place.port, pace=pace)
    await query_stream(tx, conn, dnsservers.NAME, "A", pace=pace, resolver_address="192.0.2.1:53", engine="tcp")


async def say_dot(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    tcp = await tcp_connect(tx, IP, place.port, pace=pace)
    conn = await tls_handshake(tx, tcp, NAME, pace=pace, roots=place.roots)
    await query_stream(tx, conn, dnsservers.NAME, "A", pace=pace, resolver_address="192.0.2.1:853")


async def say_h2_clear(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    conn = await tcp_connect(tx, IP, place.port, pace=pace)
    await DoHResolver(conn, f"https://{NAME}/dns-query", pace=pace).query(tx, dnsservers.NAME, "A")


async def say_doh(tx: Transaction, place: Place) -> None:
    pace = place.session.pace
    tcp = await tcp_connect(tx, IP, place.port, pace=pace)
    conn = await tls_handshake(tx, tcp, NAME, pace=pace, roots=place.roots, alpn=("h2",))
    await DoHResolver(conn, f"https://{NAME}/dns-query", pace=pace).query(tx, dnsservers.NAME, "A")


# -- the table -----------------------------------------------------------------------------------------------------

SMTP = mailservers.smtp(context=CONTEXT)
IMAP = mailservers.imap(context=CONTEXT)
SMTPS = mailservers.smtp(context=CONTEXT, implicit=True)
IMAPS = mailservers.imap(context=CONTEXT, implicit=True)
STRANGER = (
    b"SIP/2.0 200 OK\r\nVia: SIP/2.0/TCP 192.0.2.1;branch=z9hG4bKother\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
)
STUN_STRANGER = stun.answer(stun.stun.binding_request(bytes(12)), CLIENT) or b""
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
    "sip": ((b"", STRANGER), (b"", b"\r\n\r\n"), (b"SIP/2.0 200 OK\r\n", b"X: y\r\n"), (b"SIP/2.0 200 ", b"OK")),
    "stun": ((b"", STUN_STRANGER), (b"\1\1\xff\xfc\x21\x12\xa4\x42", b"\x80\x22\0\4text")),
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
    Dialogue("http", answer_http, spoken(f"http://{NAME}:PORT/"), FLOODS["http"]),
    Dialogue("tls", secured(wait_inside), spoken(f"tls://{NAME}:PORT"), FLOODS["tls"]),
    Dialogue("https", secured(answer_https), spoken(f"https://{NAME}:PORT/")),
    Dialogue("mtproto", data_centre(), spoken(f"mtproto://{IP}:PORT"), FLOODS["mtproto"]),
    Dialogue("noise", chat_server(chain()), spoken(f"noise://{NAME}:PORT"), FLOODS["noise"]),
    Dialogue("stun/tcp", once(stun_answer), spoken(f"stun://{NAME}:PORT;transport=tcp"), FLOODS["stun"]),
    Dialogue("turn/tcp", once(stun_answer), spoken(f"turn://{NAME}:PORT;transport=tcp"), FLOODS["stun"]),
    Dialogue("stun/tls", secured(once_inside(stun_answer)), spoken(f"stun://{NAME}:PORT;transport=tls")),
    Dialogue("turn/tls", secured(once_inside(stun_answer)), spoken(f"turn://{NAME}:PORT;transport=tls")),
    Dialogue("sip/tcp", once(sip_answer), spoken(f"sip://{NAME}:PORT;transport=tcp"), FLOODS["sip"]),
    Dialogue("sip/tls", secured(once_inside(sip_answer)), spoken(f"sip://{NAME}:PORT;transport=tls")),
    Dialogue("smtp+starttls", SMTP.handler, spoken(f"smtp+starttls://{NAME}:PORT"), FLOODS["smtp"]),
    Dialogue("imap+starttls", IMAP.handler, spoken(f"imap+starttls://{NAME}:PORT"), FLOODS["imap"]),
    Dialogue("smtps", SMTPS.handler, spoken(f"smtps://{NAME}:PORT")),
    Dialogue("imaps", IMAPS.handler, spoken(f"imaps://{NAME}:PORT")),
    Dialogue("dns+tcp", once(dns_answer), say_dns_tcp, FLOODS["dns"]),
    Dialogue("dot", secured(once_inside(dns_answer)), say_dot),
    Dialogue("doh", secured(h2_inside, CONTEXT_H2), say_doh),
    Dialogue("doh, its HTTP/2 in the clear", h2_clear, say_h2_clear, FLOODS["h2"]),
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
