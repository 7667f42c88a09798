"""Map users and groups into a new user namespace: all of them as root, otherwise only the caller."""

import os
from pathlib import Path

from probe.lab.sandbox.kernel import Refused


def _same(path: str) -> str:
    """Return a map of each id of the caller's namespace to itself."""
    lines = [line.split() for line in Path(path).read_text().splitlines()]
    return "".join(f"{first} {first} {count}\n" for first, _, count in lines)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Refused(error.errno, f"{path.name}: {error.strerror}") from error


def map_identity(process: int) -> None:
    """Write the id maps of the user namespace that `process` has just created. Raises Refused.

    Ids stay the same in the lab. Files then belong to the caller, and a command gains no root rights.
    """
    folder = Path(f"/proc/{process}")
    if os.geteuid() == 0:
        users, groups = _same("/proc/self/uid_map"), _same("/proc/self/gid_map")
    else:
        users, groups = f"{os.geteuid()} {os.geteuid()} 1\n", f"{os.getegid()} {os.getegid()} 1\n"
        _write(folder / "setgroups", "deny")  # the kernel demands this before an unprivileged process writes gid_map
    _write(folder / "uid_map", users)
    _write(folder / "gid_map", groups)
