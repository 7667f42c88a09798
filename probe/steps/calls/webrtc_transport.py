"""Connect our probe and the helper as a WebRTC call does: ICE (RFC 8445) and DTLS-SRTP (RFC 5764), through aiortc.

This module needs the extra `calls`. No candidate with an address is written anywhere. The caller knows the helper's
address, and the helper learns the caller's from its checks (a peer-reflexive candidate, RFC 8445, section 7.3.1.3).
"""

import asyncio
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, Protocol

from aioice.stun import TransactionError
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceCandidate, RTCIceGatherer, RTCIceServer, RTCIceTransport
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters

from probe.wire.sip.sip_request import bracketed

DIGEST = "sha-256"
MOST_PORTS = 16
FORMS = {
    "ufrag": r"[A-Za-z0-9+/]{4,256}",
    "pwd": r"[A-Za-z0-9+/]{22,256}",  # a form, no password  # nosec B105
    "fingerprint": r"([0-9A-F]{2}:){31}[0-9A-F]{2}",
}
"""Fields of a description, with the form of their values (RFC 8839, section 5.4, and RFC 8122, section 5)."""

RelayAccount = tuple[str, int, str, str]  # address and port of a TURN server, name and password
Take = Callable[[bytes], bytes | None]
"""Take a received RTP packet, and return the one to send back, or None."""
Count = Callable[[int], None]


class DatagramGuard(Protocol):
    """Decide which datagrams of a call are read and sent."""

    def admits(self, datagram: bytes, source: tuple[str, int]) -> bool:
        """Return whether a datagram is read."""

    def may_send(self, datagram: bytes, source: tuple[str, int]) -> bool:
        """Return whether a datagram is sent."""

    def released(self, source: tuple[str, int]) -> bytes | None:
        """Return a datagram that was not sent before, and may be sent now."""


def read_description(found: Any) -> dict[str, str] | None:
    """Return the description of the other end, None if a field is missing or malformed."""
    if not isinstance(found, dict):
        return None
    texts = {name: text for name in FORMS if isinstance(text := found.get(name), str)}
    valid = len(texts) == len(FORMS) and all(re.fullmatch(FORMS[name], text) for name, text in texts.items())
    return texts if valid else None


class Transport:
    """Hold one end of the call. The caller's end is `controlling`.

    `sent` and `received` get the length of each datagram, checks of ICE included. `guard` None lets all of them pass.
    """

    def __init__(
        self,
        take: Take,
        *,
        controlling: bool,
        relay: RelayAccount | None = None,
        sent: Count = lambda size: None,
        received: Count = lambda size: None,
        guard: DatagramGuard | None = None,
    ) -> None:
        self._gatherer, self._sent, self._received, self._guard = _gatherer(relay), sent, received, guard
        self._ice = RTCIceTransport(self._gatherer)
        self._ice._connection.ice_controlling = controlling
        self._dtls = _Packets(self._ice, take)

    async def gather(self) -> None:
        """Open the sockets. Raises ConnectionError without one, as where the relay refuses."""
        try:
            await self._gatherer.gather()
        except TransactionError as error:
            raise ConnectionError("the relay refuses or is silent") from error
        if not self._gatherer.getLocalCandidates():
            raise ConnectionError("no socket can be opened")
        for protocol in self._gatherer._connection._protocols:
            _count(protocol, self._sent, self._received)
            if self._guard is not None:
                _watch(protocol, self._guard)

    def description(self) -> dict[str, str]:
        """Return what the other end needs: name and password of ICE, and the digest of the certificate."""
        ice = self._gatherer.getLocalParameters()
        digests = (each.value for each in self._dtls.getLocalParameters().fingerprints if each.algorithm == DIGEST)
        return {"ufrag": ice.usernameFragment or "", "pwd": ice.password or "", "fingerprint": next(digests).upper()}

    def ports(self) -> dict[str, list[int]]:
        """Return the ports of the sockets by the version of IP."""
        found: dict[str, list[int]] = {"4": [], "6": []}
        for candidate in self._gatherer.getLocalCandidates():
            found["6" if ":" in candidate.ip else "4"].append(candidate.port)
        return {version: ports[:MOST_PORTS] for version, ports in found.items()}

    async def connect(self, theirs: dict[str, str], ip: str = "", ports: Iterable[int] = ()) -> None:
        """Check the path to `ip` at each of `ports`. Without them, wait for checks. Raises ConnectionError."""
        for port in ports:
            await self._ice.addRemoteCandidate(_candidate(ip, port))
        if ip:
            await self._ice.addRemoteCandidate(None)
        await self._ice.start(RTCIceParameters(usernameFragment=theirs["ufrag"], password=theirs["pwd"]))
        if self._ice.state != "completed":
            raise ConnectionError("ICE found no path")

    async def secure(self, theirs: dict[str, str]) -> None:
        """Exchange keys over the path. Raises ConnectionError."""
        fingerprint = RTCDtlsFingerprint(algorithm=DIGEST, value=theirs["fingerprint"])
        await self._dtls.start(RTCDtlsParameters(fingerprints=[fingerprint]))
        if self._dtls.state != "connected":
            raise ConnectionError("the DTLS handshake failed")

    async def send(self, packet: bytes) -> None:
        """Encrypt and send an RTP packet. Raises ConnectionError if the other end has gone."""
        await self._dtls._send_rtp(packet)

    async def ended(self) -> None:
        """Wait until the other end closes the connection."""
        gone = asyncio.Event()
        self._dtls.on("statechange", gone.set)
        if self._dtls.state == "connected":
            await gone.wait()

    async def close(self) -> None:
        await self._dtls.stop()
        await self._ice.stop()


