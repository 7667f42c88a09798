"""List the lab's TCP servers by dialect. A new dialect is one entry in a table here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.lab.services import reflector
from probe.lab.services.dns.doh import serve_doh
from probe.lab.services.dns.resolver import Zone, serve_dns
from probe.lab.services.mail import MailSession, serve_imap, serve_smtp
from probe.lab.services.messengers.telegram import serve_mtproto
from probe.lab.services.messengers.whatsapp import serve_noise
from probe.lab.services.server_streams import Ended, Stream
from probe.lab.services.sip import serve_sip
from probe.lab.services.stun import opens, serve_stun
from probe.lab.services.web import METHODS, serve_http
from probe.lab.world.emulated_world import World
from probe.lab.world.hosts import Host
from probe.targets.dialects import DIALECTS
from probe.wire.sip.sip_message import could_begin


@dataclass(frozen=True)
class Connection:
    """Hold one connection to a host. `upgrade` starts TLS (STARTTLS). `alpn` is the negotiated protocol."""

    world: World
    host: Host
    zone: Zone
    upgrade: Callable[[Stream], Awaitable[Stream]]
    alpn: str = ""
    secure: bool = False
    client: tuple[str, int] = ("", 0)  # address and port


Serve = Callable[[Stream, Connection], Awaitable[None]]


@dataclass(frozen=True)
class DialectServer:
    """Hold the server of one dialect. `recognises` distinguishes its first bytes from others on the same port."""

    dialect: str
    serve: Serve
    recognises: Callable[[bytes], bool] = lambda first: True


async def _http(stream: Stream, connection: Connection) -> None:
    host, client = connection.host, connection.client[0]
    await serve_http(stream, host, connection.world, secure=connection.secure, client=client)


async def _mtproto(stream: Stream, connection: Connection) -> None:
    await serve_mtproto(stream)


async def _noise(stream: Stream, connection: Connection) -> None:
    await serve_noise(stream, connection.world)


async def _dns(stream: Stream, connection: Connection) -> None:
    await serve_dns(stream, connection.zone)


async def _doh(stream: Stream, connection: Connection) -> None:
    if connection.alpn != "h2":
        raise Ended
    await serve_doh(stream, connection.zone)


async def _stun(stream: Stream, connection: Connection) -> None:
    await serve_stun(stream, connection.client, serves=connection.host.serves(connection.client[0]))


async def _reflector(stream: Stream, connection: Connection) -> None:
    await reflector.serve_reflector(stream, connection.client, connection.host)


async def _sip(stream: Stream, connection: Connection) -> None:
    host, client = connection.host, connection.client
    await serve_sip(stream, client, serves=host.serves(client[0]), refuses=host.refuses_call(client[0]))


async def _read_only(stream: Stream, connection: Connection) -> None:
    while True:
        await stream.read()


async def _smtp(stream: Stream, connection: Connection) -> None:
    await serve_smtp(_mail_session(stream, connection))


async def _imap(stream: Stream, connection: Connection) -> None:
    await serve_imap(_mail_session(stream, connection))


def _mail_session(stream: Stream, connection: Connection) -> MailSession:
    upgrade = None if connection.secure or connection.host.no_starttls else connection.upgrade
    client = connection.client[0]
    return MailSession(
        stream,
        connection.host.certified[0],
        client,
        upgrade,
        connection.secure,
        accepts=connection.host.serves(client),
        refusal=connection.host.refuses_mail(client),
    )


def _is_request(first: bytes) -> bool:
    return first.startswith(METHODS)


GREETING_SERVERS: dict[str, Serve] = {"smtp+starttls": _smtp, "imap+starttls": _imap}
"""Plain dialects in which the server sends first."""

PLAIN_SERVERS: tuple[DialectServer, ...] = (
    DialectServer("http", _http, _is_request),
    DialectServer("mtproto", _http, _is_request),  # a data centre answers HTTP too
    DialectServer("mtproto", _mtproto),
    DialectServer("noise", _noise),
    DialectServer("dns+tcp", _dns),
    DialectServer("stun/tcp", _stun, opens),
    DialectServer("turn/tcp", _stun, opens),
    DialectServer("reflector+tcp", _reflector, reflector.opens),
    DialectServer("sip/tcp", _sip, could_begin),
    DialectServer("tcp", _read_only),
)
"""The first entry that the port has and that recognises the first bytes serves the connection."""

TLS_SERVERS: dict[str, Serve] = {
    "doh": _doh,
    "https": _http,
    "dot": _dns,
    "stun/tls": _stun,
    "turn/tls": _stun,
    "sip/tls": _sip,
    "smtps": _smtp,
    "imaps": _imap,
    "tls": _read_only,
}
"""The first entry that the port has serves the connection, `doh` only with HTTP/2."""

ALPN: dict[str, tuple[str, ...]] = {dialect: DIALECTS[dialect].alpn_served for dialect in TLS_SERVERS}


def plain_server(dialects: frozenset[str], first: bytes) -> Serve | None:
    """Return the server for first bytes at a port with these dialects, or None."""
    return next(
        (server.serve for server in PLAIN_SERVERS if server.dialect in dialects and server.recognises(first)), None
    )


def tls_server(dialects: frozenset[str], alpn: str) -> Serve:
    """Return the server after the TLS handshake. Without a known dialect it only reads."""
    able = (dialect for dialect in TLS_SERVERS if dialect in dialects and (dialect != "doh" or alpn == "h2"))
    return TLS_SERVERS[next(able, "tls")]
