"""Read raw IP packets into records, and write anonymized packets. The only file of the probe that imports scapy.

It uses no socket and no clock (P9).
"""

import ipaddress
import struct
from dataclasses import dataclass
from typing import Any, Literal

from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, TCPerror, UDPerror
from scapy.layers.inet6 import IPerror6, IPv6, _ICMPv6Error
from scapy.packet import NoPayload, Packet, Raw
from scapy.utils import PcapNgWriter

conf.route.routes = []  # no packet is sent here, so the computer's routes are not needed
QUOTED = 128  # bytes of an ICMP error's quotation that are kept
USER_ADDRESS = {4: "192.0.2.1", 6: "2001:db8::1"}  # the user's addresses in a pcapng file (RFC 5737, RFC 3849)
TLS_HANDSHAKE = 0x16
LINKTYPE_RAW = 101  # IPv4 or IPv6, by the first four bits
# What scapy's dissectors raise for a truncated or malformed packet. Such a packet is no evidence.
MALFORMED = (Scapy_Exception, AttributeError, TypeError, ValueError, IndexError, KeyError, struct.error)

Key = tuple[Literal["tcp", "udp"], int, str, int]  # protocol, local port, peer address, peer port


@dataclass(frozen=True)
class Seen:
    """Hold a packet that is kept: the key of its flow, and the fields of a PacketRecord."""

    key: Key
    fields: dict[str, Any]


def dissect(raw: bytes, *, outgoing: bool) -> Seen | None:
    """Return what is kept of a raw IP packet, None if nothing. Never raises."""
    packet = _parse(raw)
    if packet is None:
        return None
    try:
        return _of_icmp(packet) if _is_error(packet) else _of_flow(packet, outgoing)
    except MALFORMED:
        return None


def flow_of(raw: bytes, *, outgoing: bool) -> Key | None:
    """Return the flow of a packet or of the packet that it quotes. None if it is neither TCP nor UDP."""
    packet = _parse(raw)
    if packet is None:
        return None
    if _is_error(packet):
        seen = dissect(raw, outgoing=outgoing)
        return None if seen is None else seen.key
    return _key(packet, outgoing)


def _parse(raw: bytes) -> Packet | None:
    version = raw[0] >> 4 if raw else 0
    try:
        return {4: IP, 6: IPv6}[version](raw)
    except MALFORMED:
        return None


def _is_error(packet: Packet) -> bool:
    return _error(packet) is not None


def _error(packet: Packet) -> Packet | None:
    """Return the ICMP layer of an error about another packet, None for other packets."""
    if isinstance(packet, IPv6):
        return packet.getlayer(_ICMPv6Error, _subclass=True)
    icmp = packet.getlayer(ICMP)
    return icmp if icmp is not None and icmp.type in {3, 4, 5, 11, 12} else None


def _key(packet: Packet, outgoing: bool) -> Key | None:
    protocol: Literal["tcp", "udp"] = "tcp" if packet.haslayer(TCP) else "udp"
    if not packet.haslayer(TCP) and not packet.haslayer(UDP):
        return None
    ports = packet[TCP] if protocol == "tcp" else packet[UDP]
    local, peer, address = (
        (ports.sport, ports.dport, packet.dst) if outgoing else (ports.dport, ports.sport, packet.src)
    )
    return protocol, int(local), _canonical(address), int(peer)


def _of_flow(packet: Packet, outgoing: bool) -> Seen | None:
    key = _key(packet, outgoing)
    if key is None:
        return None
    common = {"direction": "out" if outgoing else "in", "ttl": _ttl(packet), "ipid": _ipid(packet)}
    if key[0] == "udp":
        if key[3] != 53:
            return None
        return Seen(key, common | {"kind": "dns", "length": len(packet[UDP].payload)})
    tcp = packet[TCP]
    flags = str(tcp.flags)
    kind = "rst" if "R" in flags else "synack" if {"S", "A"} <= set(flags) else ""
    if not kind:
        return None
    more = {"window": int(tcp.window), "flags": flags, "sequence": int(tcp.seq), "acknowledgment": int(tcp.ack)}
    return Seen(key, common | {"kind": kind, "length": len(tcp.payload)} | more)


