"""Read raw packets in a child process, so that they delay no measurement.

`python -m probe.packets.sniffer [keep]` reads orders from stdin and writes records to stdout, one JSON object per line.
It ends when its stdin is closed, and so with its parent. With `keep` it keeps all packets for a pcapng file.

Select the packets that are dissected in the kernel (classic BPF), so that the sniffer wakes up for few of them.
"""

import json
import os
import select
import socket
import struct
import sys
import time
from collections import deque
from types import ModuleType
from typing import Any

from probe.packets.dissect import dissect, flow_of
from probe.packets.packet_headers import ICMP, ICMPV6, TCP, UDP
from probe.platforms.raw_packets import filter_packets, open_packets, receive_packet

DNS, RST, SYN_ACK = 53, 0x04, 0x12
# opcodes of <linux/bpf_common.h>
BYTE, BYTE_AFTER_X, PORT_AFTER_X = 0x30, 0x50, 0x48
X_IS, X_IS_IPV4_LENGTH = 0x01, 0xB1
SHIFT, AND, SKIP, EQUAL, ANY_BIT, RETURN = 0x74, 0x54, 0x05, 0x15, 0x45, 0x06
KEEP, DROP = 21, 22  # places of the last two instructions
# (opcode, operand, next place if true, if false). Others than conditions go on with the next instruction.
_INSTRUCTIONS: tuple[tuple[int, int, int, int], ...] = (
    (BYTE, 0, 0, 0),
    (SHIFT, 4, 0, 0),
    (EQUAL, 4, 3, 6),
    (X_IS_IPV4_LENGTH, 0, 0, 0),
    (BYTE, 9, 0, 0),
    (SKIP, 3, 0, 0),
    (EQUAL, 6, 7, DROP),
    (X_IS, 40, 0, 0),
    (BYTE, 6, 0, 0),
    (EQUAL, ICMP, KEEP, 10),
    (EQUAL, ICMPV6, KEEP, 11),
    (EQUAL, TCP, 12, 16),
    (BYTE_AFTER_X, 13, 0, 0),
    (ANY_BIT, RST, KEEP, 14),
    (AND, SYN_ACK, 0, 0),
    (EQUAL, SYN_ACK, KEEP, DROP),
    (EQUAL, UDP, 17, DROP),
    (PORT_AFTER_X, 0, 0, 0),
    (EQUAL, DNS, KEEP, 19),
    (PORT_AFTER_X, 2, 0, 0),
    (EQUAL, DNS, KEEP, DROP),
    (RETURN, 0xFFFF, 0, 0),
    (RETURN, 0, 0, 0),
)


def is_candidate(raw: bytes) -> bool:
    """Select packets as the filter does, where the kernel has none: SYN/ACK, RST, ICMP, or port 53."""
    if len(raw) < 28:
        return False
    version = raw[0] >> 4
    protocol, header = (raw[9], (raw[0] & 15) * 4) if version == 4 else (raw[6], 40)
    if protocol in {ICMP, ICMPV6}:
        return True
    if protocol == TCP and len(raw) > header + 13:
        flags = raw[header + 13]
        return bool(flags & RST) or flags & SYN_ACK == SYN_ACK
    port = DNS.to_bytes(2, "big")
    return protocol == UDP and port in (raw[header : header + 2], raw[header + 2 : header + 4])


def program() -> bytes:
    """Return the filter as the kernel reads it: an array of `struct sock_filter`."""
    return b"".join(_instruction(place, *each) for place, each in enumerate(_INSTRUCTIONS))


def _instruction(place: int, opcode: int, operand: int, if_true: int, if_false: int) -> bytes:
    skips = (if_true - place - 1, if_false - place - 1) if opcode in {EQUAL, ANY_BIT} else (0, 0)
    return struct.pack("=HBBI", opcode, *skips, operand)


MOST_PACKETS, MOST_BYTES = 50_000, 32 * 1024 * 1024  # kept for a pcapng file
# scapy makes the user's folders for settings, data and a cache. It makes none where a folder cannot be made.
NO_CACHE = dict.fromkeys(("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"), "/dev/null/none")


