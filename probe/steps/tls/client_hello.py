"""Build TLS client hellos: OpenSSL's, one like a browser's (utls, an extra), and changed ones of both.

Some networks pass a name in the hello of one program and not of another. No certificate is refused here. The chain is
kept and checked afterwards.
"""

import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, Protocol

from probe.formats import failures as f
from probe.session.classify import LocalFailure
from probe.targets.target import is_address
from probe.wire.tls.client_hello import longer, shorter, with_ech, without_ech
from probe.wire.tls.ech_config import public_name

ONE_SEGMENT, TWO_SEGMENTS = 1400, 2000  # bytes that fit into one TCP segment on every path, and bytes that need two
BROWSER = "chrome:stable"  # the newest preset of utls

_LEGACY_SERVER_CONNECT = 0x4  # has a name in `ssl` from 3.12


class Memory(Protocol):
    """Represent the bytes of one direction: ssl.MemoryBIO or a compatible class."""

    def read(self, size: int = -1, /) -> bytes: ...
    def write(self, data: bytes, /) -> int: ...


Opened = tuple[Memory, Memory, Any]  # received bytes, bytes to send, and the ssl.SSLObject (or compatible) between them


@dataclass(frozen=True)
class Hello:
    """Describe a client hello. `engine` is its name in entries. `altered` changes the first flight."""

    engine: str
    opened: Callable[[str | None, tuple[str, ...]], Opened]
    altered: Callable[[bytes], bytes] = bytes
    ech_configs: bytes = b""
    """Configurations with whose key the hello is encrypted. The outer hello shows their public name."""


def sni_of(server_name: str | None) -> str:
    """Return the name in a hello to a server, "" for none and for an IP literal (RFC 6066, section 3)."""
    return "" if server_name is None or is_address(server_name) else server_name


@cache
def accepting_anything(alpn: tuple[str, ...]) -> ssl.SSLContext:
    """Return OpenSSL's context for all our handshakes."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # Otherwise OpenSSL ends a handshake with a server without RFC 5746 before the certificate is seen.
    context.options |= ssl.Options(_LEGACY_SERVER_CONNECT)
    with suppress(ValueError, ssl.SSLError):  # an OpenSSL built without them offers what it has
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
"""A hello in two segments if OpenSSL's own fits into one, else in one. The handshake does not complete."""

WITH_ECH = Hello("openssl, with ECH", _of_openssl, with_ech)
"""A hello with the extension for Encrypted ClientHello, without a key (GREASE). The handshake does not complete."""


def browser_hello() -> Hello:
    """Return a hello like Chrome's. It always offers the browser's own protocols.

    Raises LocalFailure if utls (extra `fingerprint`) is not installed.
    """
    try:
        import utls
    except ImportError as error:
        raise LocalFailure(f.NO_FINGERPRINT) from error
    return Hello(f"utls {BROWSER} ja4={_ja4(utls)}", partial(_of_utls, utls))


def short_browser_hello() -> Hello:
    """Return a hello like Chrome's that fits into one segment. The handshake does not complete.

    Raises LocalFailure if utls (extra `fingerprint`) is not installed.
    """
    browser = browser_hello()
    return Hello(f"{browser.engine}, shortened", browser.opened, shorter)


def browser_hello_without_ech() -> Hello:
    """Return a hello like Chrome's with padding in place of Encrypted ClientHello. The handshake does not complete.

    Raises LocalFailure if utls (extra `fingerprint`) is not installed.
    """
    browser = browser_hello()
    return Hello(f"{browser.engine}, without ECH", browser.opened, without_ech)


def browser_hello_with_key(configs: bytes) -> Hello:
    """Return a hello like Chrome's, encrypted with the key in a list of configurations (RFC 9849 section 6.1).

    Raises LocalFailure if utls (extra `fingerprint`) is not installed or cannot use the list.
    """
    browser = browser_hello()
    import utls

    try:
        public_name(configs)
        utls.SSLContext(utls.PROTOCOL_TLS_CLIENT).set_ech_configs(configs)
    except (ValueError, ssl.SSLError) as error:  # utls would send random bytes in its place
        raise LocalFailure(f.ECH_UNUSABLE) from error
    return Hello(f"{browser.engine}, with a key", partial(_of_utls, utls, configs=configs), ech_configs=configs)


@cache
def _ja4(utls: Any) -> str:
    return str(utls.Fingerprint.from_preset(BROWSER).ja4_hash)


def _of_utls(utls: Any, server_name: str | None, alpn: tuple[str, ...], configs: bytes | None = None) -> Opened:
    incoming, outgoing = utls.MemoryBIO(), utls.MemoryBIO()
    context = utls.SSLContext(utls.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    # with verification on, utls reports alerts and plain text as certificate errors
    context.verify_mode = ssl.CERT_NONE
    context.set_fingerprint(BROWSER)
    if configs is not None:
        context = context.set_ech_configs(configs)
    return incoming, outgoing, context.wrap_bio(incoming, outgoing, server_hostname=server_name)
