"""Read the addresses that the hosts file of this computer gives for one name. The system's library reads it too.

Linux, macOS and BSD have /etc/hosts, Windows has it below %SystemRoot%, Android below /system. Other names in the file
are never returned.
"""

import ipaddress
import os
from functools import lru_cache
from pathlib import Path

from probe.platforms.systems import is_android, is_windows

MOST_BYTES = 64 * 1024 * 1024  # longer files are not read


def hosts_file() -> Path:
    """Return the path of the hosts file."""
    if is_windows():
        return Path(os.environ.get("SYSTEMROOT", r"C:\Windows"), "System32", "drivers", "etc", "hosts")
    return Path("/system/etc/hosts" if is_android() else "/etc/hosts")


def addresses_in_hosts_file(hostname: str) -> list[str]:
    """Return the addresses that the hosts file gives for the name, none if it is not there or cannot be read."""
    path = hosts_file()
    try:
        facts = path.stat()
        names = _names(path, facts.st_mtime_ns, facts.st_size) if facts.st_size <= MOST_BYTES else {}
    except OSError:
        return []
    return list(names.get(_spelling(hostname), ()))


@lru_cache(maxsize=1)
def _names(path: Path, changed: int, size: int) -> dict[str, tuple[str, ...]]:
    """Return the addresses of each name. The file is read again when its time or size has changed."""
    found: dict[str, tuple[str, ...]] = {}
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            words = line.partition("#")[0].split()
            address = _address(words[0]) if len(words) > 1 else ""
            for name in words[1:] if address else ():
                known = found.get(_spelling(name), ())
                found[_spelling(name)] = known if address in known else (*known, address)
    return found


def _spelling(name: str) -> str:
    return name.lower().rstrip(".")


def _address(word: str) -> str:
    """Return the address as the library spells it, "" for another word."""
    try:
        return str(ipaddress.ip_address(word.partition("%")[0]))
    except ValueError:
        return ""
