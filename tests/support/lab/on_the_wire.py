"""Count triggers (P7) in a pcap file of the packets that leave the home router."""

import re
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import dns.exception
import dns.message

from probe.lab.net.packets import SYN, Packet
from probe.wire.tls.quic_initial import ClientInitials
from probe.wire.tls.server_name import read_handshake

Place = tuple[str, str, str]  # name (or "" for a payload without one), address, transport


def packets(path: Path) -> Iterator[Packet]:
    """Return the packets of a classic pcap file with raw IP, in order."""
    return (packet for _, packet in timed_packets(path))


def timed_packets(path: Path) -> Iterator[tuple[float, Packet]]:
    raw = path.read_bytes()
    at = 24
    while at < len(raw):
        seconds, microseconds, size = struct.unpack_from("=III", raw, at)
        yield seconds + microseconds / 1e6, Packet(raw[at + 16 : at + 16 + size])
        at += 16 + size


class Wire:
    """Hold what the user sent: TCP flows with their first bytes, QUIC flows with hellos, DNS queries over UDP."""

    def __init__(self, path: Path, home: set[str]) -> None:
        self.flows: dict[tuple[str, int, str, int], bytearray] = {}
        self.quic: dict[tuple[str, int, str, int], ClientInitials] = defaultdict(ClientInitials)
        self.questions: list[tuple[str, str, int]] = []  # name, address, port of the user (one of each flow)
        seen: dict[tuple[str, int, str, int], set[int]] = defaultdict(set)
        for packet in packets(path):
            if packet.src not in home:
                continue
            if packet.is_tcp:
                self._tcp(packet, seen)
            elif packet.is_udp and packet.dport == 53:
                self._question(packet)
            elif packet.is_udp:
                self.quic[packet.src, packet.sport, packet.dst, packet.dport].feed(packet.payload)

    def _tcp(self, packet: Packet, seen: dict[tuple[str, int, str, int], set[int]]) -> None:
        flow = (packet.src, packet.sport, packet.dst, packet.dport)
        if packet.tcp_flags & SYN:
            self.flows.setdefault(flow, bytearray())
        elif packet.payload and packet.seq not in seen[flow] and len(self.flows.get(flow, b"")) < 4096:
            seen[flow].add(packet.seq)
            self.flows.setdefault(flow, bytearray()).extend(packet.payload)

    def _question(self, packet: Packet) -> None:
        try:
            message = dns.message.from_wire(packet.payload)
        except dns.exception.DNSException:
            return
        name = message.question[0].name.to_text(omit_final_dot=True)
        self.questions.append((name, packet.dst, packet.sport))

    def triggers(self, names: set[str]) -> Counter[Place]:
        """Count flows and datagrams with one of `names`, by (name, address, transport). Retransmissions count once."""
        counted: Counter[Place] = Counter()
        for (_, _, address, _), payload in self.flows.items():
            for name in names:
                if _names(name, bytes(payload)):
                    counted[name, address, "tcp"] += 1
        for (_, _, address, _), initials in self.quic.items():
            shown = read_handshake(initials.hello).name
            if shown in names:
                counted[shown, address, "udp"] += 1
        for name, address, _ in dict.fromkeys(self.questions):
            if name in names:
                counted[name, address, "udp"] += 1
        return counted

    def connections(self, address: str) -> int:
        return sum(flow[2] == address for flow in self.flows)


def _names(name: str, payload: bytes) -> bool:
    """Return whether the bytes have the whole name: t.co is not in msftconnecttest.com."""
    return re.search(rb"(?<![A-Za-z0-9.-])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9-])", payload) is not None
