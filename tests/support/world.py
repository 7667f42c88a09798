"""Provide a small network on loopback: TLS servers by address, and names that are answered from a table."""

import asyncio
import base64
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest

from probe.formats.entries import DNSAnswer, DNSQuery, DNSResponse
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.session.trace import Transaction
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.targets.target import Endpoint, NeutralHosts, Service, Target, family_of, parse_endpoint
from tests.support.servers.authority import issue
from tests.support.servers.loopback import Peer, TLSPeer, serving

INNOCUOUS = "innocuous.example"
Behaviour = Literal["serve", "reset", "silent", "close", "garbage"]


@dataclass
class Box:
    """Represent one server address. Its behaviour depends on the name in a hello. `seen` holds what arrived."""

    ip: str
    port: int = 0
    names: dict[str, Behaviour] = field(default_factory=dict)
    otherwise: Behaviour = "serve"
    by_hello: Callable[[bytes], Behaviour | None] = lambda hello: None  # before any name
    after_reset: Behaviour | None = None  # for every later flow once a name was reset: residual censorship
    longest_segment: int = 0  # peers that may send or get longer ones are not answered, as if these were lost. 0: none
    longest_request: int = 0  # the same for requests that have more bytes
    delay: float = 0.0  # seconds before an answer to the hello
    reply: bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    seen: list[str] = field(default_factory=list)  # "connect", "hello NAME", "request", in order

    def flows(self, name: str) -> int:
        return self.seen.count(f"hello {name}")


def hello_name(hello: bytes) -> str:
    """Return the SNI of a client hello, found by a context's callback."""
    found: list[str] = []
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.sni_callback = lambda _sock, name, _context: found.append(name or "")
    incoming = ssl.MemoryBIO()
    engine = context.wrap_bio(incoming, ssl.MemoryBIO(), server_side=True)
    incoming.write(hello)
    try:
        engine.do_handshake()
    except ssl.SSLError:
        return found[0] if found else ""
    return found[0] if found else ""


def segment_of(peer: Peer) -> int:
    """Return the longest segment that this connection carries, in bytes."""
    return int(peer.writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))


def host_header(request: bytes) -> str:
    """Return the Host header of a clear-text request, "" for other bytes."""
    _, found, rest = request.partition(b"Host: ")
    return rest.split(b"\r")[0].decode() if found else ""


class World:
    """Hold servers, names, and the session that measures them."""

    def __init__(self, folder: Path) -> None:
        self.ca = issue("Test CA", authority=True)
        pem = folder / "roots.pem"
        pem.write_bytes(self.ca.pem)
        self.roots: Roots = load_roots(str(pem))
        self.forged = issue("forged.example").server_context()
        self.system: dict[str, list[str] | str] = {}  # addresses by name, or a failure
        self.encrypted: dict[str, list[str]] | None = {}  # None: no encrypted resolver answers
        self.ech: dict[str, bytes] = {}  # answers to HTTPS queries by name, as raw messages
        self.lookups: list[tuple[str, str]] = []  # (engine or server, name)
        self.responses: list[DNSResponse] = []  # datagrams that answer the own UDP query
        self.session = Session(
            run_id="test",
            settings=RunSettings(),
            pace=Pace(),
            neutral=NeutralHosts((INNOCUOUS,), "none.invalid", (), (), None, ""),
            resolvers=Target("resolvers", "dnscheck", "", "", date(2026, 1, 1), {}, ""),
        )

    @asynccontextmanager
    async def box(self, ip: str, certified: Iterable[str] = (), **how: Any) -> AsyncIterator[Box]:
        """Serve TLS with a certificate for `certified` (none: self-signed, for another name) and HTTP behind it."""
        certified = tuple(certified)
        box = Box(ip, **how)
        context = self.forged
        if certified:
            context = issue(certified[0], self.ca, names=certified).server_context()

        async def handler(peer: Peer) -> None:
            box.seen.append("connect")
            hello = await peer.receive()
            if not hello:
                return
            name = hello_name(hello) if hello[:1] == b"\x16" else host_header(hello)
            box.seen.append(f"hello {name}")
            residual = box.after_reset is not None and any(box.flows(n) for n, b in box.names.items() if b == "reset")
            does = (
                box.by_hello(hello)
                or box.names.get(name)
                or ("silent" if 0 < box.longest_segment < segment_of(peer) else None)
                or (box.after_reset if residual and box.after_reset else box.otherwise)
            )
            await asyncio.sleep(box.delay)
            await _answer(peer, does, hello, context, box)

        async with serving(handler, ip, box.port) as server:
            box.port = server.port
            yield box

    def target(self, *urls: str, nettest: str = "endpoint_reachability", ooni: bool = False) -> Target:
        endpoints = tuple(parse_endpoint(url, ooni=ooni) for url in urls)
        services = {"web": Service("web", "all", endpoints)}
        return Target("test", nettest, "Test", "here", date(2026, 1, 1), services, "00")

    def neutral(self, box: Box) -> None:
        endpoint: Endpoint = parse_endpoint(f"https://neutral.example:{box.port}/")
        self.session.neutral_addresses.append((box.ip, endpoint))

    def without_resolvers(self, patch: pytest.MonkeyPatch) -> None:
        """Let the preflight ask the tables, and find no encrypted resolver."""

        async def no_warm(*_: Any) -> None:
            return None

        patch.setattr("probe.run.network.preflight.resolve_system", self.resolve_system)
        patch.setattr("probe.run.network.preflight.query_udp", self.query_udp)
        patch.setattr("probe.run.network.neutral_lookups.query_udp", self.query_udp)
        patch.setattr("probe.run.network.neutral_lookups.system_resolvers", lambda: ["192.168.1.1"])
        patch.setattr("probe.run.network.preflight.system_resolvers", lambda: ["192.168.1.1"])
        patch.setattr("probe.run.network.preflight.first_warm_resolver", no_warm)

    # -- names -------------------------------------------------------------------------------------------------

    async def resolve_system(self, tx: Transaction, hostname: str, **_: Any) -> list[str]:
        self.lookups.append(("system", hostname))
        answer = self.system.get(hostname, "dns_nxdomain_error")
        entry = _entry("system", hostname, "system")
        async with tx.step(entry, 1.0):
            if isinstance(answer, str):
                raise RemoteError(answer)
            entry.answers = _answers(answer)
        return [] if isinstance(answer, str) else answer

    async def query_udp(
        self, tx: Transaction, server: str, hostname: str, query_type: str, *, shown_as: str | None = None, **_: Any
    ) -> DNSQuery:
        self.lookups.append((server, hostname))
        answer = self.system.get(hostname, [])
        entry = _entry("udp", hostname, shown_as or f"{server}:53", query_type)
        entry.x_responses = list(self.responses)
        async with tx.step(entry, 1.0):
            if isinstance(answer, str):
                raise RemoteError(answer)
            entry.answers = _answers(answer)
        return entry

    def install(self, patch: pytest.MonkeyPatch) -> None:
        """Replace the resolvers by the tables."""
        patch.setattr("probe.resolution.lookup.resolve_system", self.resolve_system)
        patch.setattr("probe.followups.neutral_quic.resolve_system", self.resolve_system)
        patch.setattr("probe.resolution.lookup.query_udp", self.query_udp)
        patch.setattr("probe.followups.other_resolvers.query_udp", self.query_udp)
        patch.setattr("probe.resolution.lookup.system_resolvers", lambda: ["192.0.2.53"])
        patch.setattr("probe.resolution.lookup.is_bogon", lambda address: False)
        patch.setattr("probe.run.measure.is_bogon", lambda address: False)
        patch.setattr("probe.connectivity.attempt.PAUSE_SECONDS", (0.0, 0.01))
        patch.setattr("probe.connectivity.ban_checks.BAN_REST", 0.2)
        if self.encrypted is not None:
            self.session.encrypted = Warm(self)


