"""The child process that sees raw packets: scapy's memory and time stay out of the process that measures.

`python -m probe.packets.sniffer [keep]` reads orders from stdin and writes what it sees to stdout, a JSON object a
line; it ends with its stdin, so that it cannot outlive its parent. With `keep` it remembers every packet for a pcapng.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from typing import Any

ETH_P_ALL, PACKET_OUTGOING, SO_TIMESTAMPNS = 3, 4, 35  # <linux/if_ether.h>, <linux/if_packet.h>, <asm/socket.h>
MOST_PACKETS, MOST_BYTES = 50_000, 32 * 1024 * 1024  # remembered for a pcapng
BUFFER = 4 * 1024 * 1024
ICMP_NUMBERS = (1, 58)


class Memory:
    """The latest packets, bounded in number and in bytes: (seconds since the epoch, outgoing, raw)."""

    def __init__(self) -> None:
        self.packets: deque[tuple[float, bool, bytes]] = deque()
        self._bytes = 0

    def add(self, when: float, outgoing: bool, raw: bytes) -> None:
        self.packets.append((when, outgoing, raw))
        self._bytes += len(raw)
        while len(self.packets) > MOST_PACKETS or self._bytes > MOST_BYTES:
            self._bytes -= len(self.packets.popleft()[2])


def main(words: list[str]) -> int:
    """Sniff until stdin ends. Returns 1 when the system lets us see no packets."""
    try:
        sock = open_socket()
    except OSError as error:
        say({"problem": error.strerror or str(error)})
        return 1
    say({"ready": True})  # from here on the kernel keeps what is not read yet, while scapy takes its time to load
    Sniffer(sock, Memory() if "keep" in words else None).run()
    return 0


def open_socket() -> socket.socket:
    """A socket that hears every IP packet of this machine, without link headers. Raises OSError."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
    sock.setblocking(False)
    return sock


class Sniffer:
    """Reads packets and orders, and says what it saw."""

    def __init__(self, sock: socket.socket, memory: Memory | None) -> None:
        from probe.packets import dissect

        self._sock, self._memory, self._dissect = sock, memory, dissect

    def run(self) -> None:
        """Go on until stdin ends."""
        orders = b""
        while True:
            readable, _, _ = select.select([self._sock.fileno(), 0], [], [])
            self._drain()
            if 0 not in readable:
                continue
            data = os.read(0, 65536)
            if not data:
                return
            *whole, orders = (orders + data).split(b"\n")
            for line in whole:
                self._obey(json.loads(line))

    def _drain(self) -> None:
        """Read what waits, and say of each packet that is worth it what it was."""
        while True:
            try:
                raw, ancillary, _, sender = self._sock.recvmsg(65535, 64)
            except OSError:  # nothing waits; or an interface went down, of which the socket tells once
                return
            when, outgoing = stamp(ancillary), sender[2] == PACKET_OUTGOING
            if self._memory is not None:
                self._memory.add(when, outgoing, raw)
            seen = self._dissect.dissect(raw, outgoing=outgoing) if is_candidate(raw) else None
            if seen is not None:
                monotonic = when - time.time() + time.monotonic()  # so that a stepped clock moves nothing
                say({"t": round(monotonic, 6), "key": seen.key, "fields": seen.fields})

    def _obey(self, order: dict[str, Any]) -> None:
        """Do what the parent asks: `flush` answers once all that was seen is said, `pcap` writes the file."""
        if "flush" in order:
            self._drain()
            say({"flushed": order["flush"]})
        elif "pcap" in order:
            try:
                say({"written": self._write(order["pcap"], {tuple(flow) for flow in order["flows"]})})
            except OSError as error:
                say({"problem": f"{order['pcap']}: {error.strerror}"})

    def _write(self, path: str, wanted: set[tuple[Any, ...]]) -> int:
        """Write the packets of the wanted flows, rewritten; returns how many. Raises OSError."""
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        remembered = self._memory.packets if self._memory is not None else ()
        ours = [packet for packet in remembered if self._dissect.flow_of(packet[2], outgoing=packet[1]) in wanted]
        written = [(when, self._dissect.rewrite(raw, outgoing=outgoing)) for when, outgoing, raw in ours]
        packets = [(when, raw) for when, raw in written if raw is not None]
        self._dissect.write_pcapng(path, packets)
        return len(packets)


def stamp(ancillary: list[tuple[int, int, bytes]]) -> float:
    """When the kernel saw the packet, in seconds since the epoch."""
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == SO_TIMESTAMPNS and len(data) >= struct.calcsize("@ll"):
            seconds, nanoseconds = map(int, struct.unpack_from("@ll", data))
            return seconds + nanoseconds / 1e9
    return time.time()


def is_candidate(raw: bytes) -> bool:
    """A cheap look before scapy's: SYN/ACK, RST, ICMP, or a port 53."""
    if len(raw) < 28:
        return False
    version = raw[0] >> 4
    protocol, above = (raw[9], (raw[0] & 15) * 4) if version == 4 else (raw[6], 40)
    if protocol in ICMP_NUMBERS:
        return True
    if protocol == 6 and len(raw) > above + 13:
        flags = raw[above + 13]
        return bool(flags & 0x04) or flags & 0x12 == 0x12
    return protocol == 17 and b"\x00\x35" in (raw[above : above + 2], raw[above + 2 : above + 4])


def say(document: dict[str, Any]) -> None:
    """One JSON object on a line."""
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
