"""Name the operating system, and ask its own modules and programs."""

import importlib
import subprocess
import sys
from typing import Any

# Python up to 3.12 calls Android "linux", later versions "android" (PEP 738).
LINUX_KERNELS = frozenset({"linux", "android"})
_PATIENCE = 2.0  # seconds for a program of the system
_NAMES = {"darwin": "macos", "win32": "windows", "cygwin": "windows"}


def has_linux_kernel() -> bool:
    """Return whether the kernel is Linux, as under Android."""
    return sys.platform in LINUX_KERNELS


def is_android() -> bool:
    """Return whether this is Android, Termux included."""
    return hasattr(sys, "getandroidapilevel") or sys.platform == "android"


def is_windows() -> bool:
    return _NAMES.get(sys.platform) == "windows"


def platform_name() -> str:
    """Return OONI's word for the system: android, freebsd, ios, linux, macos, windows, or Python's own."""
    if is_android():
        return "android"
    return _NAMES.get(sys.platform, "freebsd" if sys.platform.startswith("freebsd") else sys.platform)


def system_module(name: str) -> Any:
    """Return a module that only some systems have, None elsewhere."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def output_of(*command: str) -> str:
    """Return what a program of the system prints, "" if it is missing or fails."""
    try:
        done = subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=_PATIENCE, encoding="utf-8", errors="replace"
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout if done.returncode == 0 else ""
