"""Explain in one sentence why the lab cannot run on this computer, and what would help."""

import os
import sys
from pathlib import Path

from probe.messages import tr

# A kernel setting that forbids namespaces, its forbidding value, and the setting that allows them.
SETTINGS = (
    ("/proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    ("/proc/sys/kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"),
    ("/proc/sys/user/max_user_namespaces", "0", "user.max_user_namespaces=1000"),
)

BROKEN = 9  # exit code when the lab itself failed, whatever the command did


class LabUnavailable(Exception):
    """Report that the lab cannot run on this computer. The text is a sentence for the user, with the remedy."""


class LabBroken(Exception):
    """Report that a part of the lab failed. The text names the part and contains its last output."""


def check_system() -> None:
    """Check that this system can have a lab, before modules that only Linux has are loaded. Raises LabUnavailable."""
    if sys.platform != "linux" or hasattr(sys, "getandroidapilevel"):
        raise LabUnavailable(tr("It needs Linux, with namespaces and virtual network interfaces."))
    try:
        import pyroute2  # noqa: F401
    except ImportError:
        raise LabUnavailable(tr("It needs the Python package pyroute2. Install it with pip.")) from None


def _reads(path: str, value: str) -> bool:
    try:
        return Path(path).read_text().strip() == value
    except OSError:
        return False


def explain(error: OSError) -> str:
    """Return what was refused and what would help, as sentences for the user."""
    reason = error.strerror or error
    return tr("This computer refuses what the lab needs ({reason}). {remedy}", reason=reason, remedy=_remedy())


def _remedy() -> str:
    """Return what would make this kernel allow what it has just refused."""
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return tr(
            "In a container it needs the options: docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --device /dev/net/tun"
        )
    for path, value, setting in SETTINGS:
        if _reads(path, value):
            return tr("Run it with sudo, or allow it with: sudo sysctl {setting}", setting=setting)
    if os.geteuid() == 0:
        return tr("It needs a Linux that allows user, pid, mount and network namespaces, and TUN or veth interfaces.")
    return tr("Run it with sudo.")
