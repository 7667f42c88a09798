"""Run a function of a test module on a disk of a chosen size: a tmpfs that only the function's process sees."""

import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probe.lab.sandbox import kernel
from probe.lab.sandbox.user_mapping import map_identity
from tests.support.lab.inside_lab import ROOT

LARGE = 256 << 20  # bytes
MS_RDONLY, MS_REMOUNT = 1, 32


class Disk:
    """Hold the mounted folder. Its size can change at any time, but never below what is used."""

    def __init__(self, folder: Path) -> None:
        kernel.unshare(kernel.CLONE_NEWNS | (kernel.CLONE_NEWUSER if os.geteuid() else 0))
        if os.geteuid():
            map_identity(os.getpid())
        kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)  # no mount here reaches the machine
        folder.mkdir(exist_ok=True)
        kernel.mount("disk", str(folder), "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, f"size={LARGE},mode=755")
        self.folder = folder

    def resize(self, size: int) -> None:
        self._remount(f"size={max(size, 4096)}")  # 0 means no limit

    def leave(self, space: int) -> None:
        """Let the disk take so many bytes more."""
        now = os.statvfs(self.folder)
        self.resize((now.f_blocks - now.f_bfree) * now.f_frsize + space)

    def leave_no_name(self) -> None:
        """Let the disk take no further file."""
        now = os.statvfs(self.folder)
        self._remount(f"nr_inodes={now.f_files - now.f_ffree}")

    def make_space(self) -> None:
        self._remount(f"size={LARGE},nr_inodes=100000")

    def forbid_writing(self) -> None:
        self._remount(f"size={LARGE}", MS_RDONLY)

    def empty(self) -> None:
        """Remove everything on it, and give it its full size again."""
        self.make_space()
        for path in self.folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _remount(self, options: str, flags: int = 0) -> None:
        protection = kernel.MS_NOSUID | kernel.MS_NODEV  # flags that a user namespace may not take away
        kernel.mount("disk", str(self.folder), None, MS_REMOUNT | protection | flags, options)


def on_small_disk(function: Callable[..., Any], folder: Path, *arguments: Any) -> Any:
    """Return what `function(disk, *arguments)` returns. Arguments and result are values that JSON has."""
    program = [sys.executable, "-m", "tests.support.lab.small_disk", function.__module__, function.__name__]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    words = [*program, str(folder / "disk"), json.dumps(arguments)]
    done = subprocess.run(words, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    module, name, where, given = sys.argv[1:]
    disk = Disk(Path(where))
    print("\n" + json.dumps(getattr(importlib.import_module(module), name)(disk, *json.loads(given))))
