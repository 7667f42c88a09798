"""Listen at every address and port of the lab's hosts, and serve each connection by its first bytes."""

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace

from probe.lab.censors.kit.name_patterns import matches
from probe.lab.services.credentials import UNRECOGNIZED_NAME, Credentials
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.dns.resolver import Datagrams, Zone
from probe.lab.services.quic import quic
from probe.lab.services.server_streams import Ended, Plain, Secure, Stream
from probe.lab.services.tcp_dialects import ALPN, GREETING_SERVERS, TLS_SERVERS, Connection, plain_server, tls_server
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import HELPERS_RESOLVER, PROVIDERS_RESOLVER, Host, InterceptingServer
from probe.wire.tls.server_name import hello_is_complete, read_hello

PATIENCE = 90.0  # seconds for one connection
LONGEST_HELLO = 16384


@dataclass(frozen=True)
class StreamPort:
    """Describe one TCP port of one host and its dialects. An intercepting server imitates the host."""

    host: Host
    address: str
    port: int
    dialects: frozenset[str]
    interceptor: InterceptingServer | None = None


def stream_ports(world: World) -> Iterator[StreamPort]:
    """Yield every TCP port with a server."""
    for host in world.hosts:
        for port, dialects in host.ports.items():
            if host.down != "refused" and dialects - DATAGRAMS.keys() - {"dns+udp"}:
                for address in host.addresses:
                    yield StreamPort(host, address, port, frozenset(dialects))
    for interceptor in world.intercepting_servers:
        for port, dialects in interceptor.host.ports.items():
            yield StreamPort(interceptor.host, interceptor.address, port, frozenset(dialects), interceptor)


def dns_ports(world: World) -> Iterator[tuple[str, int, bool]]:
    """Yield the address and port of every DNS server over UDP, and whether it is a resolver."""
    for host in world.hosts:
        for port, dialects in host.ports.items():
            if "dns+udp" in dialects and host.down != "refused":
                yield from ((address, port, True) for address in host.addresses)
    yield from ((address, 53, True) for address in (PROVIDERS_RESOLVER, HELPERS_RESOLVER))
    if world.dark is not None:
        yield world.dark, 53, False


@dataclass(frozen=True)
class DatagramPort:
    """Describe one UDP port of one host, for one dialect other than DNS."""

    host: Host
    address: str
    port: int
    dialect: str
    interceptor: InterceptingServer | None = None


def datagram_ports(world: World) -> Iterator[DatagramPort]:
    """Yield every UDP port with a server other than DNS."""
    for host in world.hosts:
        for port, dialects in host.ports.items():
            spoken = dialects & DATAGRAMS.keys() - ({"quic"} if host.no_quic == "refused" else set())
            for dialect in sorted(spoken) if host.down != "refused" else ():
                yield from (DatagramPort(host, address, port, dialect) for address in host.addresses)
    for interceptor in world.intercepting_servers:
        for port, dialects in interceptor.host.ports.items():
            if "quic" in dialects:
                yield DatagramPort(interceptor.host, interceptor.address, port, "quic", interceptor)


