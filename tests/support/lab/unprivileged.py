"""Become a user without rights that can read this Python and this checkout at their paths.

A checkout below /root cannot be entered by that user. Root therefore makes it visible to that process
alone. In a separate mount namespace, a tmpfs covers the private folder. It contains only the needed folders.
"""

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from probe.lab.sandbox import kernel
from tests.support.lab.inside_lab import ROOT

UNPRIVILEGED = 65534
NEEDED = (str(ROOT), sys.prefix, sys.base_prefix, *filter(os.path.isdir, sys.path))


def become_unprivileged(more: Sequence[Path] = ()) -> None:
    """Become the unprivileged user, which can read these folders and `more`. Call as root, between fork and exec."""
    folders = _outermost([os.path.realpath(path) for path in [*NEEDED, *more]])
    private = _outermost([hiding for folder in folders if (hiding := _private_parent(folder))])
    if private:
        kernel.unshare(kernel.CLONE_NEWNS)
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)  # no mount here reaches the machine
    shown = {folder: os.open(folder, os.O_PATH | os.O_DIRECTORY) for folder in folders}
    for hiding in private:
        kernel.mount("none", hiding, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=755")
        for folder in folders:
            if folder.startswith(hiding + "/"):
                os.makedirs(folder)
                kernel.mount(f"/proc/self/fd/{shown[folder]}", folder, None, kernel.MS_BIND | kernel.MS_REC)
    for descriptor in shown.values():
        os.close(descriptor)
    os.setgroups([])
    os.setgid(UNPRIVILEGED)
    os.setuid(UNPRIVILEGED)
    os.chdir(ROOT)


def _outermost(folders: Sequence[str]) -> list[str]:
    """Return the folders, in order, without those that are inside others."""
    inside = [folder for folder in folders if any(folder.startswith(other + "/") for other in folders)]
    return sorted(set(folders) - set(inside))


def _private_parent(folder: str) -> str | None:
    """Return the outermost folder above `folder` that others may not enter."""
    for parent in reversed(Path(folder).parents):
        if not parent.stat().st_mode & stat.S_IXOTH:
            return str(parent)
    return None
