"""Make packet captures of connections whose fate the test knows."""

import gzip
import struct
from collections.abc import Iterable
from itertools import count
from pathlib import Path
from typing import Any

from scapy.layers.dns import DNS, DNSQR, DNSRR
from scapy.layers.inet import ICMP, IP, TCP, UDP

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.captures.capture_measurements import measurements_of
from probe.captures.captured_set import read_captures
from probe.results.unpacking import zstd_module
from tests.support.lab.hellos import hello

HERE = "100.64.7.9"
SERVER, OTHER, RESOLVER, ROUTER = "149.154.167.99", "151.101.8.223", "8.8.8.8", "62.115.1.9"
TTL, FOREIGN = 52, 120
SERVER_HELLO = b"\x16\x03\x03\x00\x5a\x02\x00\x00\x56\x03\x03" + bytes(84)
FINISHED = b"\x14\x03\x03\x00\x01\x01\x17\x03\x03\x00\x45" + bytes(69)

Record = dict[str, Any]


class MadeCapture:
    """Hold packets with their times. Each connection begins `pause` seconds after the one before."""

    def __init__(self, pause: float = 1.0, here: str = HERE) -> None:
        self.packets: list[tuple[float, bytes]] = []
        self._now, self._pause, self._here, self._port = 1_790_000_000.0, pause, here, count(40_000)

    def add(self, layer: Any, *, server: str, outgoing: bool, ttl: int = TTL, after: float = 0.01) -> None:
        ends = (
            {"src": self._here, "dst": server, "ttl": 64}
            if outgoing
            else {"src": server, "dst": self._here, "ttl": ttl}
        )
        self._now += after
        self.packets.append((self._now, bytes(IP(**ends, id=777) / layer)))

    def connect(self, server: str = SERVER, port: int = 443) -> int:
        """Open a connection, and return the client's port."""
        self._now += self._pause
        own = next(self._port)
        self.add(TCP(sport=own, dport=port, flags="S", seq=1000), server=server, outgoing=True)
        self.add(TCP(sport=port, dport=own, flags="SA", seq=5000, ack=1001), server=server, outgoing=False)
        self.add(TCP(sport=own, dport=port, flags="A", seq=1001, ack=5001), server=server, outgoing=True)
        return own

    def tls(self, name: str, fate: str = "passes", server: str = SERVER, reset_ttl: int = FOREIGN) -> None:
        """Send a hello. It passes, is reset or closed, or is silent with or without an acknowledgment."""
        own, raw = self.connect(server), hello(name)
        sent = TCP(sport=own, dport=443, flags="PA", seq=1001, ack=5001) / raw
        self.add(sent, server=server, outgoing=True)
        reply = {"sport": 443, "dport": own, "seq": 5001, "ack": 1001 + len(raw)}
        if fate == "passes":
            self.add(TCP(**reply, flags="PA") / SERVER_HELLO, server=server, outgoing=False)
            more = {"sport": own, "dport": 443, "seq": 1001 + len(raw), "ack": 5001 + len(SERVER_HELLO)}
            self.add(TCP(**more, flags="PA") / FINISHED, server=server, outgoing=True)
            self.add(TCP(**(reply | {"seq": more["ack"]}), flags="PA") / FINISHED, server=server, outgoing=False)
        elif fate == "reset":
            self.add(TCP(**reply, flags="RA"), server=server, outgoing=False, ttl=reset_ttl)
        elif fate == "closed":
            self.add(TCP(**reply, flags="FA"), server=server, outgoing=False)
        else:
            if fate == "acknowledged":
                self.add(TCP(**reply, flags="A"), server=server, outgoing=False)
            for wait in (0.3, 0.6, 1.2, 2.4):
                self.add(sent, server=server, outgoing=True, after=wait)

    def refused(self, server: str, port: int) -> None:
        self._now += self._pause
        own = next(self._port)
        self.add(TCP(sport=own, dport=port, flags="S", seq=1000), server=server, outgoing=True)
        self.add(TCP(sport=port, dport=own, flags="RA", ack=1001), server=server, outgoing=False)

    def silent_connect(self, server: str, port: int = 443) -> None:
        self._now += self._pause
        own = next(self._port)
        for wait in (0.0, 1.0, 2.0, 4.0):
            self.add(TCP(sport=own, dport=port, flags="S", seq=1000), server=server, outgoing=True, after=wait)

    def unreachable(self, server: str, port: int = 443) -> None:
        self._now += self._pause
        syn = TCP(sport=next(self._port), dport=port, flags="S", seq=1000)
        self.add(syn, server=server, outgoing=True)
        error = IP(src=ROUTER, dst=self._here, ttl=60) / ICMP(type=3, code=13) / IP(src=self._here, dst=server) / syn
        self._now += 0.01
        self.packets.append((self._now, bytes(error)))

    def lookup(self, name: str, answers: Iterable[tuple[str, int]], *, sent: int = 1, resolver: str = RESOLVER) -> None:
        """Ask for a name, `sent` times with one id, and get answers with an address and a TTL each."""
        self._now += self._pause
        own = next(self._port)
        question = DNSQR(qname=name)
        for _ in range(sent):
            query = UDP(sport=own, dport=53) / DNS(id=own & 0xFFFF, rd=1, qd=question)
            self.add(query, server=resolver, outgoing=True)
        for address, ttl in answers:
            reply = DNS(id=own & 0xFFFF, qr=1, rd=1, ra=1, qd=question, an=DNSRR(rrname=name, rdata=address, ttl=60))
            self.add(UDP(sport=53, dport=own) / reply, server=resolver, outgoing=False, ttl=ttl)

    def wait(self, seconds: float = 30.0) -> None:
        """Let time pass, and end with a packet of another flow, so that silence is one."""
        self.advance(seconds)
        self.lookup("late.example", [("93.184.215.14", TTL)])

    def advance(self, seconds: float) -> None:
        self._now += seconds

    def write(self, path: Path) -> Path:
        path.write_bytes(pcap(self.packets))
        return path


def pcap(
    packets: Iterable[tuple[float, bytes]], *, order: str = "<", link: int = 101, nanoseconds: bool = False
) -> bytes:
    """Return a capture in the format pcap."""
    magic, ticks = (0xA1B23C4D, 10**9) if nanoseconds else (0xA1B2C3D4, 10**6)
    parts = [struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 262144, link)]
    for when, raw in packets:
        parts += [struct.pack(f"{order}IIII", int(when), int(when % 1 * ticks), len(raw), len(raw)), raw]
    return b"".join(parts)


def packed(data: bytes, how: str) -> bytes:
    """Return bytes packed with gzip or zstd."""
    return gzip.compress(data) if how == "gz" else bytes(zstd_module().compress(data))


def verdicts(*paths: Path) -> list[Record]:
    """Return the verdict records on captures that are one set."""
    found = enumerate(measurements_of(read_captures(paths)), 1)
    return [each for number, one in found for each in judge_measurement(one.document, file="x", number=number)]


def accusations(*paths: Path) -> dict[str, tuple[str, list[str]]]:
    """Return state and mechanisms of each endpoint that is accused."""
    accusing = {"blocked", "likely_blocked", "degraded"}
    return {
        each["endpoint"]: (each["state"], each["mechanisms"])
        for record in verdicts(*paths)
        for each in record["endpoints"]
        if each["state"] in accusing
    }
