"""Ask one DNS question over UDP or on an open stream (step `resolve`)."""

import asyncio
import secrets

from probe.formats import failures as f
from probe.formats.entries import DNSQuery, DNSResponse
from probe.session.classify import LocalFailure, RemoteError
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.bogons import is_bogon
from probe.steps.connection import Connection, address_of
from probe.steps.dns.multiplexing import Multiplexer
from probe.steps.dns.system_resolver import resolve_system
from probe.steps.dns.udp_listener import UDPListener
from probe.targets.address_guard import Contacts
from probe.wire.dns.dns_message import build_query, read_response, response_id

__all__ = ["StreamResolver", "is_bogon", "query_stream", "query_udp", "resolve_system"]

_UDP_TIMEOUT = 5.0  # seconds, as in OONI's probe (ooni/probe-cli 7cb22410, `netxlite`)
_RETRANSMIT_AFTER = 1.5  # seconds until the only retransmission
# bytes of answers to no open question on one stream, and the least that one such answer counts for
_MOST_UNASKED, _LEAST_UNASKED = 262144, 4096
_PADDING = 128  # bytes. Padding hides the length of a question inside TLS (RFC 8467).


async def query_udp(
    tx: Transaction,
    server_ip: str,
    hostname: str,
    query_type: str,
    *,
    pace: Pace,
    port: int = 53,
    shown_as: str | None = None,
    usual_ttl: int | None = None,
    timeout: float | None = None,
    retransmit: bool = True,
    of_system: bool = False,
    padding: int = 0,
) -> DNSQuery:
    """Ask `server_ip` from a new UDP socket. Return after the first well-formed answer to the question.

    The socket stays open for max(0.5 s, 3 round trips) after that. Later datagrams are added to `x_responses` of the
    returned entry. `shown_as` replaces "ip:port" as resolver_address. `of_system`: this system's configuration names
    the server, so a test helper may ask it at a private address. The query is padded to a multiple of `padding` bytes.
    Raises StepFailed.

    `usual_ttl` is given for a resolver that may be the user's router: the TTL with which its answers arrive, 0 if
    unknown. The entry then has TTLs of packets relative to it and no TTLs of records. Raw packets are not recorded.
    """
    entry = _entry("udp", hostname, query_type, shown_as or address_of(server_ip.partition("%")[0], port))
    limit = _udp_timeout(pace) if timeout is None else timeout
    listener: UDPListener | None = None
    try:
        async with tx.step(entry, limit + 1.0):
            query = build_query(hostname, query_type, secrets.randbelow(1 << 16), padding=padding)
            contacts = Contacts.TARGETS if of_system else pace.contacts
            listener = UDPListener(server_ip, port, query, tx.trace, pace, contacts, usual_ttl)
            entry.x_responses = listener.responses
            tx.opened("udp", listener.local[1], server_ip.partition("%")[0], port, hidden=usual_ttl is not None)
            response = await _answer_within(limit, listener, tx, server_ip, port, pace, retransmit)
            entry.x_round_trip = listener.round_trip
            _take(entry, response)
    finally:
        if listener is not None:
            _leave(listener, entry, tx)
    return entry


async def query_stream(
    tx: Transaction,
    conn: Connection,
    hostname: str,
    query_type: str,
    *,
    pace: Pace,
    resolver_address: str,
    engine: str = "dot",
    timeout: float | None = None,
) -> DNSQuery:
    """Ask one question on an open connection (engine "dot" or "tcp"). Raises StepFailed.

    Keep a StreamResolver for several questions at the same time on one connection.
    """
    resolver = StreamResolver(conn, resolver_address, engine=engine, pace=pace)
    return await resolver.query(tx, hostname, query_type, timeout=timeout)


