"""Read the headers of a raw IP packet with `struct`, because scapy needs 60 MB and a second of a small computer.

It uses no socket and no clock (P9).
"""

import ipaddress
import struct
from dataclasses import dataclass

ICMP, TCP, UDP, ICMPV6 = 1, 6, 17, 58  # protocol numbers
_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS = 0, 43, 44, 51, 60  # extension headers of IPv6
_IPV4, _IPV6 = struct.Struct("!BxHHHBBxx4s4s"), struct.Struct("!4xHBB16s16s")
_FLAG_LETTERS = "FSRPAUECN"  # from the lowest bit


@dataclass(frozen=True, slots=True)
class IPHeader:
    """Hold the header of an IP packet. `payload` begins with the header of the transport."""

    version: int
    source: str
    destination: str
    ttl: int
    identification: int | None  # IPv4 only
    dont_fragment: bool | None  # IPv4 only
    protocol: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class TCPHeader:
    """Hold the header of a TCP segment, and the bytes after it."""

    source: int
    destination: int
    sequence: int
    acknowledgment: int
    flags: str  # as letters: "SA", "R", "RA"
    window: int
    payload: bytes


def read_ip(raw: bytes) -> IPHeader | None:
    """Return the header of an IP packet. None if it cannot be read, or is a fragment without transport header."""
    try:
        return {4: _read_ipv4, 6: _read_ipv6}[raw[0] >> 4](raw)
    except (IndexError, KeyError, struct.error):
        return None


def _read_ipv4(raw: bytes) -> IPHeader | None:
    first, total, identification, fragment, ttl, protocol, source, destination = _IPV4.unpack_from(raw)
    header = (first & 15) * 4
    if header < 20 or fragment & 0x1FFF:
        return None
    payload = raw[header : total if total >= header else len(raw)]  # the kernel sets no length in merged packets
    ends = _address(source), _address(destination)
    return IPHeader(4, *ends, ttl, identification, bool(fragment & 0x4000), protocol, payload)


def _read_ipv6(raw: bytes) -> IPHeader | None:
    length, protocol, ttl, source, destination = _IPV6.unpack_from(raw)
    payload = raw[40 : 40 + length if length else len(raw)]
    while protocol in {_HOP_BY_HOP, _ROUTING, _FRAGMENT, _AUTHENTICATION, _OPTIONS}:
        if protocol == _FRAGMENT and int.from_bytes(payload[2:4], "big") >> 3:
            return None
        protocol, payload = payload[0], payload[_extension_length(protocol, payload) :]
    return IPHeader(6, _address(source), _address(destination), ttl, None, None, protocol, payload)


def _extension_length(protocol: int, payload: bytes) -> int:
    if protocol == _FRAGMENT:
        return 8
    return (payload[1] + 2) * 4 if protocol == _AUTHENTICATION else (payload[1] + 1) * 8


def _address(packed: bytes) -> str:
    return str(ipaddress.ip_address(packed))


def ports_of(payload: bytes, protocol: int) -> tuple[int, int] | None:
    """Return the ports of a TCP or UDP header, of which eight bytes are enough. None if it has none."""
    if protocol not in {TCP, UDP} or len(payload) < 8:
        return None
    source, destination = struct.unpack_from("!HH", payload)
    return source, destination


def read_tcp(segment: bytes) -> TCPHeader | None:
    """Return the header of a TCP segment, None if it is cut."""
    if len(segment) < 20:
        return None
    source, destination, sequence, acknowledgment, bits, window = struct.unpack_from("!HHIIHH", segment)
    flags = "".join(letter for place, letter in enumerate(_FLAG_LETTERS) if bits >> place & 1)
    payload = segment[max(20, (bits >> 12) * 4) :]
    return TCPHeader(source, destination, sequence, acknowledgment, flags, window, payload)


def udp_length(datagram: bytes) -> int:
    """Return the number of bytes after a UDP header."""
    length = int.from_bytes(datagram[4:6], "big")
    return max(0, min(len(datagram), length) - 8)
