"""Ways to say hello in TLS: OpenSSL's as it is, the same at another length, and one like a browser's (utls, an extra).

Some networks let a name pass in the hello of one program and not in that of another. Whatever writes it, no certificate
is refused here: what was shown is kept, and judged afterwards.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Protocol

from probe.formats import failures as f
from probe.session.classify import LocalFailure
from probe.wire.tls.client_hello import longer, shorter

ONE_SEGMENT, TWO_SEGMENTS = 1400, 2000  # bytes that fit into one TCP segment anywhere, and that fit into two
BROWSER = "chrome:stable"  # of utls's presets: the newest that it knows

_LEGACY_SERVER_CONNECT = 0x4  # named in `ssl` from 3.12


class Memory(Protocol):
    """One direction's bytes: ssl.MemoryBIO, or its like."""

    def read(self, size: int = -1, /) -> bytes: ...
    def write(self, data: bytes, /) -> int: ...


Opened = tuple[Memory, Memory, Any]  # what came in, what goes out, and the ssl.SSLObject (or its like) between them


@dataclass(frozen=True)
class Hello:
    """A way to say it. `engine`: whose it is, as entries name it; `altered`: what becomes of the first flight."""

    engine: str
    opened: Callable[[str | None, tuple[str, ...]], Opened]
    altered: Callable[[bytes], bytes] = bytes


@cache
def accepting_anything(alpn: tuple[str, ...]) -> ssl.SSLContext:
    """OpenSSL's context for everything that we say."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.options |= ssl.Options(_LEGACY_SERVER_CONNECT)
    with suppress(ValueError, ssl.SSLError):  # an OpenSSL built without them: then only what it has
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.set_ciphers("DEFAULT:!PSK:!SRP:@SECLEVEL=0")
    if alpn:
        context.set_alpn_protocols(list(alpn))
    return context


def _of_openssl(server_name: str | None, alpn: tuple[str, ...]) -> Opened:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    return incoming, outgoing, accepting_anything(alpn).wrap_bio(incoming, outgoing, server_hostname=server_name)


def _at_another_length(record: bytes) -> bytes:
    return longer(record, TWO_SEGMENTS) if len(record) <= ONE_SEGMENT else shorter(record)


OWN = Hello("openssl", _of_openssl)
RESIZED = Hello("openssl, resized", _of_openssl, _at_another_length)
"""Into two segments where OpenSSL's own fits into one, else into one. The handshake does not come to its end."""


def browser_hello() -> Hello:
    """A hello like Chrome's, in which the browser's own protocols are offered whatever is asked for.

    Raises OurFault where utls, the extra `[fingerprint]`, is not installed.
    """
    try:
        import utls
    except ImportError as error:
        raise LocalFailure(f.NO_FINGERPRINT) from error
    return Hello(f"utls {BROWSER} ja4={_ja4(utls)}", partial(_of_utls, utls))


@cache
def _ja4(utls: Any) -> str:
    return str(utls.Fingerprint.from_preset(BROWSER).ja4_hash)


def _of_utls(utls: Any, server_name: str | None, alpn: tuple[str, ...]) -> Opened:
    incoming, outgoing = utls.MemoryBIO(), utls.MemoryBIO()
    context = utls.SSLContext(utls.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # told to verify, utls calls alerts and plain text certificate errors
    context.set_fingerprint(BROWSER)
    return incoming, outgoing, context.wrap_bio(incoming, outgoing, server_hostname=server_name)
