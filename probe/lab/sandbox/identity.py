"""Says who is who in a new user namespace: everybody as root, otherwise only ourselves, under the same numbers."""

import os
from pathlib import Path

from probe.lab.sandbox.kernel import Refused


def _same(path: str) -> str:
    """Every id that exists out here, mapped to itself."""
    lines = [line.split() for line in Path(path).read_text().splitlines()]
    return "".join(f"{first} {first} {count}\n" for first, _, count in lines)


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text)
    except OSError as error:
        raise Refused(error.errno, f"{path.name}: {error.strerror}") from error


def map_identity(process: int) -> None:
    """Writes the maps of the user namespace that `process` has just made; raises Refused.

    Ids stay the same inside, so that files belong to the caller and a command that is not root outside is not root
    inside.
    """
    folder = Path(f"/proc/{process}")
    if os.geteuid() == 0:
        users, groups = _same("/proc/self/uid_map"), _same("/proc/self/gid_map")
    else:
        users, groups = f"{os.geteuid()} {os.geteuid()} 1\n", f"{os.getegid()} {os.getegid()} 1\n"
        _write(folder / "setgroups", "deny")  # the kernel's condition for writing one's own gid_map
    _write(folder / "uid_map", users)
    _write(folder / "gid_map", groups)
