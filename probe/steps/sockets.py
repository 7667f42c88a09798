"""Make the socket of a step. No step makes one elsewhere, so that the guard is asked for every address (P7)."""

import ipaddress
import socket

from probe.formats import failures as f
from probe.session.classify import LocalFailure
from probe.targets.address_guard import Contacts, Elsewhere, may_contact


def open_socket(ip: str, kind: socket.SocketKind, contacts: Contacts | Elsewhere) -> socket.socket:
    """Return a non-blocking socket for `ip` (a literal). It is connected to no other address.

    Raises LocalFailure if the run may not contact the address. No socket is made then.
    """
    if not may_contact(ip, contacts):
        raise LocalFailure(f.NOT_CONTACTED)
    version = ipaddress.ip_address(ip).version
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
