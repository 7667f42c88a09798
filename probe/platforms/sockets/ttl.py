"""Set a socket's TTL and read which router reported that it ended, without root (Linux, Android).

With `IP_RECVERR` (ip(7), ipv6(7)) the kernel keeps ICMP errors in a queue of the socket, with the router's address.
"""

import ipaddress
import socket
import struct
import sys
from dataclasses import dataclass

from probe.platforms.systems import has_linux_kernel

# From <linux/in.h> and <linux/in6.h>. Python's socket module does not name all of them.
IP_RECVERR, IPV6_RECVERR = 11, 25
_IP_MINTTL, _IPV6_MINHOPCOUNT = 21, 73
_IP_RECVTTL, _IPV6_RECVHOPLIMIT = 12, 51
TTL_MESSAGES = {(socket.IPPROTO_IP, socket.IP_TTL), (socket.IPPROTO_IPV6, getattr(socket, "IPV6_HOPLIMIT", 52))}
ERROR_MESSAGES = {(socket.IPPROTO_IP, IP_RECVERR), (socket.IPPROTO_IPV6, IPV6_RECVERR)}
MOST_AT_ONCE = 64

_ERRQUEUE = getattr(socket, "MSG_ERRQUEUE", 0)
# struct sock_extended_err of <linux/errqueue.h>, followed by the sender's address
_EXTENDED = struct.Struct("=IBBBBII")
_TIME_EXCEEDED = {(2, 11), (3, 3)}  # (SO_EE_ORIGIN_ICMP, RFC 792), (SO_EE_ORIGIN_ICMP6, RFC 4443, 3.3)


@dataclass(frozen=True)
class Told:
    """Hold one ICMP error: its errno, its sender, the part of our payload that it quotes, and its TTL on arrival."""

    number: int
    expired: bool  # ICMP time exceeded
    sender: str  # "" if the kernel does not know it
    quoted: bytes
    ttl: int = 0  # 0: the kernel does not tell it


def tells_icmp_errors() -> bool:
    """Return whether this system says which router reported an error. Without it no hop can be found."""
    return has_linux_kernel() and hasattr(socket, "MSG_ERRQUEUE") and hasattr(socket.socket, "recvmsg")


def is_sixth(sock: socket.socket) -> bool:
    """Tell whether the socket uses IPv6."""
    return sock.family == socket.AF_INET6


def set_ttl(sock: socket.socket, ttl: int) -> None:
    """Limit later packets, retransmissions included, to `ttl` hops. -1 restores the system's default."""
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, ttl)
    else:
        sock.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)


def hear_from_afar(sock: socket.socket, least: int) -> None:
    """Make the kernel drop TCP segments that arrive with a TTL below `least` (RFC 5082)."""
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_MINHOPCOUNT, least)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_MINTTL, least)


def ask_for_ttl(sock: socket.socket) -> None:
    """Let received datagrams and ICMP errors come with their TTL (hop limit). Linux and Android only."""
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVHOPLIMIT, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, _IP_RECVTTL, 1)


def ttl_in(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """Return the TTL in the control messages of a received packet, None without one."""
    for level, kind, data in ancillary:
        if (level, kind) in TTL_MESSAGES and len(data) >= 4:
            return int(struct.unpack("=i", data[:4])[0])
    return None


def keep_errors(sock: socket.socket, *, kept: bool = True) -> None:
    """Deliver ICMP errors to the socket's own queue, or no longer. The connection goes on. Linux and Android only."""
    if not tells_icmp_errors():
        return
    if is_sixth(sock):
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, int(kept))
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, int(kept))


def told_by_icmp(sock: socket.socket) -> list[Told]:
    """Return and remove all ICMP errors in the socket's queue."""
    found: list[Told] = []
    if not tells_icmp_errors():
        return found
    for _ in range(MOST_AT_ONCE):
        try:
            quoted, ancillary, _, _ = getattr(sock, "recvmsg")(1500, 512, _ERRQUEUE)  # noqa: B009  # Windows has none
        except OSError:
            break
        ttl = ttl_in(ancillary) or 0
        found += [_read(data, quoted, ttl) for level, kind, data in ancillary if (level, kind) in ERROR_MESSAGES]
    return found


def _read(data: bytes, quoted: bytes, ttl: int) -> Told:
    if len(data) < _EXTENDED.size:
        return Told(0, False, "", quoted)
    number, origin, kind, _, _, _, _ = _EXTENDED.unpack_from(data)
    return Told(number, (origin, kind) in _TIME_EXCEEDED, _sender(data[_EXTENDED.size :]), quoted, ttl)


def _sender(name: bytes) -> str:
    """Return the address in a struct sockaddr_in or sockaddr_in6, or ""."""
    family = int.from_bytes(name[:2], sys.byteorder)
    if family == socket.AF_INET and len(name) >= 8:
        return str(ipaddress.IPv4Address(name[4:8]))
    if family == socket.AF_INET6 and len(name) >= 24:
        return str(ipaddress.IPv6Address(name[8:24]))
    return ""
