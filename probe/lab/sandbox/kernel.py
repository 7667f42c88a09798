"""Call the Linux functions that Python 3.11 lacks: unshare, setns, mount, prctl, and sysctl files."""

import ctypes
import os
import signal
import struct
from contextlib import suppress
from pathlib import Path

CLONE_NEWNS = 0x00020000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_NOEXEC = 2, 4, 8
MS_BIND, MS_REC, MS_PRIVATE = 4096, 16384, 1 << 18

PR_SET_PDEATHSIG = 1
CAPABILITIES_V3 = 0x20080522  # linux/capability.h: two sets of 32 bits

_libc = ctypes.CDLL(None, use_errno=True)


class Refused(OSError):
    """Report that the kernel, or the container, refuses what the lab needs."""


def _checked(result: int, call: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise Refused(number, f"{call}: {os.strerror(number)}")


def unshare(flags: int) -> None:
    """Move this process into new namespaces (unshare(2)). Raises Refused."""
    _checked(_libc.unshare(flags), "unshare")


def setns(descriptor: int, kind: int) -> None:
    """Move this process into the namespace of `descriptor` (setns(2)). Raises Refused."""
    _checked(_libc.setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str | None = None, flags: int = 0, data: str | None = None) -> None:
    """Mount a file system (mount(2)). Raises Refused, which names the target."""
    encoded = [None if word is None else word.encode() for word in (source, target, kind)]
    options = None if data is None else data.encode()
    _checked(_libc.mount(*encoded, ctypes.c_ulong(flags), options), f"mount {target}")


def end_with_parent() -> None:
    """Request SIGKILL for this process when its parent ends. Call it again after a change of credentials."""
    _checked(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")


def raise_priority() -> None:
    """Let this process and its children run before all that are not (sched(7), SCHED_RR).

    Only root may, and not in a user namespace. For others nothing changes.
    """
    with suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_RR, os.sched_param(os.sched_get_priority_min(os.SCHED_RR)))


def lower_priority() -> None:
    """Let this process and its children run as usual again."""
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def drop_capabilities() -> None:
    """Give up every capability, as the start of a program does for a user who is not root (capabilities(7))."""
    _checked(_libc.capset(struct.pack("=Ii", CAPABILITIES_V3, 0), bytes(2 * 3 * 4)), "capset")


def write_sysctl(name: str, value: str) -> None:
    """Set a kernel setting of this network namespace, `name` as in sysctl(8). Raises OSError."""
    Path("/proc/sys", *name.split(".")).write_text(value)