def _of_icmp(packet: Packet) -> Seen | None:
    """Return an ICMP error with the flow of the packet that it quotes."""
    inner = packet.getlayer(IPerror) or packet.getlayer(IPerror6)
    if inner is None:
        return None
    ports = inner.getlayer(TCPerror) or inner.getlayer(UDPerror)
    if ports is None:
        return None
    protocol: Literal["tcp", "udp"] = "tcp" if inner.haslayer(TCPerror) else "udp"
    error = _error(packet)
    assert error is not None
    sender, peer = _canonical(packet.src), _canonical(inner.dst)
    fields = {
        "direction": "in",
        "kind": "icmp",
        "ttl": _ttl(packet),
        "ipid": _ipid(packet),
        "icmp_type": int(error.type),
        "icmp_code": int(error.code),
        "sender": "" if sender == peer or not ipaddress.ip_address(sender).is_global else sender,
        "quoted": _without_user(inner).hex(),
    }
    return Seen((protocol, int(ports.sport), peer, int(ports.dport)), fields)


def _without_user(inner: Packet) -> bytes:
    """Return the quoted packet with the user's address, and the checksums that depend on it, set to zero."""
    raw = bytearray(inner.original[:QUOTED])
    if raw[0] >> 4 == 4:
        raw[10:12], raw[12:16] = bytes(2), bytes(4)
        header, transport = (raw[0] & 15) * 4, raw[9]
    else:
        raw[8:24] = bytes(16)
        header, transport = 40, raw[6]
    checksum = header + {6: 16, 17: 6}.get(transport, len(raw))
    if checksum + 2 <= len(raw):
        raw[checksum : checksum + 2] = bytes(2)
    return bytes(raw)


def _ttl(packet: Packet) -> int:
    return int(packet.ttl if isinstance(packet, IP) else packet.hlim)


def _ipid(packet: Packet) -> int | None:
    return int(packet.id) if isinstance(packet, IP) else None


def _canonical(address: str) -> str:
    return str(ipaddress.ip_address(address))


# -- anonymized packets for pcapng files ---------------------------------------------------------------------------


def rewrite(raw: bytes, *, outgoing: bool) -> bytes | None:
    """Return the packet without data of the user: address replaced, checksums recomputed, payloads zeroed (P6).

    Only TLS handshake records and DNS queries keep their payload, since they hold only names of services. TCP
    timestamps are zeroed, because they show the uptime of the computer. None for packets that cannot be read.
    """
    packet = _parse(raw)
    if packet is None:
        return None
    try:
        return _rewritten(packet, outgoing)
    except MALFORMED:
        return None  # a packet that scapy cannot read must not be written


def _rewritten(packet: Packet, outgoing: bool) -> bytes | None:
    version = 4 if isinstance(packet, IP) else 6
    if outgoing:
        packet.src = USER_ADDRESS[version]
    else:
        packet.dst = USER_ADDRESS[version]
    for field in ("len", "chksum") if version == 4 else ("plen",):
        setattr(packet, field, None)
    if _is_error(packet):
        return _icmp_rewritten(packet)
    if packet.haslayer(TCP):
        _clean_tcp(packet[TCP])
    elif packet.haslayer(UDP):
        _clean_udp(packet[UDP], outgoing)
    else:
        return None
    return bytes(packet)


def _clean_tcp(tcp: Packet) -> None:
    tcp.options = [(name, (0, 0) if name == "Timestamp" else value) for name, value in tcp.options]
    payload = bytes(tcp.payload)
    kept = payload if payload[:1] == bytes([TLS_HANDSHAKE]) else bytes(len(payload))
    tcp.chksum = None
    _put(tcp, kept)


def _clean_udp(udp: Packet, outgoing: bool) -> None:
    payload = bytes(udp.payload)
    is_query = outgoing and udp.dport == 53
    udp.chksum = udp.len = None
    _put(udp, payload if is_query else bytes(len(payload)))


def _put(layer: Packet, payload: bytes) -> None:
    layer.remove_payload()
    if payload:
        layer.add_payload(Raw(payload))
    elif not isinstance(layer.payload, NoPayload):
        raise ValueError("the payload was not removed")


def _icmp_rewritten(packet: Packet) -> bytes | None:
    inner = packet.getlayer(IPerror) or packet.getlayer(IPerror6)
    if inner is None:
        return None
    error = _error(packet)
    assert error is not None
    quoted = _without_user(inner)
    setattr(error, "cksum" if isinstance(packet, IPv6) else "chksum", None)
    _put(error, quoted)
    return bytes(packet)


def write_pcapng(path: str, packets: list[tuple[float, bytes]]) -> None:
    """Write packets, pairs of seconds since the epoch and raw IP packet, to a pcapng file. Raises OSError."""
    with PcapNgWriter(path) as writer:
        writer.linktype = LINKTYPE_RAW
        writer.write_header(None)
        for when, raw in packets:
            writer.write_packet(raw, sec=when)
