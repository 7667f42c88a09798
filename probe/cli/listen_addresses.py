"""Read the addresses at which a server listens, and the networks of proxies and of its own machine."""

import ipaddress
from collections.abc import Sequence

from probe.cli.screen import UsageError
from probe.messages import tr


def listen_address(listen: str) -> tuple[str, int]:
    """Split ADDRESS:PORT or [IPv6]:PORT. Raises UsageError (2)."""
    host, colon, digits = listen.rpartition(":")
    if not colon or not digits.isascii() or not digits.isdigit() or int(digits) > 65535 or not host.strip("[]"):
        sentence = tr("--listen {listen} is no address. Use ADDRESS:PORT, such as 127.0.0.1:8080.", listen=repr(listen))
        raise UsageError(sentence, 2)
    return host.strip("[]"), int(digits)


def networks(option: str, words: Sequence[str]) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Parse addresses and CIDR prefixes. Raises UsageError (2)."""
    return [_network(option, word) for word in words]


def _network(option: str, word: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(word)
    except ValueError:
        sentence = tr(
            "{option}: {word} is no address or prefix, such as 192.0.2.7 or fd00::/64.",
            option=option,
            word=repr(word),
        )
        raise UsageError(sentence, 2) from None