class _Counted:
    """Count the datagrams that leave through a socket of aioice. Everything else is passed on."""

    def __init__(self, transport: Any, sent: Count) -> None:
        self._transport, self._sent = transport, sent

    def sendto(self, data: bytes, address: Any = None) -> None:
        self._sent(len(data))
        self._transport.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _count(protocol: Any, sent: Count, received: Count) -> None:
    """Count the datagrams of a protocol of aioice from now on."""
    take = protocol.datagram_received

    def counted(data: bytes, address: Any) -> None:
        received(len(data))
        take(data, address)

    protocol.transport, protocol.datagram_received = _Counted(protocol.transport, sent), counted


class _Guarded:
    """Send only the datagrams that a guard lets pass. Everything else is passed on."""

    def __init__(self, transport: Any, guard: DatagramGuard) -> None:
        self._transport, self._guard = transport, guard

    def sendto(self, data: bytes, address: Any) -> None:
        if self._guard.may_send(data, address[:2]):
            self._transport.sendto(data, address)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


def _watch(protocol: Any, guard: DatagramGuard) -> None:
    """Let a guard decide about the datagrams of a protocol of aioice from now on."""
    take, send = protocol.datagram_received, protocol.transport.sendto

    def watched(data: bytes, address: Any) -> None:
        if not guard.admits(data, address[:2]):
            return
        with suppress(KeyError):  # a check without a priority
            take(data, address)
        if (late := guard.released(address[:2])) is not None:
            send(late, address)

    protocol.transport, protocol.datagram_received = _Guarded(protocol.transport, guard), watched


class _Packets(RTCDtlsTransport):
    """Pass RTP packets to a function as they are, in place of a decoder."""

    def __init__(self, transport: RTCIceTransport, take: Take) -> None:
        super().__init__(transport, [RTCCertificate.generateCertificate()])
        self._take = take

    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        if (answer := self._take(data)) is not None:
            await self._send_rtp(answer)


def _gatherer(relay: RelayAccount | None) -> RTCIceGatherer:
    """Return a gatherer that asks no server but the relay. Without a list it would ask a public STUN server."""
    if relay is None:
        return RTCIceGatherer(iceServers=[])
    ip, port, username, password = relay
    server = RTCIceServer(f"turn:{bracketed(ip)}:{port}?transport=udp", username, password)
    return RTCIceGatherer(iceServers=[server], iceTransportPolicy=RTCIceTransportPolicy.RELAY)


def _candidate(ip: str, port: int) -> RTCIceCandidate:
    return RTCIceCandidate(
        component=1, foundation="1", ip=ip, port=port, priority=2130706431, protocol="udp", type="host"
    )


async def closed(transport: Transport) -> None:
    """Close a transport within a second."""
    try:
        async with asyncio.timeout(1.0):
            await transport.close()
    except TimeoutError:
        return
