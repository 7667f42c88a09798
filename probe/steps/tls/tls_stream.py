"""Run TLS over any connection. The library works on memory, and this module carries and observes the bytes."""

import asyncio
import re
import ssl
from contextlib import suppress
from typing import Any

from probe.formats import failures as f
from probe.formats.exchanges.tls import TLSHandshake
from probe.session.classify import RemoteError
from probe.steps.connection import Connection
from probe.steps.tls.client_hello import OWN, Hello, accepting_anything
from probe.wire.tls.client_hello import carries_ech
from probe.wire.tls.records import RecordWatch

ECH_REJECTED = f"{f.UNKNOWN}: tls: server rejected ECH"  # the words of Go, which OONI's probe records
MOST_OF_HANDSHAKE = 524288  # bytes. OpenSSL accepts chains up to 100 kB, but any number of HelloRequests.
# Bytes of one read of the connection at least, so that a caller that reads two bytes at a time wakes up less often.
LEAST_READ = 4096

_DER = 2  # _ssl.ENCODING_DER
_LATER_ALERTS = {  # RFC 8446, 6. Missing in ssl.AlertDescription.
    "INAPPROPRIATE_FALLBACK": 86,
    "MISSING_EXTENSION": 109,
    "CERTIFICATE_REQUIRED": 116,
    "NO_APPLICATION_PROTOCOL": 120,
}
_SAID = re.compile(r"\] ([a-zA-Z0-9 ./-]+) \(_ssl")  # "[SSL: X] x (_ssl.c:1006)", "[SSL] ASN1 lib (_ssl.c:1006)"
_CERTIFICATE_UNREADABLE = frozenset({"ASN1 lib", "X509 lib", "unable to find public key parameters"})


class TLSConnection(Connection):
    """Represent a TLS stream over `inner`. `alpn`, `tls_version`, `cipher_suite` are "" before they are agreed on."""

    entry: TLSHandshake

    def __init__(self, inner: Connection, server_name: str | None, alpn: tuple[str, ...], hello: Hello = OWN) -> None:
        self.ip, self.port, self.address, self.local = inner.ip, inner.port, inner.address, inner.local
        self.watch = RecordWatch()
        self.hello_length = 0
        self.hello_carries_ech = False
        self._inner = inner
        self._hello = hello
        self._incoming, self._outgoing, self.engine = hello.opened(server_name, alpn)
        self._sending = asyncio.Lock()

    @property
    def alpn(self) -> str:
        return self.engine.selected_alpn_protocol() or ""

    @property
    def tls_version(self) -> str:
        return self.engine.version() or ""

    @property
    def cipher_suite(self) -> str:
        chosen = self.engine.cipher()
        return chosen[0] if chosen else ""

    @property
    def ech_configs(self) -> bytes:
        """Return the configurations with whose key the hello is encrypted, b"" if it is not."""
        return self._hello.ech_configs

    async def handshake(self, *, holds_last: bool = False) -> None:
        """Perform the handshake. Raises EOFError, OSError, ssl.SSLError. `watch` then describes the received bytes.

        `holds_last`: what the client sends after the server's last message is kept for `sealed`. In TLS 1.3 this is all
        of the client's second flight (RFC 8446, 2).
        """
        received = 0
        while received <= MOST_OF_HANDSHAKE:
            try:
                self.engine.do_handshake()
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._inner.read()
                if not data:
                    raise EOFError("closed during the handshake") from None
                received += len(data)
                self.watch.feed(data)
                self._incoming.write(data)
            else:
                if not holds_last:
                    await self._flush()
                return
        raise RemoteError(f"{f.UNKNOWN}: tls: flooded")

    async def read(self, limit: int = 65536) -> bytes:
        while True:
            try:
                return bytes(self.engine.read(limit))
            except ssl.SSLWantReadError:
                await self._flush()
                data = await self._inner.read(max(limit, LEAST_READ))
                if self.answered_at is None:
                    self.answered_at = asyncio.get_running_loop().time()
                if not data:
                    return b""
                self._incoming.write(data)
            except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
                return b""
            except ssl.SSLError as error:
                raise RemoteError(tls_failure(error)) from error

    async def write(self, data: bytes) -> None:
        view = memoryview(data)
        self.answered_at = None
        while view:
            try:
                view = view[self.engine.write(view) :]
            except ssl.SSLError as error:
                raise RemoteError(tls_failure(error)) from error
            await self._flush()

    async def _flush(self) -> None:
        async with self._sending:
            while pending := self._outgoing.read():
                if not self.hello_length:
                    pending = self._hello.altered(pending)
                    self.hello_length, self.hello_carries_ech = len(pending), carries_ech(pending)
                await self._inner.write(pending)

    def first_flight(self) -> bytes:
        """Return the hello without sending it. `handshake` continues once the caller has sent it."""
        with suppress(ssl.SSLWantReadError):
            self.engine.do_handshake()
        hello = self._hello.altered(self._outgoing.read())
        self.hello_length, self.hello_carries_ech = len(hello), carries_ech(hello)
        return hello

    def encrypted(self, data: bytes) -> bytes:
        """Return what the handshake kept, and `data` in encrypted records, without sending them.

        The connection cannot be used afterwards. Raises ssl.SSLError.
        """
        self.engine.write(data)
        return self._outgoing.read()

    def limit_unread(self, size: int) -> None:
        self._inner.limit_unread(size)

    def fell_silent(self, least: float | None = None) -> bool:
        return self._inner.fell_silent(least)

    def packets_received(self) -> int | None:
        return self._inner.packets_received()

    async def test_path(self, data: bytes) -> None:
        self.engine.write(data)
        await self._inner.test_path(self._outgoing.read())

    def close(self) -> None:
        self._inner.close()

    def close_with_reset(self) -> None:
        self._inner.close_with_reset()


