"""Mount the lab's own /run, /tmp, /proc, /sys and /etc.

Without them, a resolver daemon of the machine could answer through a UNIX socket.
"""

import contextlib
import os
import socket
from collections.abc import Iterable, Mapping
from pathlib import Path

from probe.lab.sandbox import kernel
from probe.platforms.assigned_resolvers import NETWORKD_LEASES

OLD_ETC = "/run/etc"  # the machine's /etc, to which the lab's /etc links
HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
NSSWITCH = (
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n"
)
NO_PRIVILEGES = kernel.MS_NOSUID | kernel.MS_NODEV


def prepare(keep: Iterable[str], files: Mapping[str, str]) -> None:
    """Mount an own /run, /tmp and /proc in this mount namespace. Paths in `keep` stay real. Raises Refused.

    If `keep` contains /tmp or /run itself, for example as working folder, that folder stays as it is.
    `files` maps the paths of files to create to their texts.
    """
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    shared = ("/run", "/tmp", "/var/run")  # replaced by mounts of the lab's own  # nosec B108
    private = sorted({os.path.realpath(folder) for folder in shared if os.path.isdir(folder)})
    real = {os.path.realpath(path) for path in keep if os.path.exists(path)}
    wanted = _outermost(real - {"/"})  # a command in the root folder does not need all of /tmp
    private = [folder for folder in private if folder not in wanted]
    kept = {path: os.open(path, os.O_PATH) for path in wanted if any(_is_under(path, folder) for folder in private)}
    for folder in private:
        mode = "mode=1777" if folder == "/tmp" else "mode=755"  # replaced in the lab  # nosec B108
        kernel.mount("lab", folder, "tmpfs", NO_PRIVILEGES, mode)
    for path, descriptor in kept.items():
        _bind(f"/proc/self/fd/{descriptor}", path)
        os.close(descriptor)
    _bind("/etc", OLD_ETC)
    with contextlib.suppress(OSError):  # refused in some containers, whose own /proc works as well
        kernel.mount("proc", "/proc", "proc", NO_PRIVILEGES | kernel.MS_NOEXEC)
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def _is_under(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths that are below no other of them."""
    chosen: list[str] = []
    for path in sorted(set(paths)):
        if not any(_is_under(path, other) for other in chosen):
            chosen.append(path)
    return chosen


def _bind(source: str, target: str) -> None:
    """Bind `source` to `target`, which is created if it is missing."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def mount_etc(resolver: str, hosts: str = "") -> None:
    """Mount an /etc with links to the real files and with own name service files. Needs an own mount namespace.

    `hosts` are further lines of the hosts file. Binding single files would not work: resolv.conf may be missing, or a
    link into the hidden /run.
    """
    kernel.mount("lab", "/etc", "tmpfs", NO_PRIVILEGES, "mode=755")
    own = {
        "resolv.conf": f"nameserver {resolver}\n" if resolver else "",
        "hosts": HOSTS + hosts,
        "nsswitch.conf": NSSWITCH,
    }
    for entry in os.scandir(OLD_ETC):
        if entry.name not in own:
            os.symlink(os.readlink(entry.path) if entry.is_symlink() else entry.path, f"/etc/{entry.name}")
    for name, text in own.items():
        Path("/etc", name).write_text(text)


def write_lease(interface: str, address: str, resolver: str) -> None:
    """Write a lease of an interface where systemd-networkd does, in the lab's own /run."""
    NETWORKD_LEASES.mkdir(parents=True, exist_ok=True)
    lease = NETWORKD_LEASES / str(socket.if_nametoindex(interface))
    lease.write_text(f"ADDRESS={address}\nDNS={resolver}\n")


def mount_sys() -> None:
    """Mount a /sys for the current network namespace. /sys/class/net is empty where the kernel refuses that."""
    try:
        kernel.mount("sysfs", "/sys", "sysfs", NO_PRIVILEGES | kernel.MS_NOEXEC)
    except OSError:
        with contextlib.suppress(OSError):
            kernel.mount("lab", "/sys/class/net", "tmpfs", NO_PRIVILEGES, "mode=755")
