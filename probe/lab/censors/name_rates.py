"""Define the censors that slow down connections by a name: in the hello of TLS or QUIC, or in the Host header."""

from pydantic import PrivateAttr

from probe.lab.censors.http_censors import HostFilter
from probe.lab.censors.kit.flows import Flow, flow_of
from probe.lab.censors.kit.middlebox import NameFilter
from probe.lab.censors.kit.rate_limit import RateLimit
from probe.lab.censors.kit.token_bucket import TokenBucket
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.censors.quic_censors import QUICHelloFilter
from probe.lab.censors.tls_censors import HelloFilter
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import SYN, Packet


class NameRate(RateLimit, NameFilter):
    """Limit what servers send on connections that show one of the names, by a token bucket.

    Packets above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    _limited: dict[Flow, TokenBucket] = PrivateAttr(default_factory=dict)

    def _slowed(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with a packet of the protocol. None: nothing."""
        flow = flow_of(packet, direction)
        if direction is Direction.IN:
            return self._limit(packet, self._limited.get(flow), now)
        if packet.is_tcp and packet.tcp_flags & SYN:
            self._limited.pop(flow, None)
        if self._watches(packet) and flow not in self._limited and self._shows_name(packet, now):
            self._limited[flow] = self._bucket()
        return None

    def _shows_name(self, packet: Packet, now: float) -> bool:
        """Return whether this client's packet shows one of the names."""
        raise TypeError(f"{type(self).__name__} reads no names")


class TLSRate(NameRate, HelloFilter):
    """Limit what servers send on connections whose TLS hello has one of the names, by a token bucket.

    Packets above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    WIRE = (
        WireTest(
            {"names": ["video.twimg.com"], "rate_kbit": 0.001, "burst_bytes": 20},
            (
                Exchange("tls", "video.twimg.com", 443, "video.twimg.com", end="silent"),
                Exchange("tls", "video.twimg.com", 443, "www.example.org"),
            ),
        ),
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return self._slowed(packet, direction, now) if packet.is_tcp else None

    def _shows_name(self, packet: Packet, now: float) -> bool:
        return self._triggered(packet, now)


class HTTPRate(NameRate, HostFilter):
    """Limit what servers send on connections with a request for one of the names, by a token bucket.

    Packets above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    WIRE = (
        WireTest(
            {"names": ["slow.example"], "ports": [8080], "rate_kbit": 0.001, "burst_bytes": 20},
            (
                Exchange("http", "dns.weixin.qq.com", 8080, "slow.example", end="silent"),
                Exchange("http", "dns.weixin.qq.com", 8080, "www.example.org", contains="HTTP/1.1 "),
            ),
        ),
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return self._slowed(packet, direction, now) if packet.is_tcp else None

    def _shows_name(self, packet: Packet, now: float) -> bool:
        return self._asks(packet)


class QUICRate(NameRate, QUICHelloFilter):
    """Limit what servers send on QUIC connections whose hello has one of the names, by a token bucket.

    Datagrams above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    WIRE = (
        WireTest(
            {"names": ["www.facebook.com"], "rate_kbit": 0.001, "burst_bytes": 20},
            (
                Exchange("quic", "www.facebook.com", 443, "www.facebook.com", end="silent"),
                Exchange("quic", "www.facebook.com", 443, "www.example.org"),
            ),
        ),
    )

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        return self._slowed(packet, direction, now) if packet.is_udp else None

    def _shows_name(self, packet: Packet, now: float) -> bool:
        return self._matches(self._name(flow_of(packet, Direction.OUT), packet.payload))
