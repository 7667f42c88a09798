"""Open the wires between the namespaces and the fabric: TUN and TAP, or veth with AF_PACKET where TUN is refused.

A wire carries whole IP packets, one per `read` and `write`. This module adds and removes Ethernet headers.
"""

import array
import contextlib
import fcntl
import os
import socket
import struct
from dataclasses import dataclass

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_TAP, IFF_NO_PI = 0x0001, 0x0002, 0x1000
SIOCETHTOOL = 0x8946
# RX and TX checksums, scatter-gather, TSO, GSO, GRO (linux/ethtool.h). With any of these on, AF_PACKET shows
# incomplete checksums and segments of 64 kB, which a wire would not carry.
OFFLOADS = (0x15, 0x17, 0x19, 0x1F, 0x24, 0x2C)
ETH_P_ALL = 0x0003
SOL_PACKET, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING = 263, 20, 23
SO_RCVBUFFORCE = 33
BUFFER = 8 << 20
MTU = 1500

ETHERTYPES = {4: b"\x08\x00", 6: b"\x86\xdd"}


@dataclass(frozen=True)
class Wire:
    """Hold the fabric's end of a wire: a non-blocking descriptor, and one Ethernet header per IP version."""

    descriptor: int
    headers: dict[int, bytes] | None = None  # None: the descriptor carries bare IP packets

    def read(self) -> bytes | None:
        """Return the next IP packet, b"" for a frame without IP, None if nothing is waiting."""
        try:
            frame = os.read(self.descriptor, 65536)
        except BlockingIOError:
            return None
        if self.headers is None:
            return frame
        return frame[14:] if frame[12:14] in (b"\x08\x00", b"\x86\xdd") else b""

    def write(self, packet: bytes) -> None:
        """Send one IP packet. As on a real wire, it is lost if the other end cannot take it."""
        frame = packet if self.headers is None else self.headers[packet[0] >> 4] + packet
        with contextlib.suppress(OSError):
            os.write(self.descriptor, frame)


def ethernet_headers(destination: bytes, source: bytes) -> dict[int, bytes]:
    """Return the 14 bytes before an IP packet, by IP version."""
    return {version: destination + source + kind for version, kind in ETHERTYPES.items()}


def can_make_tun() -> bool:
    """Return True if this process may create TUN interfaces."""
    try:
        os.close(open_tun("lab-test"))
    except OSError:
        return False
    return True


def open_tun(name: str, *, ethernet: bool = False) -> int:
    """Create a TUN (or TAP) interface in this network namespace. Return its non-blocking descriptor. Raises OSError."""
    descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        flags = (IFF_TAP if ethernet else IFF_TUN) | IFF_NO_PI
        fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def switch_offloads_off(name: str) -> None:
    """Switch off all offloads of interface `name`. A kernel that does not know one of them does not use it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        for command in OFFLOADS:
            value = array.array("B", struct.pack("=II", command, 0))
            request = struct.pack("16sP16x", name.encode(), value.buffer_info()[0])
            with contextlib.suppress(OSError):
                fcntl.ioctl(any_socket, SIOCETHTOOL, request)


def open_packet_socket(name: str) -> int:
    """Open an AF_PACKET socket for the frames that arrive on interface `name`. Return its non-blocking descriptor."""
    with socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as end:
        end.setblocking(False)
        end.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        end.setsockopt(SOL_PACKET, PACKET_QDISC_BYPASS, 1)
        try:
            end.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        except OSError:
            end.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
        end.bind((name, ETH_P_ALL))
        return end.detach()
