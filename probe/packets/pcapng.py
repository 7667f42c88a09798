"""Write anonymized packets to a pcapng file. The only file of the probe that imports scapy.

It uses no socket and no clock (P9).
"""

import struct

from scapy.config import conf
from scapy.error import Scapy_Exception
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror
from scapy.layers.inet6 import IPerror6, IPv6, _ICMPv6Error
from scapy.packet import NoPayload, Packet, Raw
from scapy.utils import PcapNgWriter

from probe.packets.dissect import without_user
from probe.privacy.redact import KnownIdentifiers, holds_known

conf.route.routes = []  # no packet is sent here, so the computer's routes are not needed
USER_ADDRESS = {4: "192.0.2.1", 6: "2001:db8::1"}  # the user's addresses in a pcapng file (RFC 5737, RFC 3849)
TLS_HANDSHAKE = 0x16
LINKTYPE_RAW = 101  # IPv4 or IPv6, by the first four bits
# What scapy's dissectors raise for a truncated or malformed packet. Such a packet is not written.
MALFORMED = (Scapy_Exception, AttributeError, TypeError, ValueError, IndexError, KeyError, struct.error)


def rewrite(raw: bytes, known: KnownIdentifiers, *, outgoing: bool) -> bytes | None:
    """Return the packet without data of the user: address replaced, checksums recomputed, payloads zeroed (P6).

    Only TLS handshake records and DNS queries keep their payload, since they hold names of services. A payload with
    anything that is `known` of the user is zeroed too, because a device on the path can write records. TCP timestamps
    are zeroed, because they show the uptime of the computer. So is the IP-ID of received resets, in which some censors
    code the address. None for packets that cannot be read.
    """
    packet = _parse(raw)
    if packet is None:
        return None
    try:
        return _rewritten(packet, known, outgoing)
    except MALFORMED:
        return None  # a packet that scapy cannot read must not be written


def _parse(raw: bytes) -> Packet | None:
    version = raw[0] >> 4 if raw else 0
    try:
        return {4: IP, 6: IPv6}[version](raw)
    except MALFORMED:
        return None


def _error(packet: Packet) -> Packet | None:
    """Return the ICMP layer of an error about another packet, None for other packets."""
    if isinstance(packet, IPv6):
        return packet.getlayer(_ICMPv6Error, _subclass=True)
    icmp = packet.getlayer(ICMP)
    return icmp if icmp is not None and icmp.type in {3, 4, 5, 11, 12} else None


def _rewritten(packet: Packet, known: KnownIdentifiers, outgoing: bool) -> bytes | None:
    version = 4 if isinstance(packet, IP) else 6
    if outgoing:
        packet.src = USER_ADDRESS[version]
    else:
        packet.dst = USER_ADDRESS[version]
    for field in ("len", "chksum") if version == 4 else ("plen",):
        setattr(packet, field, None)
    if _error(packet) is not None:
        return _icmp_rewritten(packet)
    if packet.haslayer(TCP):
        _clean_tcp(packet[TCP], known)
        if version == 4 and not outgoing and packet[TCP].flags.R:
            packet.id = 0  # some censors code the user's address in it (probe/signatures/device_prints.py)
    elif packet.haslayer(UDP):
        _clean_udp(packet[UDP], known, outgoing)
    else:
        return None
    return bytes(packet)


def _clean_tcp(tcp: Packet, known: KnownIdentifiers) -> None:
    tcp.options = [(name, (0, 0) if name == "Timestamp" else value) for name, value in tcp.options]
    payload = bytes(tcp.payload)
    is_handshake = payload[:1] == bytes([TLS_HANDSHAKE])
    tcp.chksum = None
    _put(tcp, payload if is_handshake and not holds_known(payload, known) else bytes(len(payload)))


def _clean_udp(udp: Packet, known: KnownIdentifiers, outgoing: bool) -> None:
    payload = bytes(udp.payload)
    is_query = outgoing and udp.dport == 53
    udp.chksum = udp.len = None
    _put(udp, payload if is_query and not holds_known(payload, known) else bytes(len(payload)))


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
    quoted = without_user(inner.original)
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