def first_flight(hello: Hello, server_name: str, alpn: tuple[str, ...] = ()) -> bytes:
    """Return the bytes of a hello without a connection."""
    _, outgoing, engine = hello.opened(server_name, alpn)
    with suppress(ssl.SSLWantReadError):  # raised once the hello is written, because no answer comes
        engine.do_handshake()
    return hello.altered(outgoing.read())


def client_hello(server_name: str, alpn: tuple[str, ...] = (), *, short: bool = False) -> bytes:
    """Return the bytes of our usual hello without a connection. `short`: one key share, for a single segment."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    # The usual context is shared by all handshakes, so a short hello has one of its own.
    context = accepting_anything.__wrapped__(alpn) if short else accepting_anything(alpn)
    if short:  # one small key share, because that of ML-KEM needs a second segment
        context.set_ecdh_curve("prime256v1")
    with suppress(ssl.SSLWantReadError):
        context.wrap_bio(incoming, outgoing, server_hostname=server_name).do_handshake()
    return outgoing.read()


def peer_chain(engine: Any) -> list[bytes]:
    """Return the certificates as sent, leaf first, DER, also before the handshake is complete."""
    if hasattr(engine, "get_unverified_chain"):  # public from 3.13: bytes there, objects in utls
        chain = engine.get_unverified_chain() or ()
        return [bytes(one) if isinstance(one, bytes) else bytes(one.public_bytes(_DER)) for one in chain]
    inner: Any = getattr(engine, "_sslobj", None)
    with suppress(AttributeError, ssl.SSLError):
        return [certificate.public_bytes(_DER) for certificate in inner.get_unverified_chain() or ()]
    with suppress(ValueError):
        leaf = engine.getpeercert(binary_form=True)
        return [leaf] if leaf else []
    return []


def alert_of(error: ssl.SSLError) -> int | None:
    """Return the alert that OpenSSL received, from the error's name (`TLSV1_ALERT_ACCESS_DENIED` is 49), or None."""
    reason = getattr(error, "reason", None) or ""  # some errors of utls have none
    for prefix in ("SSLV3_", "TLSV1_", "TLSV13_"):
        if reason.startswith(prefix):
            word = reason.removeprefix(prefix).removeprefix("ALERT_")
            known = ssl.AlertDescription.__members__.get(f"ALERT_DESCRIPTION_{word}")
            return _LATER_ALERTS.get(word) if known is None else int(known)
    return None


def alert_text(description: int) -> str:
    return f.ALERT_TEXTS.get(description, f"{f.UNKNOWN}: remote error: tls: alert({description})")


def tls_failure(error: ssl.SSLError) -> str:
    """Return the failure string for an OpenSSL error: a received alert, also an encrypted one, else its text."""
    alert = alert_of(error)
    if alert is not None:
        return alert_text(alert)
    said = _SAID.search(str(error))  # `reason` is None for errors of other parts of OpenSSL
    words = said[1] if said else "protocol error"
    if "ECH_REJECTED" in str(error):  # utls, after the outer handshake
        return ECH_REJECTED
    if words in _CERTIFICATE_UNREADABLE:
        return f.SSL_INVALID_CERTIFICATE
    return f"{f.UNKNOWN}: tls: {words}"
