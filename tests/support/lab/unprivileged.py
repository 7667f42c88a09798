"""Become a user without any right, who reaches this Python and this checkout at their paths, wherever they are.

A checkout below /root cannot be entered by that user. Root therefore shows it to that process alone: in a mount
namespace of its own, a tmpfs hides the private folder, and only the needed folders stand in it, at their paths.
"""

import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from probe.lab.sandbox import kernel
from tests.support.lab.inside_lab import ROOT

NOBODY = 65534
NEEDED = (str(ROOT), sys.prefix, sys.base_prefix, *filter(os.path.isdir, sys.path))


def become_nobody(more: Sequence[Path] = ()) -> None:
    """Become NOBODY, with the needed folders and `more` within reach. Call this as root, in a fork before its exec."""
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
    os.setgid(NOBODY)
    os.setuid(NOBODY)
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