class Warm:
    """Answer queries to the encrypted resolver from a table."""

    engine: Literal["dot", "doh"] = "dot"
    host, ip, port = "warm.example", "192.0.2.1", 853

    def __init__(self, world: World) -> None:
        self._world = world

    async def ask(self, tx: Transaction, hostname: str, query_type: str) -> DNSQuery:
        self._world.lookups.append(("dot", hostname))
        entry = _entry("dot", hostname, "192.0.2.1:853", query_type)
        async with tx.step(entry, 1.0):
            if query_type == "HTTPS" and hostname in self._world.ech:
                entry.raw_response = base64.b64encode(self._world.ech[hostname]).decode()
                entry.answers = [DNSAnswer(answer_type="HTTPS")]
                return entry
            if query_type == "HTTPS":
                raise RemoteError("dns_no_answer")
            entry.answers = _answers((self._world.encrypted or {}).get(hostname, []))
            if not entry.answers:
                raise RemoteError("dns_no_answer")
        return entry

    async def close(self) -> None:
        """Close nothing, because nothing is open."""


def _entry(engine: str, hostname: str, resolver: str, query_type: str = "A") -> DNSQuery:
    return DNSQuery(engine=engine, hostname=hostname, query_type=query_type, resolver_address=resolver)


def _answers(ips: Iterable[str]) -> list[DNSAnswer]:
    return [
        DNSAnswer(answer_type="A", ipv4=ip) if family_of(ip) == 4 else DNSAnswer(answer_type="AAAA", ipv6=ip)
        for ip in ips
    ]


async def _answer(peer: Peer, does: Behaviour, hello: bytes, context: ssl.SSLContext, box: Box) -> None:
    if does == "reset":
        peer.reset()
    elif does == "silent":
        await asyncio.Event().wait()
    elif does == "garbage":
        await peer.send(b"these bytes are no known protocol\r\n" * 3)
    elif does == "serve" and hello[:1] != b"\x16":
        await peer.send(box.reply)
    elif does == "serve":
        await _serve_tls(peer, hello, context, box)


async def _serve_tls(peer: Peer, hello: bytes, context: ssl.SSLContext, box: Box) -> None:
    tls = TLSPeer(peer, context)
    tls.incoming.write(hello)
    try:
        tls.engine.do_handshake()
    except ssl.SSLWantReadError:
        await peer.send(tls.outgoing.read())
    await _rest(tls)
    request = await tls.read()
    box.seen.append("request")
    if 0 < box.longest_request < min(len(request), segment_of(peer)):
        await asyncio.Event().wait()
    await tls.send(box.reply)


async def _rest(tls: TLSPeer) -> None:
    while True:
        try:
            tls.engine.do_handshake()
        except ssl.SSLWantReadError:
            tls.incoming.write(await tls.receive_or_end())
        else:
            await tls.peer.send(tls.outgoing.read())
            return
