"""Says in one sentence why the lab cannot run here, and what would help."""

import os
from pathlib import Path

APPARMOR = "/proc/sys/kernel/apparmor_restrict_unprivileged_userns"
DEBIAN = "/proc/sys/kernel/unprivileged_userns_clone"
LIMIT = "/proc/sys/user/max_user_namespaces"

BROKEN = 9  # exit code of a command whose lab broke down: it says nothing of what was to run in it


class LabUnavailable(Exception):
    """The lab cannot run on this machine; the text is a sentence for the user, with the remedy."""


class LabBroken(Exception):
    """A part of the lab itself has failed; the text says which, with what it printed last."""


def _reads(path: str, value: str) -> bool:
    try:
        return Path(path).read_text().strip() == value
    except OSError:
        return False


def explain(error: OSError) -> str:
    """One sentence for a user: what was refused, and what would help."""
    return f"The lab cannot run here ({error.strerror or error}): {_remedy()}."


def _remedy() -> str:
    """What would make this kernel allow what it has just refused."""
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return (
            "in a container it needs docker run --cap-add SYS_ADMIN --cap-add NET_ADMIN "
            "--security-opt seccomp=unconfined --security-opt apparmor=unconfined --device /dev/net/tun"
        )
    if _reads(APPARMOR, "1"):
        return "run it with sudo, or allow it with sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0"
    if _reads(DEBIAN, "0"):
        return "run it with sudo, or allow it with sudo sysctl kernel.unprivileged_userns_clone=1"
    if _reads(LIMIT, "0"):
        return "run it with sudo, or allow it with sudo sysctl user.max_user_namespaces=1000"
    if os.geteuid() == 0:
        return "it needs a Linux that allows user, pid, mount and network namespaces, and TUN or veth interfaces"
    return "run it with sudo"
