"""Read which name servers the system's resolver uses, as far as it tells. Names are asked with getaddrinfo in any case.

- Linux, BSD: resolv.conf(5).
- macOS: the same file, which the system writes for such programs, and else `scutil --dns`.
- Windows: the registry, as dnspython reads it.
- Android: the properties `net.dns1` to `net.dns4`, which are empty since Android 8. Termux has a resolv.conf of its
  own, which Android does not use.
"""

import ipaddress
import socket
import sys
import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from pathlib import Path

from probe.platforms.systems import is_android, is_windows, output_of

RESOLV_CONF = Path("/etc/resolv.conf")
SYSTEMD_STUBS = frozenset({"127.0.0.53", "127.0.0.54"})  # systemd-resolved.service(8)
SYSTEMD_RESOLV_CONF = Path("/run/systemd/resolve/resolv.conf")  # the same page: the servers that it asks
KEPT_SECONDS = 30  # in which no program is started again
_WSANO_DATA = 11004  # <winsock2.h>. Python has no name for it.
_SITE_LOCAL = ipaddress.IPv6Network("fec0::/10")  # placeholders of Windows


def system_resolvers() -> list[str]:
    """Return the addresses of the system's name servers in order, none if it does not tell. Sends nothing."""
    if is_windows():
        return list(_kept(_windows, half_minutes()))
    if is_android():
        return list(_kept(_android, half_minutes()))
    found = named_in(RESOLV_CONF)
    return list(_kept(_macos, half_minutes())) if not found and sys.platform == "darwin" else found


def upstream_of_stub(server: str) -> str:
    """Return the first name server that systemd's stub resolver asks, "" if `server` is no such stub."""
    found = named_in(SYSTEMD_RESOLV_CONF) if server in SYSTEMD_STUBS else []
    return found[0].partition("%")[0] if found else ""


def named_in(path: Path) -> list[str]:
    """Return the name servers of a resolv.conf(5), or none if the file is missing, unreadable or empty."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    words = [line.split() for line in lines]
    return addresses_among(line[1] for line in words if len(line) >= 2 and line[0] == "nameserver")


def no_data_errors() -> set[int]:
    """Return the errors of getaddrinfo that mean: the name exists and has no address.

    Android has one error for this, for an unknown name and for a resolver that is silent. So it means nothing there.
    """
    if is_android():
        return set()
    return {_WSANO_DATA} if is_windows() else {getattr(socket, "EAI_NODATA", -5)}


def unknown_name_errors() -> set[int]:
    """Return the errors of getaddrinfo that mean: there is no such name. Android has none that means only this."""
    return set() if is_android() else {socket.EAI_NONAME}


@lru_cache(maxsize=1)
def _kept(read: Callable[[], list[str]], now: int) -> tuple[str, ...]:
    return tuple(read())


def half_minutes() -> int:
    """Return a number that changes each time the system is asked again."""
    return int(time.monotonic() // KEPT_SECONDS)


def _windows() -> list[str]:
    """Return the name servers in the registry, without those of switched off adapters."""
    import dns.win32util

    read = getattr(dns.win32util, "get_dns_info", None)
    try:
        return addresses_among(read().nameservers) if read is not None else []
    except OSError:  # the registry may not be read
        return []


def _android() -> list[str]:
    return addresses_among(output_of("/system/bin/getprop", f"net.dns{number}").strip() for number in range(1, 5))


def _macos() -> list[str]:
    """Return the name servers of the first resolver. The others are for single domains."""
    first = output_of("/usr/sbin/scutil", "--dns").partition("resolver #2")[0]
    lines = [line.partition(" : ") for line in first.splitlines()]
    return addresses_among(value.strip() for key, _, value in lines if key.strip().startswith("nameserver["))


def addresses_among(words: Iterable[str]) -> list[str]:
    """Return the words that are addresses of name servers, each once."""
    return list(dict.fromkeys(word for word in words if _is_address(word)))


def _is_address(word: str) -> bool:
    try:
        ip = ipaddress.ip_address(word)
    except ValueError:
        return False
    return ip.version == 4 or ip not in _SITE_LOCAL
