"""Read the TCP sockets of a network namespace from /proc."""

import ipaddress
import sys
from pathlib import Path
from typing import NamedTuple

LISTENING = "0A"  # state of a socket in /proc/net/tcp


class Row(NamedTuple):
    """Hold one TCP socket of /proc/net/tcp: peer address and state, both hexadecimal."""

    remote: str
    state: str


def tcp_rows(pid: int) -> list[Row]:
    """Return the TCP sockets in the network namespace of `pid`, none if the process has ended."""
    found: list[Row] = []
    for table in (f"/proc/{pid}/net/tcp", f"/proc/{pid}/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue  # the process has ended, or the kernel has no IPv6
        found += [Row(row[2].partition(":")[0], row[3]) for row in rows]
    return found


def listens(pid: int) -> bool:
    """Return True if the network namespace of `pid` has a listening TCP socket."""
    return any(row.state == LISTENING for row in tcp_rows(pid))


def as_in_proc(address: str) -> str:
    """Return an address as /proc/net/tcp writes it: words of 32 bits in the machine's byte order."""
    packed = ipaddress.ip_address(address).packed
    words = (int.from_bytes(packed[at : at + 4], sys.byteorder) for at in range(0, len(packed), 4))
    return "".join(f"{word:08X}" for word in words)
