"""Name the interfaces through which packets to any address may leave, without sending one."""

import sys
from collections.abc import Iterator
from pathlib import Path

from probe.platforms.systems import output_of

_TABLES = Path("/proc/net/route"), Path("/proc/net/ipv6_route")
_UP, _REJECT = 0x1, 0x200  # linux/route.h
_LOOPBACK = "lo"


def default_interfaces() -> list[str]:
    """Return the interfaces with a default route, each once. Empty where the system does not tell, as on Windows."""
    found = _of_netstat(output_of("/usr/sbin/netstat", "-rn")) if sys.platform == "darwin" else _of_linux()
    return list(dict.fromkeys(name for name in found if name != _LOOPBACK))


def _of_linux() -> Iterator[str]:
    """Yield them from both tables. In IPv6's a route to nowhere stands for a family without a way."""
    four, six = map(_rows, _TABLES)
    for row in four[1:]:  # the first row names the columns: Iface Destination Gateway Flags … Mask
        if len(row) > 7 and not int(row[1], 16) and not int(row[7], 16) and int(row[3], 16) & _UP:
            yield row[0]
    for row in six:  # destination, prefix, source, prefix, next hop, metric, references, use, flags, interface
        if len(row) > 9 and not int(row[0], 16) and row[1] == "00" and int(row[8], 16) & (_UP | _REJECT) == _UP:
            yield row[9]


def _of_netstat(text: str) -> Iterator[str]:
    """Yield them from the output of macOS. A route with the flag I holds for flows of its own interface alone.

    Older versions have further columns before the interface. Opened 2026-12-01:
    https://superuser.com/questions/441075/what-traffic-uses-an-interface-bound-route-rtf-ifscope-flag
    """
    place = 0
    for words in map(str.split, text.splitlines()):
        if "Netif" in words:
            place = words.index("Netif")
        elif words[:1] == ["default"] and len(words) > place > 2 and "I" not in words[2]:
            yield words[place]


def _rows(path: Path) -> list[list[str]]:
    try:
        return [line.split() for line in path.read_text().splitlines()]
    except OSError:
        return []