class StreamResolver:
    """Query a resolver over an open connection.

    Each message follows its length in two bytes (RFC 7858, RFC 7766). Several queries may be open at once, because
    answers are matched by their id. When the connection has broken, every further query fails with the same error
    as the first one.
    """

    def __init__(self, conn: Connection, resolver_address: str, *, pace: Pace, engine: str = "dot") -> None:
        self.conn, self.resolver_address, self.engine, self._pace = conn, resolver_address, engine, pace
        self._messages: Multiplexer[bytes] = Multiplexer(self._receive)
        self._unasked = 0

    async def query(
        self, tx: Transaction, hostname: str, query_type: str, *, confirm: bool = False, timeout: float | None = None
    ) -> DNSQuery:
        """Ask one question and write its entry into `tx`. Raises StepFailed."""
        entry = _entry(self.engine, hostname, query_type, self.resolver_address)
        limit = self._pace.tls_timeout(confirm=confirm) if timeout is None else timeout
        async with tx.step(entry, limit):
            query_id = self._free_id()
            query = build_query(hostname, query_type, query_id, padding=_PADDING if self.engine == "dot" else 0)
            framed = len(query).to_bytes(2, "big") + query
            raw = await self._messages.ask(query_id, lambda: self.conn.write(framed))
            _take(entry, read_response(raw, query).response)
        return entry

    def _free_id(self) -> int:
        while True:
            query_id = secrets.randbelow(1 << 16)
            if not self._messages.is_waiting(query_id):
                return query_id

    async def _receive(self) -> list[tuple[int, bytes | RemoteError]]:
        length = int.from_bytes(await self.conn.read_exactly(2), "big")
        raw = await self.conn.read_exactly(length)
        answered = response_id(raw)
        if answered is not None and self._messages.is_waiting(answered):
            return [(answered, raw)]
        self._unasked += max(_LEAST_UNASKED, len(raw))
        if self._unasked > _MOST_UNASKED:
            raise RemoteError(f.DNS_MISBEHAVING)
        return []


def _entry(engine: str, hostname: str, query_type: str, resolver_address: str) -> DNSQuery:
    return DNSQuery(engine=engine, hostname=hostname, query_type=query_type, resolver_address=resolver_address)


def _udp_timeout(pace: Pace) -> float:
    return min(10.0, max(_UDP_TIMEOUT, 6 * pace.round_trip))


async def _answer_within(
    limit: float, listener: UDPListener, tx: Transaction, ip: str, port: int, pace: Pace, retransmit: bool
) -> DNSResponse:
    """Return the first answer. Raise RemoteError with what came instead if there is none within `limit` seconds."""
    try:
        async with asyncio.timeout(limit):
            return await _first_answer(listener, tx, ip, port, pace, retransmit)
    except TimeoutError as error:
        raise RemoteError(listener.what_came_instead()) from error


async def _first_answer(
    listener: UDPListener, tx: Transaction, ip: str, port: int, pace: Pace, retransmit: bool
) -> DNSResponse:
    listener.send()
    await asyncio.wait({listener.first}, timeout=_RETRANSMIT_AFTER)
    if retransmit and not listener.first.done() and _may_repeat(tx, ip, port, pace):
        listener.send()
    return await listener.first


def _may_repeat(tx: Transaction, ip: str, port: int, pace: Pace) -> bool:
    """Tell whether the budget allows a retransmission. It is a second trigger if the first question was one (P7)."""
    if not tx.record.trigger:
        return True
    name = tx.record.sent_name or tx.record.hostname or ip  # a resolver that is itself the target has no name
    try:
        pace.spend_trigger(name, ip, "udp", port)
    except LocalFailure:
        return False
    return True


def _take(entry: DNSQuery, response: DNSResponse) -> None:
    """Copy the first answer to the question into the entry. Raises RemoteError if it is a failure."""
    entry.answers, entry.raw_response = list(response.answers), response.raw_response
    entry.rcode = response.rcode or None  # OONI writes no 0
    if response.failure is not None:
        raise RemoteError(response.failure)


def _leave(listener: UDPListener, entry: DNSQuery, tx: Transaction) -> None:
    """Keep listening after an answer or an ICMP error. After a timeout the socket has listened long enough."""
    entry.x_sent = listener.sent
    if listener.first.done() and not listener.first.cancelled():
        tx.trace.later(_listen_on(listener, entry))
    else:
        listener.close()
        entry.x_listened = listener.listened


async def _listen_on(listener: UDPListener, entry: DNSQuery) -> None:
    try:
        await listener.listen_on()
    finally:
        entry.x_listened = listener.listened
