"""Ban clients that send too much in some seconds, as protection against scans and floods does.

The ban holds for everything that the client sends to the protected addresses, and ends by itself.
"""

from collections import defaultdict, deque
from collections.abc import Sequence

from probe.lab.net.address_matching import Covers
from probe.lab.net.connection_filter import Reset
from probe.lab.net.crafting import ACK, RST, SYN, tcp_packet
from probe.lab.net.layout import ProtectionFromBursts
from probe.lab.net.packets import Packet
from probe.lab.net.router_replies import answer_of_closed_host

DNS_PORT = 53

Counted = tuple[str, int, str, int]  # a flow, or the parts of it that count, with zeros and empty texts for the others


class BurstProtection:
    """Count what each client sends, and ban a client for a time."""

    def __init__(self, limits: Sequence[ProtectionFromBursts]) -> None:
        self._limits = [(limit, Covers(limit.addresses)) for limit in limits]
        self._seen: defaultdict[tuple[int, str], deque[tuple[float, Counted]]] = defaultdict(deque)
        self._banned_until: dict[tuple[int, str], float] = {}

    def stop(self, raw: bytes, destination: bytes, now: float, *, on_line: bool) -> Reset | None:
        """Return the resets that replace a packet of a banned client. None means that the packet is forwarded.

        `on_line`: the packet is on the client's access line. Otherwise it is before the protected addresses.
        """
        for index, (limit, addresses) in enumerate(self._limits):
            if limit.on_line != on_line or not (on_line or destination in addresses):
                continue
            packet = Packet(raw)
            transport = "tcp" if packet.is_tcp else "udp" if packet.is_udp else ""
            if packet.src in limit.spared or transport not in limit.transports:
                continue
            if self._is_banned(index, limit, packet, now):
                return _reaction(limit, packet)
        return None

    def _is_banned(self, index: int, limit: ProtectionFromBursts, packet: Packet, now: float) -> bool:
        key = index, packet.src if not limit.on_line else "line"
        if now < self._banned_until.get(key, 0.0):
            return True
        counted = _counted(limit, packet)
        if counted is None:
            return False
        seen = self._seen[key]
        while seen and now - seen[0][0] >= limit.seconds:
            seen.popleft()
        if limit.counts == "queries" or counted not in (each for _, each in seen):
            seen.append((now, counted))
        if len(seen) <= limit.most:
            return False
        seen.clear()
        self._banned_until[key] = now + limit.ban
        return True


def _counted(limit: ProtectionFromBursts, packet: Packet) -> Counted | None:
    """Return what of the packet counts, None if the packet does not count."""
    if limit.counts == "queries":
        return (packet.src, packet.sport, packet.dst, packet.dport) if packet.dport == DNS_PORT else None
    if packet.is_tcp and packet.tcp_flags & (SYN | ACK | RST) != SYN:
        return None
    if limit.counts == "hosts":
        return "", 0, packet.dst, 0
    if limit.counts == "ports":
        return "", 0, packet.dst, packet.dport
    return packet.src, packet.sport, packet.dst, packet.dport


def _reaction(limit: ProtectionFromBursts, packet: Packet) -> Reset | None:
    """Return what a banned client gets. Connections are reset at their first data, or refused, or nothing comes."""
    if limit.how == "drop" or not packet.is_tcp:
        return Reset(None)
    if limit.how == "refuse":
        return Reset(answer_of_closed_host(packet))
    if not packet.payload:
        return None
    reset = tcp_packet(packet.src, packet.dst, packet.sport, packet.dport, flags=RST, seq=packet.seq)
    return Reset(answer_of_closed_host(packet), None if limit.on_line else reset)
