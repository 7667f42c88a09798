"""Proves, at the volunteer's place and before anything runs there, that it leads nowhere but into the lab."""

import os
import socket
from pathlib import Path

# What some kernels put into every new network namespace when a tunnel module is loaded; harmless while it is down.
KERNEL_TUNNELS = frozenset(
    {"tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0", "teql0"}
)


def network_inode() -> int:
    """The number of this process's network namespace."""
    return os.stat("/proc/self/ns/net").st_ino


def _is_up(interface: str) -> bool:
    flags = Path("/sys/class/net", interface, "flags")
    return not flags.exists() or bool(int(flags.read_text(), 16) & 1)


def find_leak(callers_inode: int, own: str = "eth0") -> str | None:
    """What speaks against running anything here, as a sentence; None when only the lab can be reached, over `own`."""
    if network_inode() == callers_inode:
        return "The lab's network namespace is the caller's own."
    interfaces = {name for _, name in socket.if_nameindex()}
    strangers = {name for name in interfaces - {"lo", own} if name not in KERNEL_TUNNELS or _is_up(name)}
    if strangers:
        return f"Interfaces that the lab did not make can be reached from inside: {', '.join(sorted(strangers))}."
    if own not in interfaces:
        return f"The lab's interface {own} is missing."
    return None
