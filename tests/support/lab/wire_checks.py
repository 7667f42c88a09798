"""Check lengths and checksums of packets by the definition of RFC 1071, not with the code under test."""

import struct

from probe.lab.net.packets import Packet


def sums_to_ones(data: bytes) -> bool:
    """Return True if the one's complement sum over data and checksum is all ones."""
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total == 0xFFFF


def is_correct(raw: bytes) -> bool:
    """Return True if the lengths and all checksums of an IP packet are correct."""
    packet = Packet(raw)
    body = raw[packet.offset :]
    if packet.version == 4 and (not sums_to_ones(raw[: packet.offset]) or int.from_bytes(raw[2:4], "big") != len(raw)):
        return False
    if packet.version == 6 and int.from_bytes(raw[4:6], "big") != len(raw) - 40:
        return False
    if packet.protocol == 1:
        return sums_to_ones(body)
    if packet.protocol == 17 and body[6:8] == b"\0\0":
        return packet.version == 4
    pseudo = packet.source + packet.destination + struct.pack(">II", len(body), packet.protocol)
    return sums_to_ones(pseudo + body)
