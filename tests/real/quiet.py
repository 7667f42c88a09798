"""Prevent Debian packages from starting or enabling services during their installation."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path(
    "/usr/sbin/policy-rc.d"
)  # called by invoke-rc.d and deb-systemd-invoke. 101 forbids (Debian Policy 9.3.3)
FORBIDS = "#!/bin/sh\n# Written by censorprobe's tests for one installation. It may be deleted.\nexit 101\n"
LINKS = ("etc/systemd/system/*.wants/*", "etc/systemd/system/*.requires/*", "etc/rc[2345S].d/S*")
SYSV = re.compile(r"S\d\d(?P<name>.+)")


@contextmanager
def services_forbidden(policy: Path = POLICY) -> Iterator[None]:
    """Forbid all service starts, and restore the previous policy file, or its absence, afterwards.

    The previous file is kept under another name. If this run is killed, the next one restores it.
    """
    kept = policy.with_name(policy.name + ".kept-by-censorprobe")
    if not kept.exists() and policy.exists() and policy.read_text(errors="replace") != FORBIDS:
        os.replace(policy, kept)
    try:
        policy.write_text(FORBIDS)
        policy.chmod(0o755)
        yield
    finally:
        if kept.exists():
            os.replace(kept, policy)
        else:
            policy.unlink(missing_ok=True)


@contextmanager
def signals_as_exceptions() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into SystemExit, so that all changes are undone first."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def enabled_links(root: Path = Path("/")) -> set[Path]:
    """Return the links that start services at boot, of systemd and of System V."""
    return {link for pattern in LINKS for link in root.glob(pattern) if link.is_symlink()}


def disable_new_links(before: set[Path], root: Path = Path("/")) -> list[Path]:
    """Disable services enabled since `before` with Debian's tools, remove remaining links and return all of them."""
    new = sorted(enabled_links(root) - before)
    for link in new:
        sysv = SYSV.fullmatch(link.name) if link.parent.name.startswith("rc") else None
        _run_tool(
            ["update-rc.d", sysv["name"], "disable"] if sysv else ["deb-systemd-helper", "disable", link.name], root
        )
    for link in enabled_links(root) - before:
        link.unlink()
    return new


def _run_tool(command: list[str], root: Path) -> None:
    """Run a Debian tool on the running system. Without it an upgrade would enable the service again."""
    if root == Path("/"):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
