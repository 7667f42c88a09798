"""Read how many TCP segments the system could not send again, because a filter or a route of its own refused them."""

from pathlib import Path

_COUNTERS = Path("/proc/self/net/netstat")
_NAME = "TCPRetransFail"  # Linux since 4.19, include/uapi/linux/snmp.h


def unsent_repetitions() -> int | None:
    """Return the count for all programs since the start of the system. None if the system does not count it.

    A packet filter that drops a SYN on its way out makes the kernel's repetition of it fail.
    """
    try:
        lines = _COUNTERS.read_text().splitlines()
    except OSError:
        return None
    for names, values in zip(lines[::2], lines[1::2], strict=False):
        found = dict(zip(names.split(), values.split(), strict=False))
        if _NAME in found:
            return int(found[_NAME])
    return None
