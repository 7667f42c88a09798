"""Verify that the user's namespace reaches only the lab, before a command runs in it."""

import os
import socket
from pathlib import Path

from probe.messages import tr

# Some kernels add these to each new network namespace when a tunnel module is loaded. While down they carry nothing.
KERNEL_TUNNELS = frozenset(
    {"tunl0", "gre0", "gretap0", "erspan0", "sit0", "ip_vti0", "ip6_vti0", "ip6tnl0", "ip6gre0", "teql0"}
)


def network_inode() -> int:
    """Return the inode number of this process's network namespace."""
    return os.stat("/proc/self/ns/net").st_ino


def _is_up(interface: str) -> bool:
    flags = Path("/sys/class/net", interface, "flags")
    return not flags.exists() or bool(int(flags.read_text(), 16) & 1)


def find_leak(callers_inode: int, own: str = "eth0", beside: str = "") -> str | None:
    """Return a sentence about the first leak, None if only the lab can be reached, over interface `own`.

    `beside` is another interface that the lab made, if any.
    """
    if network_inode() == callers_inode:
        return tr("The lab is not separated from your network: both have the same network namespace.")
    interfaces = {name for _, name in socket.if_nameindex()}
    others = {name for name in interfaces - {"lo", own, beside} if name not in KERNEL_TUNNELS or _is_up(name)}
    if others:
        names = ", ".join(sorted(others))
        return tr("The lab can reach network interfaces that it did not create: {names}.", names=names)
    if own not in interfaces:
        return tr("The network interface {name} of the lab is missing.", name=own)
    return None
