"""Opens every port of the world's hosts and lets each connection speak the protocol with which it begins."""

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace

from probe.lab.censors.kit.names import matches
from probe.lab.censors.kit.server_name import look, whole
from probe.lab.services.credentials import UNRECOGNIZED_NAME, Credentials
from probe.lab.services.datagrams import DATAGRAMS
from probe.lab.services.dns.resolver import Datagrams, Zone
from probe.lab.services.protocols import ALPN, SPEAKS_FIRST, UNDER_TLS, Visit, voice_in_the_clear, voice_under_tls
from probe.lab.services.quic import quic
from probe.lab.services.streams import Ended, Plain, Secure, Stream
from probe.lab.world.world import HELPERS_RESOLVER, PROVIDERS_RESOLVER, Host, Impostor, World

PATIENCE = 90.0  # seconds for one connection
LONGEST_HELLO = 16384


@dataclass(frozen=True)
class Door:
    """One TCP port of one machine and the dialects spoken there; behind an impostor's the genuine host is imitated."""

    host: Host
    address: str
    port: int
    schemes: frozenset[str]
    impostor: Impostor | None = None


def doors(world: World) -> Iterator[Door]:
    """Every TCP port at which somebody listens."""
    for host in world.hosts:
        for port, schemes in host.ports.items():
            if host.down != "refused" and schemes - DATAGRAMS.keys() - {"dns+udp"}:
                for address in host.addresses:
                    yield Door(host, address, port, frozenset(schemes))
    for impostor in world.impostors:
        for port, schemes in impostor.host.ports.items():
            yield Door(impostor.host, impostor.address, port, frozenset(schemes), impostor)


def question_desks(world: World) -> Iterator[tuple[str, int, bool]]:
    """(address, port, whether it resolves) of everybody who takes DNS over UDP."""
    for host in world.hosts:
        for port, schemes in host.ports.items():
            if "dns+udp" in schemes and host.down != "refused":
                yield from ((address, port, True) for address in host.addresses)
    yield from ((address, 53, True) for address in (PROVIDERS_RESOLVER, HELPERS_RESOLVER))
    if world.dark is not None:
        yield world.dark, 53, False


@dataclass(frozen=True)
class Place:
    """One UDP port of one machine at which a dialect other than DNS is spoken."""

    host: Host
    address: str
    port: int
    dialect: str
    impostor: Impostor | None = None


def datagram_places(world: World) -> Iterator[Place]:
    """Every UDP port at which somebody listens who is no resolver."""
    for host in world.hosts:
        for port, schemes in host.ports.items():
            spoken = schemes & DATAGRAMS.keys() - ({"quic"} if host.no_quic == "refused" else set())
            for dialect in sorted(spoken) if host.down != "refused" else ():
                yield from (Place(host, address, port, dialect) for address in host.addresses)
    for impostor in world.impostors:
        for port, schemes in impostor.host.ports.items():
            if "quic" in schemes:
                yield Place(impostor.host, impostor.address, port, "quic", impostor)


class Reception:
    """Greets connections."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._zone, self._credentials = Zone(world), Credentials(world)

    async def greet(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end."""
        client = (writer.get_extra_info("peername") or ("", 0))[:2]  # none when it was reset at once
        try:
            with contextlib.suppress(Ended, TimeoutError, OSError):
                async with asyncio.timeout(PATIENCE):
                    await self._serve(Plain(reader, writer), door, client)
        finally:
            writer.close()

    async def _serve(self, stream: Stream, door: Door, client: tuple[str, int]) -> None:
        greeter = next((SPEAKS_FIRST[dialect] for dialect in SPEAKS_FIRST if dialect in door.schemes), None)
        if greeter is not None:
            await greeter(stream, self._visit(door, client))
            return
        first = await stream.read()
        stream.unread(first)
        if first[0] == 0x16 and door.schemes & UNDER_TLS.keys():
            secure = await self._upgrade(stream, door)
            visit = replace(self._visit(door, client), alpn=secure.alpn, secure=True)
            await voice_under_tls(door.schemes, secure.alpn)(secure, visit)
        elif (serve := voice_in_the_clear(door.schemes, first)) is not None:
            await serve(stream, self._visit(door, client))

    def _visit(self, door: Door, client: tuple[str, int]) -> Visit:
        zone = Zone(self._world, desk=door.address) if door.host.denies else self._zone
        return Visit(self._world, door.host, zone, lambda stream: self._upgrade(stream, door), client=client)

    async def _upgrade(self, below: Stream, door: Door) -> Secure:
        """TLS with the certificate that the asked name deserves. Raises Ended, an alert sent."""
        name = await _asked_name(below)
        alpn = [protocol for scheme in ALPN if scheme in door.schemes for protocol in ALPN[scheme]]
        if door.impostor is not None and matches(name, door.impostor.names):
            context = self._credentials.of_impostor(door.impostor, name or "", alpn)
        elif door.host.refuses_unknown and name is not None and name not in door.host.names:
            await below.write(UNRECOGNIZED_NAME)
            raise Ended
        else:
            context = self._credentials.of_host(door.host, name, alpn)
        stream = Secure(below, context)
        await stream.handshake()
        return stream


async def _asked_name(stream: Stream) -> str | None:
    """The name in the hello that begins here; the bytes stay in the stream."""
    hello = b""
    while not whole(hello) and len(hello) < LONGEST_HELLO and look(hello).is_tls:
        hello += await stream.read()
    stream.unread(hello)
    return look(hello).name


def _bound(address: str, port: int, kind: socket.SocketKind) -> socket.socket | None:
    """A socket of a server; None for an IPv6 address where the kernel has no IPv6."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if family == socket.AF_INET6 and not socket.has_ipv6:
        return None
    try:
        # The protocol is said outright: asyncio switches Nagle's delay off only on sockets that know theirs.
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
    reception = Reception(world)
    for door in doors(world):
        listening = _bound(door.address, door.port, socket.SOCK_STREAM)
        if listening is not None:
            await asyncio.start_server(_greeter(reception, door), sock=listening, backlog=256)
    for address, port, resolves in question_desks(world):
        desk = _bound(address, port, socket.SOCK_DGRAM)
        if desk is not None:
            zone = Zone(world, resolves=resolves, desk=address)
            await loop.create_datagram_endpoint(lambda zone=zone: Datagrams(zone), sock=desk)  # type: ignore[misc]
    for place in datagram_places(world):
        sock = _bound(place.address, place.port, socket.SOCK_DGRAM)
        if sock is not None:
            await loop.create_datagram_endpoint(lambda place=place: _who_takes(world, place), sock=sock)  # type: ignore[misc]
    for address in (PROVIDERS_RESOLVER, HELPERS_RESOLVER):
        resolver = Host(names=[], addresses=[address])
        await asyncio.start_server(
            _greeter(reception, Door(resolver, address, 53, frozenset({"dns+tcp"}))),
            sock=_bound(address, 53, socket.SOCK_STREAM),
        )


def _who_takes(world: World, place: Place) -> asyncio.DatagramProtocol:
    if place.impostor is not None:
        return quic.server(world, place.host, place.impostor)
    return DATAGRAMS[place.dialect](world, place.host)


def _greeter(
    reception: Reception, door: Door
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reception.greet(door, reader, writer)

    return greet


def serve(world: World, ready: Callable[[], None]) -> None:
    """Be all servers of the world until killed; call `ready` once everything listens."""

    async def live() -> None:
        await open_everything(world)
        ready()
        await asyncio.Event().wait()

    asyncio.run(live())
