"""Keeps Debian packages from starting a service while they are installed, and from staying enabled afterwards."""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

POLICY = Path("/usr/sbin/policy-rc.d")  # asked by invoke-rc.d and deb-systemd-invoke; 101 forbids (Debian Policy 9.3.3)
FORBIDS = "#!/bin/sh\n# Written by censorprobe's tests for the time of one installation; may be deleted.\nexit 101\n"
LINKS = ("etc/systemd/system/*.wants/*", "etc/systemd/system/*.requires/*", "etc/rc[2345S].d/S*")
SYSV = re.compile(r"S\d\d(?P<name>.+)")


@contextmanager
def services_forbidden(policy: Path = POLICY) -> Iterator[None]:
    """Deny every start; afterwards, whatever happened, the policy is again what it was: a file, or none.

    The policy found is moved beside its place, so that the next run can put it back should this one be killed.
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
def ended_in_order() -> Iterator[None]:
    """SIGTERM and SIGHUP end the program as Ctrl-C does: what was changed is put back first."""

    def leave(number: int, _frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def enabled_links(root: Path = Path("/")) -> set[Path]:
    """The links by which services start with the machine: systemd's and those of System V."""
    return {link for pattern in LINKS for link in root.glob(pattern) if link.is_symlink()}


def disable_new_links(before: set[Path], root: Path = Path("/")) -> list[Path]:
    """Disable what was enabled since `before`, in Debian's own words, and remove what is left; returns the links."""
    new = sorted(enabled_links(root) - before)
    for link in new:
        sysv = SYSV.fullmatch(link.name) if link.parent.name.startswith("rc") else None
        _tell(["update-rc.d", sysv["name"], "disable"] if sysv else ["deb-systemd-helper", "disable", link.name], root)
    for link in enabled_links(root) - before:
        link.unlink()
    return new


def _tell(command: list[str], root: Path) -> None:
    """Debian's bookkeeping, without which an upgrade enables the service again; for the running system alone."""
    if root == Path("/"):
        subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
