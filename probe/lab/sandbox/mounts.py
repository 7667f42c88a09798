"""The lab's own /run, /tmp, /proc, /sys and /etc, so that no resolver daemon outside answers through a UNIX socket."""

import contextlib
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from probe.lab.sandbox import kernel

OLD_ETC = "/run/etc"  # the machine's own /etc, to which ours links
HOSTS = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"
NSSWITCH = (
    "passwd: files\ngroup: files\nshadow: files\nhosts: files dns\nnetworks: files\nservices: files\nprotocols: files\n"
)
HARMLESS = kernel.MS_NOSUID | kernel.MS_NODEV


def prepare(keep: Iterable[str], files: Mapping[str, str]) -> None:
    """Gives this mount namespace its own /run, /tmp and /proc; what lies under `keep` stays real. Raises Refused.

    Where /tmp or /run itself is to be kept (somebody works right there), it stays as it is. `files`: path → text.
    """
    kernel.mount("none", "/", None, kernel.MS_REC | kernel.MS_PRIVATE)
    private = sorted({os.path.realpath(folder) for folder in ("/run", "/tmp", "/var/run") if os.path.isdir(folder)})
    real = {os.path.realpath(path) for path in keep if os.path.exists(path)}
    wanted = _outermost(real - {"/"})  # who works in the root folder does not ask for all of /tmp
    private = [folder for folder in private if folder not in wanted]
    kept = {path: os.open(path, os.O_PATH) for path in wanted if any(_is_under(path, folder) for folder in private)}
    for folder in private:
        kernel.mount("lab", folder, "tmpfs", HARMLESS, "mode=1777" if folder == "/tmp" else "mode=755")
    for path, descriptor in kept.items():
        _bind(f"/proc/self/fd/{descriptor}", path)
        os.close(descriptor)
    _bind("/etc", OLD_ETC)
    with contextlib.suppress(OSError):  # refused in some containers; theirs still resolves /proc/self rightly
        kernel.mount("proc", "/proc", "proc", HARMLESS | kernel.MS_NOEXEC)
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text)


def _is_under(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip("/") + "/")


def _outermost(paths: Iterable[str]) -> list[str]:
    """The paths that lie under no other of them."""
    chosen: list[str] = []
    for path in sorted(set(paths)):
        if not any(_is_under(path, other) for other in chosen):
            chosen.append(path)
    return chosen


def _bind(source: str, target: str) -> None:
    """Makes `source` appear at `target`, which is made if need be."""
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        Path(target).touch()
    kernel.mount(source, target, None, kernel.MS_BIND | kernel.MS_REC)


def furnish_etc(resolver: str) -> None:
    """Covers /etc, in a mount namespace of the caller's own, by links to the real one and our own name service files.

    A whole /etc rather than binds over single files: resolv.conf may be missing, or a link into the /run that is gone.
    """
    kernel.mount("lab", "/etc", "tmpfs", HARMLESS, "mode=755")
    own = {
        "resolv.conf": f"nameserver {resolver}\n" if resolver else "",
        "hosts": HOSTS,
        "nsswitch.conf": NSSWITCH,
    }
    for entry in os.scandir(OLD_ETC):
        if entry.name not in own:
            os.symlink(os.readlink(entry.path) if entry.is_symlink() else entry.path, f"/etc/{entry.name}")
    for name, text in own.items():
        Path("/etc", name).write_text(text)


def show_own_interfaces() -> None:
    """Makes /sys/class/net show the network namespace that we are in; empty where the kernel refuses that."""
    try:
        kernel.mount("sysfs", "/sys", "sysfs", HARMLESS | kernel.MS_NOEXEC)
    except OSError:
        with contextlib.suppress(OSError):
            kernel.mount("lab", "/sys/class/net", "tmpfs", HARMLESS, "mode=755")
