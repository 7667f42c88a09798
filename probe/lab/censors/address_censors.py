"""Define censors of addresses and ports: dropped packets, limited rates, resets, a SYN proxy, and blocked UDP."""

from typing import Literal

from pydantic import Field, PrivateAttr

from probe.lab.censors.kit.crowded_queue import CrowdedQueue
from probe.lab.censors.kit.flows import Flow, flow_of
from probe.lab.censors.kit.middlebox import DROP, AddressFilter, Deployment
from probe.lab.censors.kit.rate_limit import RateLimit, sent_later
from probe.lab.censors.kit.resets import Resetting
from probe.lab.censors.kit.token_bucket import TokenBucket
from probe.lab.censors.kit.wire_test import Exchange, WireTest
from probe.lab.net.layout import Actions, Direction
from probe.lab.net.packets import ACK, RST, SYN, Packet, host_unreachable, network_unreachable, prohibited, tcp_packet


class IPBlackhole(AddressFilter):
    """Drop every packet to and from the addresses. With `icmp` the sender gets an ICMP error."""

    WIRE = (
        WireTest(
            {"names": ["chat.signal.org"]},
            (
                Exchange("tls", "chat.signal.org", 443, "chat.signal.org", end="silent"),
                Exchange("tls", "sfu.voip.signal.org", 443, "sfu.voip.signal.org"),
            ),
        ),
        WireTest(
            {"names": ["storage.signal.org"], "icmp": "prohibited"},
            (Exchange("tls", "storage.signal.org", 443, "storage.signal.org", end="icmp"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    icmp: Literal["", "unreachable", "prohibited", "no_route"] = Field(
        default="", description="ICMP error: host unreachable, administratively prohibited, or no route"
    )
    icmp_seconds: float = Field(
        default=0.0, ge=0, description="least seconds between two errors for one address and port"
    )

    _answered: dict[tuple[bytes, int], float] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is Direction.IN:
            return DROP if self._matches(packet.source, packet.sport) else None
        if not self._matches(packet.destination, packet.dport):
            return None
        return (
            Actions(forward=False, to_client=[(0.0, self._error(packet))]) if self._sends_error(packet, now) else DROP
        )

    def _sends_error(self, packet: Packet, now: float) -> bool:
        """Return whether this packet gets an ICMP error. Routers limit their rate (RFC 1812 4.3.2.8)."""
        endpoint = (packet.destination, packet.dport)
        if not self.icmp or now < self._answered.get(endpoint, -self.icmp_seconds) + self.icmp_seconds:
            return False
        self._answered[endpoint] = now
        return True

    def _error(self, packet: Packet) -> bytes:
        router = self._deployment.router(packet.version)
        errors = {"unreachable": host_unreachable, "prohibited": prohibited, "no_route": network_unreachable}
        return errors[self.icmp](router, packet.raw)


class IPRate(RateLimit, AddressFilter):
    """Limit what the addresses send over TCP, each connection by a token bucket or all by one.

    Packets above the rate are dropped (a policer). With `queue_ms` they wait in a queue first (a shaper).
    """

    WIRE = (
        WireTest(
            {"names": ["chat.signal.org"], "rate_kbit": 0.001, "burst_bytes": 20},
            (
                Exchange("tls", "chat.signal.org", 443, "chat.signal.org", end="silent"),
                Exchange("tls", "sfu.voip.signal.org", 443, "sfu.voip.signal.org"),
            ),
        ),
    )

    _limited: dict[Flow, TokenBucket] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is Direction.OUT or not packet.is_tcp or not self._matches(packet.source, packet.sport):
            return None
        flow = flow_of(packet, direction)
        if flow not in self._limited or packet.tcp_flags & SYN:
            self._limited[flow] = self._bucket()
        return self._limit(packet, self._limited[flow], now)


class CrowdedLink(AddressFilter):
    """Delay and lose packets to and from the addresses, as a link does that other users fill. It is no censor.

    Each direction has one queue, which all packets over it share: TCP, UDP and ICMP of every host behind it.
    """

    WIRE = (
        WireTest(
            {"names": ["chat.signal.org"], "rate_kbit": 50000.0, "load": 100.0, "queue_ms": 50.0},
            (
                Exchange("tls", "chat.signal.org", 443, "chat.signal.org", end="silent"),
                Exchange("tls", "sfu.voip.signal.org", 443, "sfu.voip.signal.org"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    rate_kbit: float = Field(default=50000.0, gt=0, description="rate each way, in kbit/s")
    queue_ms: float = Field(default=300.0, gt=0, le=60000, description="longest wait in the queue, in milliseconds")
    load: float = Field(gt=0, description="mean share of the rate that others send, above 1: packets are lost")

    _queues: dict[Direction, CrowdedQueue] = PrivateAttr(default_factory=dict)

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        out = direction is Direction.OUT
        if not self._matches(packet.destination if out else packet.source, packet.dport if out else packet.sport):
            return None
        if direction not in self._queues:
            rng = self._random("queue", direction.value)
            self._queues[direction] = CrowdedQueue(self.rate_kbit * 125, self.queue_ms / 1000, self.load, rng)
        wait = self._queues[direction].wait(len(packet.raw), now)
        return DROP if wait is None else sent_later(packet, direction, wait)


class IPReset(Resetting, AddressFilter):
    """Answer a SYN to the addresses with a reset."""

    WIRE = (
        WireTest(
            {"names": ["cdsi.signal.org"], "count": 1, "to": "client"},
            (
                Exchange("tls", "cdsi.signal.org", 443, "cdsi.signal.org", end="refused"),
                Exchange("tls", "api.x.com", 443, "api.x.com"),
            ),
        ),
    )

    on_path: bool = Field(
        default=False, description="true: it sees a copy and can only inject. false: it holds packets"
    )
    count: int = Field(default=1, ge=1, le=10, description="how many resets")
    to: Literal["both", "client", "server"] = Field(default="client", description="receivers of the resets")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is not Direction.OUT or not packet.is_tcp or not packet.tcp_flags & SYN:
            return None
        return self._resets(packet) if self._matches(packet.destination, packet.dport) else None


class SYNProxy(AddressFilter):
    """Complete the TCP handshake for the servers, then drop the client's packets or reset the connection.

    Some addresses in forged DNS answers in China reset the connection on the first data.
    """

    WIRE = (
        WireTest(
            {"names": ["cdn.signal.org"], "ports": [443], "ttl": 60, "resets": True},
            (
                Exchange("random/tcp", "cdn.signal.org", 443, end="reset"),
                Exchange("tls", "api.x.com", 443, "api.x.com"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    ports: list[int] = Field(default=[80, 443], description="destination ports that it answers for, empty: all")
    ttl: int = Field(default=64, ge=1, le=255, description="TTL with which its packets are sent")
    resets: bool = Field(default=False, description="true: the first data is answered with a reset")
    at_once: bool = Field(default=False, description="true: a reset follows the SYN-ACK at once")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if direction is Direction.IN or not packet.is_tcp or not self._matches(packet.destination, packet.dport):
            return None
        if self.resets and packet.payload:
            flow = (packet.dst, packet.src, packet.dport, packet.sport)
            return Actions(forward=False, to_client=[(0.0, tcp_packet(*flow, flags=RST, seq=packet.ack, ttl=self.ttl))])
        if packet.tcp_flags & (SYN | ACK | RST) != SYN:
            return DROP
        first = self._random(packet.src, packet.sport, packet.dst).getrandbits(32)
        answers = [(SYN | ACK, first), *([(RST | ACK, first + 1)] if self.at_once else [])]
        return Actions(forward=False, to_client=[(0.0, self._back(packet, *one)) for one in answers])

    def _back(self, syn: Packet, flags: int, seq: int) -> bytes:
        flow = (syn.dst, syn.src, syn.dport, syn.sport)
        return tcp_packet(*flow, flags=flags, seq=seq, ack=syn.seq + 1, ttl=self.ttl)


class PortFilter(AddressFilter):
    """Close TCP ports for every server, as providers do against spam and hotels do for all but pages. It is no censor.

    The seed draws the ports and what a SYN gets, unless they are given.
    """

    WIRE = (
        WireTest(
            {"names": ["imap.gmail.com"], "ports": [993], "most": 1, "how": "reset"},
            (
                Exchange("tls", "imap.gmail.com", 993, "imap.gmail.com", end="refused"),
                Exchange("tls", "mtalk.google.com", 5228, "mtalk.google.com"),
            ),
        ),
        WireTest(
            {"names": ["imap.gmx.net"], "open_ports": [143], "how": "silent"},
            (Exchange("tls", "imap.gmx.net", 993, "imap.gmx.net", end="silent"),),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    how: Literal["drawn", "silent", "reset", "prohibited"] = Field(
        default="drawn", description="nothing, a reset, or an ICMP error, else one of these by seed"
    )
    most: int = Field(default=0, ge=0, description="how many of `ports` are closed, drawn by seed, 0: all")
    open_ports: list[int] = Field(default=[], description="close all ports but these, in place of `ports`")

    _closed: set[int] = PrivateAttr(default_factory=set)
    _how: str = PrivateAttr(default="silent")

    def deploy(self, deployment: Deployment) -> None:
        super().deploy(deployment)
        rng = self._random("ports")
        self._closed = set(rng.sample(self.ports, self.most or len(self.ports)))
        self._how = rng.choice(["silent", "reset", "prohibited"]) if self.how == "drawn" else self.how

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        closed = packet.dport not in self.open_ports if self.open_ports else packet.dport in self._closed
        is_syn = direction is Direction.OUT and packet.is_tcp and packet.tcp_flags & SYN
        if not is_syn or not closed or not self._matches(packet.destination, packet.dport):
            return None
        if self._how == "silent":
            return DROP
        router = self._deployment.router(packet.version)
        back = (packet.dst, packet.src, packet.dport, packet.sport)
        reset = tcp_packet(*back, flags=RST | ACK, seq=0, ack=packet.seq + 1, ttl=64)
        return Actions(
            forward=False, to_client=[(0.0, reset if self._how == "reset" else prohibited(router, packet.raw))]
        )


class UDPBlock(AddressFilter):
    """Drop UDP to and from the addresses and ports. DNS passes unless port 53 is in `ports`."""

    WIRE = (
        WireTest(
            {"names": ["stun.voipgate.com"]},
            (
                Exchange("stun/udp", "stun.voipgate.com", 3478, end="silent"),
                Exchange("stun/tcp", "stun.voipgate.com", 3478, contains="\1\1"),
            ),
        ),
    )

    on_path: Literal[False] = Field(default=False, description="always false: it must hold the packet")
    icmp: bool = Field(default=False, description="true: the sender gets ICMP host unreachable")

    def see(self, packet: Packet, direction: Direction, now: float) -> Actions | None:
        """Return what to do with `packet`. None: nothing."""
        if not packet.is_udp:
            return None
        out = direction is Direction.OUT
        address, port = (packet.destination, packet.dport) if out else (packet.source, packet.sport)
        if port == 53 and 53 not in self.ports:
            return None
        if not self._matches(address, port):
            return None
        if not (out and self.icmp):
            return DROP
        router = self._deployment.router(packet.version)
        return Actions(forward=False, to_client=[(0.0, host_unreachable(router, packet.raw))])
