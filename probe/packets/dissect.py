"""Read raw IP packets into records. It uses no socket and no clock (P9)."""

import ipaddress
from dataclasses import dataclass, field
from typing import Any, Literal

from probe.packets.packet_headers import ICMP, ICMPV6, TCP, UDP, IPHeader, ports_of, read_ip, read_tcp, udp_length

QUOTED = 128  # bytes of an ICMP error's quotation that are kept
MOST_COMPARED = 32  # bytes of a reset's payload that are compared with those of known devices
DNS = 53
ERRORS = {ICMP: frozenset({3, 4, 5, 11, 12}), ICMPV6: frozenset({1, 2, 3, 4})}  # types that quote a packet
# types with the length of the quotation (RFC 4884): its place in the header, and its unit in bytes
QUOTATION_LENGTH = {(ICMP, 3): (5, 4), (ICMP, 11): (5, 4), (ICMP, 12): (5, 4), (ICMPV6, 1): (4, 8), (ICMPV6, 3): (4, 8)}
CHECKSUM_AT = {TCP: 16, UDP: 6}

Key = tuple[Literal["tcp", "udp"], int, str, int]  # protocol, local port, peer address, peer port


@dataclass(frozen=True)
class DissectedPacket:
    """Hold a packet that is kept: the key of its flow, and the fields of a PacketRecord.

    `hidden` are fields of a received reset that can reveal our address. They are compared and never written.
    """

    key: Key
    fields: dict[str, Any]
    hidden: dict[str, Any] = field(default_factory=dict)


def dissect(raw: bytes, *, outgoing: bool) -> DissectedPacket | None:
    """Return what is kept of a raw IP packet, None if nothing. Never raises."""
    packet = read_ip(raw)
    if packet is None:
        return None
    return _of_icmp(packet) if is_error(packet) else _of_flow(packet, outgoing)


def flow_of(raw: bytes, *, outgoing: bool) -> Key | None:
    """Return the flow of a packet or of the packet that it quotes. None if it is neither TCP nor UDP."""
    packet = read_ip(raw)
    if packet is None:
        return None
    if is_error(packet):
        seen = _of_icmp(packet)
        return None if seen is None else seen.key
    return _key(packet, outgoing)


def is_error(packet: IPHeader) -> bool:
    """Return whether the packet is an ICMP error about another packet."""
    return packet.payload[:1] != b"" and packet.payload[0] in ERRORS.get(packet.protocol, ())


def _key(packet: IPHeader, outgoing: bool) -> Key | None:
    ports = ports_of(packet.payload, packet.protocol)
    if ports is None:
        return None
    protocol: Literal["tcp", "udp"] = "tcp" if packet.protocol == TCP else "udp"
    source, destination = ports
    if outgoing:
        return protocol, source, packet.destination, destination
    return protocol, destination, packet.source, source


def _of_flow(packet: IPHeader, outgoing: bool) -> DissectedPacket | None:
    key = _key(packet, outgoing)
    if key is None:
        return None
    common = {"direction": "out" if outgoing else "in", "ttl": packet.ttl, "ipid": packet.identification}
    if key[0] == "udp":
        return (
            DissectedPacket(key, common | {"kind": "dns", "length": udp_length(packet.payload)})
            if key[3] == DNS
            else None
        )
    return _of_tcp(key, packet, common)


def _of_tcp(key: Key, packet: IPHeader, common: dict[str, Any]) -> DissectedPacket | None:
    """Return a SYN/ACK or a reset.

    The IP-ID of a received reset is hidden. Some censors compute it from our address modulo the window
    (`device_prints.py` has the arithmetic), so that a few resets reveal the address.
    """
    tcp = read_tcp(packet.payload)
    kind = "" if tcp is None else "rst" if "R" in tcp.flags else "synack" if {"S", "A"} <= set(tcp.flags) else ""
    if tcp is None or not kind:
        return None
    fields = {"kind": kind, "length": len(tcp.payload), "window": tcp.window, "flags": tcp.flags}
    fields |= {"sequence": tcp.sequence, "acknowledgment": tcp.acknowledgment}
    if kind == "synack" or common["direction"] == "out":
        return DissectedPacket(key, common | fields)
    compared = tcp.payload[:MOST_COMPARED].hex()
    hidden = {"ipid": packet.identification, "destination": packet.destination, "payload": compared}
    return DissectedPacket(key, common | fields | {"ipid": None, "dont_fragment": packet.dont_fragment}, hidden)


def _of_icmp(packet: IPHeader) -> DissectedPacket | None:
    """Return an ICMP error with the flow of the packet that it quotes."""
    quoted = quotation(packet)
    inner = read_ip(quoted)
    ports = None if inner is None else ports_of(inner.payload, inner.protocol)
    if inner is None or ports is None:
        return None
    sender, peer = packet.source, inner.destination
    fields = {
        "direction": "in",
        "kind": "icmp",
        "ttl": packet.ttl,
        "ipid": packet.identification,
        "icmp_type": packet.payload[0],
        "icmp_code": packet.payload[1],
        "sender": "" if sender == peer or not ipaddress.ip_address(sender).is_global else sender,
        "quoted": without_user(quoted).hex(),
    }
    return DissectedPacket(("tcp" if inner.protocol == TCP else "udp", ports[0], peer, ports[1]), fields)


def quotation(packet: IPHeader) -> bytes:
    """Return the quoted packet, without what a router adds to its error."""
    header, quoted = packet.payload[:8], packet.payload[8:]
    place, unit = QUOTATION_LENGTH.get((packet.protocol, header[0]), (0, 0))
    length = header[place] * unit if len(header) == 8 else 0
    return quoted[:length] if length else quoted


def without_user(quoted: bytes) -> bytes:
    """Return a quoted packet with the user's address, and the checksums that depend on it, set to zero."""
    raw = bytearray(quoted[:QUOTED])
    if raw[0] >> 4 == 4:
        raw[10:12], raw[12:16] = bytes(2), bytes(4)
        header, transport = (raw[0] & 15) * 4, raw[9]
    else:
        raw[8:24] = bytes(16)
        header, transport = 40, raw[6]
    checksum = header + CHECKSUM_AT.get(transport, len(raw))
    if checksum + 2 <= len(raw):
        raw[checksum : checksum + 2] = bytes(2)
    return bytes(raw)
