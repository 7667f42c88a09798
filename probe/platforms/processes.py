"""Ask for the processors and the memory of this process, limit them, and name its user."""

import mmap
import os
from pathlib import Path

from probe.platforms.systems import system_module

Account = tuple[str, str]  # name, home folder


def available_cores() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def lower_priority(niceness: int) -> None:
    """Let other processes go first. Windows has no such call."""
    if hasattr(os, "nice"):
        os.nice(niceness)


def keep_private() -> None:
    """Let this process write no core dump, and only files for this user. Windows has other rights."""
    os.umask(0o077)
    if (resource := system_module("resource")) is not None:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def limit_memory(more: int) -> None:
    """Let this process reserve at most `more` bytes more than it has (Linux)."""
    resource = system_module("resource")
    try:
        most = _statm("self")[5] + more  # data and stack
    except FileNotFoundError:
        return
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


def held_bytes(pid: int) -> int:
    """Return the bytes of memory that a process holds alone. 0 if it has ended or the system does not tell."""
    try:
        _, resident, shared, *_ = _statm(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return resident - shared


def is_own(owner: int) -> bool:
    """Return whether a file with this owner (`st_uid`) is this user's. Windows names no owner."""
    return not hasattr(os, "geteuid") or owner == os.geteuid()


def account() -> Account | None:
    """Return name and home of the current account, or None without one, as in a container or on Windows."""
    if (pwd := system_module("pwd")) is None or not hasattr(os, "getuid"):
        return None
    try:
        entry = pwd.getpwuid(os.getuid())
    except KeyError:
        return None
    return entry.pw_name, entry.pw_dir


def _statm(pid: int | str) -> list[int]:
    """Return the fields of statm (proc(5)) in bytes."""
    pages = Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()
    return [int(number) * mmap.PAGESIZE for number in pages]
