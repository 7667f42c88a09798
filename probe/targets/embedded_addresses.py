"""Find the IPv4 addresses inside an IPv6 address, to which a tunnel or a translator would send the packet."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network

MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291, 2.5.5.2
COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765, 2.1
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056, 2
TEREDO = IPv6Network("2001::/32")  # RFC 4380, 4

_IN_THE_END = (MAPPED, COMPATIBLE, TRANSLATED, NAT64)
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # begin of the interface identifier (RFC 5214, 6.1)
_POSITIONS = {  # bytes of the IPv4 address by length of the translator's prefix (RFC 6052, 2.2). Byte 8 is zero.
    32: (4, 5, 6, 7),
    40: (5, 6, 7, 9),
    48: (6, 7, 9, 10),
    56: (7, 9, 10, 11),
    64: (9, 10, 11, 12),
    96: (12, 13, 14, 15),
}


def embedded_in(ip: IPv6Address) -> set[IPv4Address]:
    """Return the IPv4 addresses in a form that is known by its prefix or its interface identifier."""
    return set(_by_prefix(ip)) | ({_last(ip)} if ip.packed[8:12] in _ISATAP else set())


def translated_by_any_prefix(ip: IPv6Address) -> set[IPv4Address]:
    """Return the IPv4 addresses to which a translator with any prefix would send the packet (RFC 6052, 2.2).

    The prefix is the choice of a network. Most of these addresses stand there by accident.
    """
    return {_at(ip, positions) for positions in _POSITIONS.values()}


def _by_prefix(ip: IPv6Address) -> Iterator[IPv4Address]:
    if any(ip in block for block in _IN_THE_END) and int(ip) > 1:  # :: and ::1 contain none
        yield _last(ip)
    elif ip in SIX_TO_FOUR:
        yield IPv4Address(ip.packed[2:6])
    elif ip in TEREDO:
        yield IPv4Address(ip.packed[4:8])  # the Teredo server
        yield IPv4Address(bytes(byte ^ 0xFF for byte in ip.packed[12:]))  # the client
    elif ip in NAT64_LOCAL:
        yield from _of_local_translator(ip)


def _of_local_translator(ip: IPv6Address) -> Iterator[IPv4Address]:
    """Yield the address for every length of prefix that fits. After the IPv4 address all bytes are zero."""
    for length in (48, 56, 64):
        end = _POSITIONS[length][-1] + 1
        if not (ip.packed[8] or any(ip.packed[end:])):
            yield _at(ip, _POSITIONS[length])
    if any(ip.packed[12:]):
        yield _last(ip)


def _at(ip: IPv6Address, positions: tuple[int, ...]) -> IPv4Address:
    return IPv4Address(bytes(ip.packed[position] for position in positions))


def _last(ip: IPv6Address) -> IPv4Address:
    return IPv4Address(ip.packed[12:])
