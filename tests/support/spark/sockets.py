"""Read the local and remote addresses of this process and its children from Linux."""

import os
import re
import socket
from pathlib import Path

_MAPPED = "::ffff:"  # an IPv4-mapped address of Java's sockets (RFC 4291, section 2.5.5.2)


def addresses_here() -> set[str]:
    """Return the addresses of every TCP and UDP socket, with the remote ones of connected sockets."""
    inodes = {inode for pid in [os.getpid(), *_children(os.getpid())] for inode in _sockets(pid)}
    found = set[str]()
    for table in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
            cells = line.split()
            if cells[9] in inodes:
                found |= {_address(end.partition(":")[0]) for end in cells[1:3] if not end.endswith(":0000")}
    return found


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    own = [int(child) for task in tasks for child in task.read_text().split() if not _has_ended(int(child))]
    return own + [grandchild for child in own for grandchild in _children(child)]


def _has_ended(pid: int) -> bool:
    """Return whether a process waits for its parent to notice its end. It has no sockets, and no user may read them."""
    return " Z " in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2][:4]


def _sockets(pid: int) -> set[str]:
    found = set[str]()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.update(re.findall(r"socket:\[(\d+)\]", os.readlink(link)))
        except FileNotFoundError:
            continue  # closed since the listing
    return found


def _address(hexadecimal: str) -> str:
    """Convert an address of /proc/net, which has words in the machine's byte order (proc(5))."""
    words = [bytes.fromhex(hexadecimal[start : start + 8])[::-1] for start in range(0, len(hexadecimal), 8)]
    raw = b"".join(words)
    return socket.inet_ntop(socket.AF_INET if len(raw) == 4 else socket.AF_INET6, raw).removeprefix(_MAPPED)
