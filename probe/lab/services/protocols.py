"""What the lab's servers say, by dialect: a new one is a line in a table here."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from probe.lab.services.dns.doh import serve_doh
from probe.lab.services.dns.resolver import Zone, serve_dns
from probe.lab.services.mail import Mailbox, serve_imap, serve_smtp
from probe.lab.services.messengers.telegram import serve_mtproto
from probe.lab.services.messengers.whatsapp import serve_noise
from probe.lab.services.sip import serve_sip
from probe.lab.services.streams import Ended, Stream
from probe.lab.services.stun import opens, serve_stun
from probe.lab.services.web import METHODS, serve_http
from probe.lab.world.world import Host, World
from probe.targets.dialects import DIALECTS
from probe.wire.sip.message import could_begin


@dataclass(frozen=True)
class Visit:
    """One connection to a machine. `upgrade` makes TLS of a stream (STARTTLS); `alpn` is what TLS agreed on."""

    world: World
    host: Host
    zone: Zone
    upgrade: Callable[[Stream], Awaitable[Stream]]
    alpn: str = ""
    secure: bool = False
    client: tuple[str, int] = ("", 0)  # where it comes from: address and port


Serve = Callable[[Stream, Visit], Awaitable[None]]


@dataclass(frozen=True)
class Voice:
    """What a server says in one dialect. `knows` tells its opening from others' at the same port."""

    dialect: str
    serve: Serve
    knows: Callable[[bytes], bool] = lambda first: True


async def _http(stream: Stream, visit: Visit) -> None:
    await serve_http(stream, visit.host, visit.world, secure=visit.secure)


async def _mtproto(stream: Stream, visit: Visit) -> None:
    await serve_mtproto(stream)


async def _noise(stream: Stream, visit: Visit) -> None:
    await serve_noise(stream, visit.world)


async def _dns(stream: Stream, visit: Visit) -> None:
    await serve_dns(stream, visit.zone)


async def _doh(stream: Stream, visit: Visit) -> None:
    if visit.alpn != "h2":
        raise Ended
    await serve_doh(stream, visit.zone)


async def _stun(stream: Stream, visit: Visit) -> None:
    await serve_stun(stream, visit.client, helps=visit.host.helps(visit.client[0]))


async def _sip(stream: Stream, visit: Visit) -> None:
    await serve_sip(stream, visit.client, helps=visit.host.helps(visit.client[0]))


async def _listen_only(stream: Stream, visit: Visit) -> None:
    while True:
        await stream.read()


async def _smtp(stream: Stream, visit: Visit) -> None:
    await serve_smtp(_mailbox(stream, visit))


async def _imap(stream: Stream, visit: Visit) -> None:
    await serve_imap(_mailbox(stream, visit))


def _mailbox(stream: Stream, visit: Visit) -> Mailbox:
    upgrade = None if visit.secure or visit.host.no_starttls else visit.upgrade
    client = visit.client[0]
    return Mailbox(stream, visit.host.certified[0], client, upgrade, visit.secure, welcome=visit.host.helps(client))


def _is_request(first: bytes) -> bool:
    return first.startswith(METHODS)


SPEAKS_FIRST: dict[str, Serve] = {"smtp+starttls": _smtp, "imap+starttls": _imap}
"""Dialects in the clear whose servers greet before the client has said anything."""

IN_THE_CLEAR: tuple[Voice, ...] = (
    Voice("http", _http, _is_request),
    Voice("mtproto", _http, _is_request),  # a data centre answers HTTP too
    Voice("mtproto", _mtproto),
    Voice("noise", _noise),
    Voice("dns+tcp", _dns),
    Voice("stun/tcp", _stun, opens),
    Voice("turn/tcp", _stun, opens),
    Voice("sip/tcp", _sip, could_begin),
    Voice("tcp", _listen_only),
)
"""In this order; the first that the port has and that knows the opening serves."""

UNDER_TLS: dict[str, Serve] = {
    "doh": _doh,
    "https": _http,
    "dot": _dns,
    "stun/tls": _stun,
    "turn/tls": _stun,
    "sip/tls": _sip,
    "smtps": _smtp,
    "imaps": _imap,
    "tls": _listen_only,
}
"""In this order, but `doh` only when HTTP/2 was agreed on."""

ALPN: dict[str, tuple[str, ...]] = {dialect: DIALECTS[dialect].alpn_served for dialect in UNDER_TLS}


def voice_in_the_clear(schemes: frozenset[str], first: bytes) -> Serve | None:
    """Who serves an opening at a port with these dialects; None: nobody knows it."""
    return next((voice.serve for voice in IN_THE_CLEAR if voice.dialect in schemes and voice.knows(first)), None)


def voice_under_tls(schemes: frozenset[str], alpn: str) -> Serve:
    """Who serves behind the handshake; where nobody has anything to say, a server that listens."""
    able = (dialect for dialect in UNDER_TLS if dialect in schemes and (dialect != "doh" or alpn == "h2"))
    return UNDER_TLS[next(able, "tls")]
