"""Announce a made-up client to a call relay of Telegram, over UDP or TCP (step `reflector_hello`).

The answer may contain our own address. The entry keeps only its family and whether it differs from the socket's
address. An answer that bears another tag is kept up to its tag.
"""

import secrets

from probe.formats import failures as f
from probe.formats.entries import BinaryData
from probe.formats.exchanges.calls import ReflectorExchange
from probe.session.classify import RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.steps.connection import Connection, address_of
from probe.steps.first_bytes import first_bytes
from probe.steps.udp_flow import udp_flow
from probe.targets.target import family_of
from probe.wire.telegram import reflector

SCHEDULE = tuple(
    0.5 * number for number in range(reflector.MOST_HELLOS)
)  # seconds at which a hello is sent over UDP, as Telegram does
_FOREIGN_LIMIT = 64  # most packets on one connection that bear another tag


def new_tag() -> bytes:
    """Return a random tag of a caller. No relay and no account knows it."""
    return reflector.peer_tag(reflector.CALLER, secrets.token_bytes(11), b"\1" + secrets.token_bytes(3))


async def reflector_hello_udp(
    tx: Transaction, ip: str, port: int, *, pace: Pace, confirm: bool = False, timeout: float | None = None
) -> ReflectorExchange:
    """Send a hello to `ip` (a literal) from a new socket, at most ten times, until a packet with our tag arrives.

    Raises StepFailed.
    """
    entry = ReflectorExchange(address=address_of(ip, port), transport="udp")
    tag = new_tag()
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        with udp_flow(ip, port, pace) as flow:
            tx.opened("udp", flow.local[1], ip, port)
            try:
                raw = await flow.ask(reflector.hello(tag), SCHEDULE, lambda raw: _is_answer(raw, tag))
            finally:
                entry.x_sent, entry.x_foreign, entry.round_trip = flow.sent, flow.foreign, flow.round_trip
                entry.x_answer_size = flow.answer_size
                if flow.first_foreign is not None:
                    entry.x_first_bytes = BinaryData.of(flow.first_foreign[: reflector.TAG])
            _record(entry, reflector.parse(raw), flow.local)
    return entry


async def reflector_hello(
    tx: Transaction, conn: Connection, *, pace: Pace, confirm: bool = False, timeout: float | None = None
) -> ReflectorExchange:
    """Send a hello over an open connection and wait for a packet with our tag.

    Bytes that are no frame fail with "unknown_failure: reflector: …". Raises StepFailed.
    """
    entry = ReflectorExchange(address=conn.address, transport="tcp")
    tag = new_tag()
    async with tx.step(entry, pace.tls_timeout(confirm=confirm) if timeout is None else timeout):
        began = tx.trace.elapsed()
        await conn.write(reflector.hello_tcp(tag))
        entry.x_sent = 1
        packet = await _answer_on(conn, entry, tag)
        entry.round_trip = round(tx.trace.elapsed() - began, 6)
        _record(entry, packet, conn.local)
    return entry


def _is_answer(raw: bytes, tag: bytes) -> bool:
    try:
        return reflector.parse(raw).is_for(tag)
    except ValueError:
        return False


async def _answer_on(conn: Connection, entry: ReflectorExchange, tag: bytes) -> reflector.ReflectorPacket:
    """Read packets until one bears our tag. Raises RemoteError for other protocols, EOFError, OSError."""
    received = b""
    while entry.x_foreign < _FOREIGN_LIMIT:
        try:
            raw, rest = reflector.read_frame(received)
            packet = None if raw is None else reflector.parse(raw)
        except ValueError as error:
            _note_foreign(entry, received)
            raise RemoteError(f"{f.UNKNOWN}: reflector: not a frame") from error
        if packet is None:
            received += await _more(conn, entry, received)
            continue
        if packet.is_for(tag):
            return packet
        _note_foreign(entry, packet.tag)
        received = rest
    raise RemoteError(f"{f.UNKNOWN}: reflector: flooded")


async def _more(conn: Connection, entry: ReflectorExchange, received: bytes) -> bytes:
    """Read more bytes of a frame. The bytes of a frame that ends early are noted."""
    try:
        if piece := await conn.read():
            return piece
        raise EOFError(f"{len(received)} bytes of a frame")
    except BaseException:
        if received:
            _note_foreign(entry, received)
        raise


def _note_foreign(entry: ReflectorExchange, raw: bytes) -> None:
    entry.x_foreign += 1
    if entry.x_first_bytes is None:
        entry.x_first_bytes = BinaryData.of(first_bytes(raw)[: reflector.TAG])


def _record(entry: ReflectorExchange, packet: reflector.ReflectorPacket, local: tuple[str, int] | None) -> None:
    entry.response = packet.kind
    if packet.mapped is not None:
        entry.mapped_family = family_of(packet.mapped[0])
        entry.mapped_differs = None if local is None else packet.mapped != local