class ConnectionServer:
    """Serve TCP connections at every port of a world."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._zone, self._credentials = Zone(world), Credentials(world)

    async def serve(self, at: StreamPort, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        client = (writer.get_extra_info("peername") or ("", 0))[:2]  # None if it was reset at once
        try:
            with contextlib.suppress(Ended, TimeoutError, OSError):
                async with asyncio.timeout(PATIENCE):
                    await self._admit(Plain(reader, writer), at, client)
        finally:
            writer.close()

    async def _admit(self, stream: Plain, at: StreamPort, client: tuple[str, int]) -> None:
        """Serve the connection, reset it, or read without an answer where the client has too many of them."""
        if at.host.first_resets is not None and at.host.first_resets.resets(client[0], at.address):
            await stream.read()
            stream.reset()
            return
        if at.host.limit is None:
            await self._serve(stream, at, client)
            return
        with at.host.limit.admitted(client[0], time.monotonic()) as answered:
            if answered:
                await self._serve(stream, at, client)
            while not answered:
                await stream.read()

    async def _serve(self, stream: Stream, at: StreamPort, client: tuple[str, int]) -> None:
        greeting = next((GREETING_SERVERS[dialect] for dialect in GREETING_SERVERS if dialect in at.dialects), None)
        if greeting is not None:
            await greeting(stream, self._connection(at, client))
            return
        first = await stream.read()
        stream.unread(first)
        if first[0] == 0x16 and at.dialects & TLS_SERVERS.keys():
            secure = await self._upgrade(stream, at)
            connection = replace(self._connection(at, client), alpn=secure.alpn, secure=True)
            await tls_server(at.dialects, secure.alpn)(secure, connection)
        elif (serve := plain_server(at.dialects, first)) is not None:
            await serve(stream, self._connection(at, client))

    def _connection(self, at: StreamPort, client: tuple[str, int]) -> Connection:
        zone = Zone(self._world, address=at.address) if at.host.denies else self._zone
        return Connection(self._world, at.host, zone, lambda stream: self._upgrade(stream, at), client=client)

    async def _upgrade(self, below: Stream, at: StreamPort) -> Secure:
        """Start TLS with the certificate for the requested name. Raises Ended, after an alert."""
        name = await _requested_name(below)
        alpn = [protocol for dialect in ALPN if dialect in at.dialects for protocol in ALPN[dialect]]
        if at.interceptor is not None and matches(name, at.interceptor.names):
            context = self._credentials.for_interception(at.interceptor, name or "", alpn)
        elif at.host.refuses_unknown and name is not None and name not in at.host.names:
            await below.write(UNRECOGNIZED_NAME)
            raise Ended
        else:
            context = self._credentials.of_host(at.host, name, alpn)
        stream = Secure(below, context)
        await stream.handshake()
        return stream


async def _requested_name(stream: Stream) -> str | None:
    """Return the name in the hello that begins here. The bytes stay in the stream."""
    hello = b""
    while not hello_is_complete(hello) and len(hello) < LONGEST_HELLO and read_hello(hello).is_tls:
        hello += await stream.read()
    stream.unread(hello)
    return read_hello(hello).name


def _bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket | None:
    """Return a bound server socket. None for an IPv6 address if the kernel has no IPv6."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if family == socket.AF_INET6 and not socket.has_ipv6:
        return None
    try:
        # With the protocol given, asyncio sets TCP_NODELAY on the socket.
        found = socket.socket(family, kind, socket.IPPROTO_TCP if kind == socket.SOCK_STREAM else socket.IPPROTO_UDP)
    except OSError:
        if family == socket.AF_INET6:
            return None
        raise
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setblocking(False)
    try:
        found.bind((address, port))
    except OSError as error:
        found.close()
        raise OSError(error.errno, f"{address} port {port}: {error.strerror}") from error
    return found


async def open_everything(world: World) -> None:
    """Listen at every address and port of the world."""
    loop = asyncio.get_running_loop()
    server = ConnectionServer(world)
    for at in stream_ports(world):
        listening = _bound(at.address, at.port, socket.SOCK_STREAM)
        if listening is not None:
            await asyncio.start_server(_handler(server, at), sock=listening, backlog=256)
    for address, port, resolves in dns_ports(world):
        sock = _bound(address, port, socket.SOCK_DGRAM)
        if sock is not None:
            zone = Zone(world, resolves=resolves, address=address)
            await loop.create_datagram_endpoint(lambda zone=zone: Datagrams(zone), sock=sock)  # type: ignore[misc]
    for at_udp in datagram_ports(world):
        sock = _bound(at_udp.address, at_udp.port, socket.SOCK_DGRAM)
        if sock is not None:
            await loop.create_datagram_endpoint(lambda at=at_udp: _datagram_server(world, at), sock=sock)  # type: ignore[misc]
    for address in (PROVIDERS_RESOLVER, HELPERS_RESOLVER):
        resolver = Host(names=[], addresses=[address])
        await asyncio.start_server(
            _handler(server, StreamPort(resolver, address, 53, frozenset({"dns+tcp"}))),
            sock=_bound(address, 53, socket.SOCK_STREAM),
        )


def _datagram_server(world: World, at: DatagramPort) -> asyncio.DatagramProtocol:
    if at.interceptor is not None:
        return quic.server(world, at.host, at.interceptor)
    return DATAGRAMS[at.dialect](world, at.host)


def _handler(
    server: ConnectionServer, at: StreamPort
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await server.serve(at, reader, writer)

    return handle


def serve(world: World, ready: Callable[[], None]) -> None:
    async def run() -> None:
        await open_everything(world)
        ready()
        await asyncio.Event().wait()

    asyncio.run(run())
