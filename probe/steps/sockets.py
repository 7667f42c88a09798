"""Make the socket of a step. No step makes one elsewhere, so that the guard is asked for every address (P7)."""

import ipaddress
import socket

from probe.formats import failures as f
from probe.platforms.systems import has_linux_kernel
from probe.session.classify import LocalFailure
from probe.targets.address_guard import Contacts, Elsewhere, may_contact


def open_socket(
    ip: str, kind: socket.SocketKind, contacts: Contacts | Elsewhere, *, way: str | None = None
) -> socket.socket:
    """Return a non-blocking socket for `ip` (a literal). It is connected to no other address.

    `way` is the address that packets for `ip` are sent to, if a translator has another one for it (`Pace.way_to`).

    Raises LocalFailure if the run may not contact the address. No socket is made then.
    """
    if not may_contact(ip, contacts):
        raise LocalFailure(f.NOT_CONTACTED)
    version = ipaddress.ip_address(way or ip).version
    sock = socket.socket(socket.AF_INET6 if version == 6 else socket.AF_INET, kind)
    sock.setblocking(False)
    return sock


def limit_segments(sock: socket.socket, size: int) -> bool:
    """Make `size` (bytes) the longest TCP segment in both directions, before the connect. Return whether it is.

    The SYN announces the size (RFC 9293, 3.7.1), so that the peer's segments shrink too. Some systems do not have the
    option, or refuse a size above their default.
    """
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, size)
    except (AttributeError, OSError):
        return False
    return True


def limit_unread(sock: socket.socket, size: int) -> None:
    """Let the kernel hold about `size` unread bytes of a TCP connection, after the connect. Elsewhere than on Linux
    nothing changes.

    The window in the SYN stays that of the system. Segments beyond a full buffer are dropped, and the window is then 0
    until the process reads. TCP_WINDOW_CLAMP is no replacement. Linux 6.18 sets it anew when the first full segment
    arrives.
    """
    if has_linux_kernel():
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)  # the kernel doubles it for its own overhead