class KeptPackets:
    """Keep the latest packets (seconds since the epoch, outgoing, raw), limited in number and in bytes."""

    def __init__(self) -> None:
        self.packets: deque[tuple[float, bool, bytes]] = deque()
        self._bytes = 0

    def add(self, when: float, outgoing: bool, raw: bytes) -> None:
        self.packets.append((when, outgoing, raw))
        self._bytes += len(raw)
        while len(self.packets) > MOST_PACKETS or self._bytes > MOST_BYTES:
            self._bytes -= len(self.packets.popleft()[2])


def main(words: list[str]) -> int:
    """Sniff until stdin is closed. Return 1 if the system does not allow it."""
    try:
        sock = open_packets()
    except OSError as error:
        write_line({"problem": error.strerror or str(error)})
        return 1
    keeps_all = "keep" in words
    if not keeps_all:
        filter_packets(sock, program())
    write_line({"ready": True})
    Sniffer(sock, KeptPackets() if keeps_all else None).run()
    return 0


def prepare_for_scapy() -> None:
    """Let scapy make no folders and no cache, and read no table of the vendors of network cards.

    The packets have no link headers. The table takes half of the time that scapy needs to load without a cache.
    """
    os.environ.update(NO_CACHE)
    vendors = ModuleType("scapy.libs.manuf")
    vendors.DATA = ""  # type: ignore[attr-defined]
    sys.modules[vendors.__name__] = vendors


class Sniffer:
    """Read packets and orders, and write records."""

    def __init__(self, sock: socket.socket, kept: KeptPackets | None) -> None:
        self._sock, self._kept = sock, kept

    def run(self) -> None:
        """Read packets and orders until stdin is closed."""
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
                self._execute(json.loads(line))

    def _drain(self) -> None:
        """Read all waiting packets and write the records of those that are kept."""
        while True:
            try:
                raw, when, outgoing = receive_packet(self._sock)
            except OSError:  # no packet is waiting, or an interface went down, which the socket reports once
                return
            if self._kept is not None:
                self._kept.add(when, outgoing, raw)
            seen = dissect(raw, outgoing=outgoing) if is_candidate(raw) else None
            if seen is not None:
                monotonic = when - time.time() + time.monotonic()  # a step of the clock then has no effect
                line = {"t": round(monotonic, 6), "key": seen.key, "fields": seen.fields}
                write_line(line | ({"hidden": seen.hidden} if seen.hidden else {}))

    def _execute(self, order: dict[str, Any]) -> None:
        """Execute an order. `flush` answers when all records are written, `pcap` writes the file.

        The answer repeats the order's number.
        """
        number = {"number": order["number"]}
        if "flush" in order:
            self._drain()
            write_line({"flushed": True, **number})
        elif "pcap" in order:
            path = order["pcap"]
            try:
                wanted = {tuple(flow) for flow in order["flows"]}
                write_line({"written": self._write(path, wanted, order["known"]), **number})
            except OSError as error:
                write_line({"problem": f"{path}: {error.strerror}", **number})

    def _write(self, path: str, wanted: set[tuple[Any, ...]], known: list[list[str]]) -> int:
        """Write the rewritten packets of the wanted flows and return their number. Raises OSError.

        The file has the suffix `.part` until it is complete, and is removed if it cannot be completed.
        """
        part = f"{path}.part"
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        try:
            count = self._fill(part, wanted, known)
            os.replace(part, path)
        except OSError:
            os.unlink(part)
            raise
        return count

    def _fill(self, path: str, wanted: set[tuple[Any, ...]], known: list[list[str]]) -> int:
        prepare_for_scapy()
        from probe.packets import pcapng  # it loads scapy, which takes a second of a small computer
        from probe.privacy.redact import KnownIdentifiers

        users = KnownIdentifiers(*map(frozenset, known))
        kept = self._kept.packets if self._kept is not None else ()
        chosen = [packet for packet in kept if flow_of(packet[2], outgoing=packet[1]) in wanted]
        written = [(when, pcapng.rewrite(raw, users, outgoing=outgoing)) for when, outgoing, raw in chosen]
        packets = [(when, raw) for when, raw in written if raw is not None]
        pcapng.write_pcapng(path, packets)
        return len(packets)


def write_line(document: dict[str, Any]) -> None:
    """Write one JSON object on a line of stdout."""
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
