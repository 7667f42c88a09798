"""Reset the connections of clients that open too many in some seconds, as packet filters of servers do."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass

from probe.lab.net.address_matching import network_of
from probe.lab.net.crafting import ACK, RST, SYN, packed, tcp_packet
from probe.lab.net.layout import RateOfConnections
from probe.lab.net.packets import Packet
from probe.lab.net.router_replies import answer_of_closed_host

Key = tuple[int, str, bytes]  # the limit, the client, and what counts together
Flow = tuple[str, int, str, int]


@dataclass(frozen=True)
class Reset:
    """Hold the resets of one connection. The server gets one only if it has accepted the connection."""

    to_client: bytes | None
    to_server: bytes | None = None


class ConnectionRates:
    """Count the connections of each client at servers with a limit."""

    def __init__(self, limits: Sequence[RateOfConnections]) -> None:
        self._limits = limits
        self._by_address = {packed(address): index for index, each in enumerate(limits) for address in each.addresses}
        self._accepted: defaultdict[Key, deque[float]] = defaultdict(deque)
        self._refused: dict[Flow, int] = {}  # the number of the SYN

    def refuse(self, raw: bytes, destination: bytes, now: float) -> Reset | None:
        """Return the resets that replace a packet to a server above its limit.

        None means that the packet is forwarded.
        """
        index = self._by_address.get(destination)
        packet = Packet(raw)
        if index is None or not packet.is_tcp or packet.src in self._limits[index].spared:
            return None
        flow = packet.src, packet.sport, packet.dst, packet.dport
        if packet.tcp_flags & (SYN | ACK | RST) == SYN:
            return self._connects(index, packet, flow, now)
        if not packet.payload or self._refused.pop(flow, None) is None:
            return None
        reset = tcp_packet(packet.src, packet.dst, packet.sport, packet.dport, flags=RST, seq=packet.seq)
        return Reset(answer_of_closed_host(packet), reset)

    def _connects(self, index: int, packet: Packet, flow: Flow, now: float) -> Reset | None:
        """Count a connection. A SYN that is sent again is the same one."""
        if self._refused.get(flow) != packet.seq:
            self._refused.pop(flow, None)
            if self._is_within(index, packet, now):
                return None
            self._refused[flow] = packet.seq
        return Reset(answer_of_closed_host(packet)) if self._limits[index].at == "connect" else None

    def _is_within(self, index: int, packet: Packet, now: float) -> bool:
        limit = self._limits[index]
        together = {"address": packet.destination, "network": network_of(packet.destination), "all": b""}[limit.per]
        seen = self._accepted[index, packet.src, together]
        while seen and now - seen[0] >= limit.seconds:
            seen.popleft()
        within = len(seen) < limit.most
        if within or limit.renews:
            seen.append(now)
        return within
