"""How far a socket's packets go, and which router said that one went no further: without root, on Linux.

`IP_RECVERR` (ip(7), ipv6(7)) has the kernel keep ICMP errors in a queue of the socket's own, with the router's address.
"""

import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass

# <linux/in.h>, <linux/in6.h>: not all of them have names in Python's socket module.
IP_RECVERR, IPV6_RECVERR = 11, 25
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
ERROR_MESSAGES = {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}
MOST_AT_ONCE = 64
AVAILABLE = sys.platform == "linux"

_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0)
_EXTENDED = struct.Struct("=IBBBBII")  # struct sock_extended_err of <linux/errqueue.h>; the sender's address follows
_TIME_EXCEEDED = {(2, 11), (3, 3)}  # (SO_EE_ORIGIN_ICMP, RFC 792), (SO_EE_ORIGIN_ICMP6, RFC 4443 3.3)


@dataclass(frozen=True)
class Told:
    """One ICMP error: the errno that it stands for, who sent it, and what it quotes of our packet's payload."""

    number: int
    expired: bool  # time exceeded: the TTL ended there
    sender: str  # "" where the kernel does not say
    quoted: bytes


def is_sixth(sock: socket.socket) -> bool:
    """Say whether the socket speaks IPv6."""
    return sock.family == socket.AF_INET6


def set_ttl(sock: socket.socket, ttl: int) -> None:
    """Have the packets that leave from now on, retransmissions included, travel `ttl` hops. -1: the system's usual."""
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def hear_from_afar(sock: socket.socket, least: int) -> None:
    """Have the kernel drop what arrives with a TTL below `least` (RFC 5082), as if it had never come; TCP only."""
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least)


def keep_errors(sock: socket.socket) -> None:
    """Have ICMP errors reach the socket: a queue of its own, and a connection that goes on all the same."""
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def told_by_icmp(sock: socket.socket) -> list[Told]:
    """Empty the socket's queue of ICMP errors."""
    found: list[Told] = []
    if not AVAILABLE:
        return found
    for _ in range(MOST_AT_ONCE):
        try:
            quoted, ancillary, _, _ = sock.recvmsg(1500, 512, _ERRQUEUE)
        except OSError:
            break
        found += [_read(data, quoted) for level, kind, data in ancillary if (level, kind) in ERROR_MESSAGES]
    return found


def _read(data: bytes, quoted: bytes) -> Told:
    if len(data) < _EXTENDED.size:
        return Told(0, False, "", quoted)
    number, origin, kind, _, _, _, _ = _EXTENDED.unpack_from(data)
    return Told(number, (origin, kind) in _TIME_EXCEEDED, _sender(data[_EXTENDED.size :]), quoted)


def _sender(name: bytes) -> str:
    """The address in a struct sockaddr_in or sockaddr_in6; "" where there is none."""
    family = int.from_bytes(name[:2], sys.byteorder)
    if family == socket.AF_INET and len(name) >= 8:
        return str(ipaddress.IPv4Address(name[4:8]))
    if family == socket.AF_INET6 and len(name) >= 24:
        return str(ipaddress.IPv6Address(name[8:24]))
    return ""
