"""Decide which addresses a run may contact (P7). Every socket of a measurement is made after this question.

The blocks stand in `probe/data/addresses.toml`, after IANA's registries. An address that no block allows is refused.

Find the IPv4 addresses inside an IPv6 address, to which a tunnel or a translator would send the packet.
"""

import ipaddress
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from functools import cache, lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from pathlib import Path

MAPPED = IPv6Network("::ffff:0:0/96")  # RFC 4291, 2.5.5.2
COMPATIBLE = IPv6Network("::/96")  # RFC 4291, 2.5.5.1
TRANSLATED = IPv6Network("::ffff:0:0:0/96")  # RFC 2765, 2.1
NAT64 = IPv6Network("64:ff9b::/96")  # RFC 6052, 2.1
NAT64_LOCAL = IPv6Network("64:ff9b:1::/48")  # RFC 8215
SIX_TO_FOUR = IPv6Network("2002::/16")  # RFC 3056, 2
TEREDO = IPv6Network("2001::/32")  # RFC 4380, 4

_IN_THE_END = (MAPPED, COMPATIBLE, TRANSLATED, NAT64)
_ISATAP = (b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe")  # begin of the interface identifier (RFC 5214, 6.1)
POSITIONS = {  # bytes of the IPv4 address by length of the translator's prefix (RFC 6052, 2.2). Byte 8 is zero.
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
    return {address_at(ip, positions) for positions in POSITIONS.values()}


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
        end = POSITIONS[length][-1] + 1
        if not (ip.packed[8] or any(ip.packed[end:])):
            yield address_at(ip, POSITIONS[length])
    if any(ip.packed[12:]):
        yield _last(ip)


def address_at(ip: IPv6Address, positions: tuple[int, ...]) -> IPv4Address:
    """Return the IPv4 address whose bytes stand at these positions."""
    return IPv4Address(bytes(ip.packed[position] for position in positions))


def _last(ip: IPv6Address) -> IPv4Address:
    return IPv4Address(ip.packed[12:])


DATA = Path(__file__).parents[1] / "data" / "addresses.toml"
LONGEST = 45  # characters of an IPv6 address with an IPv4 address in its end

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Contacts(Enum):
    """Name the addresses that a run may contact."""

    TARGETS = "targets"
    """Our probe at the names of its targets: any address, because a false answer is evidence."""
    REDIRECTS = "redirects"
    """Our probe at names that a server chose: public addresses, also through a translator of the own network."""
    PUBLIC = "public"
    """A test helper: public addresses, whatever led there."""
    LAB = "lab"
    """A test helper in the lab: private addresses too, but no multicast, no metadata service, not "this network"."""


@dataclass(frozen=True)
class Elsewhere:
    """Name the addresses that a run may contact, without those that lead back to its own machine."""

    contacts: Contacts
    is_own: Callable[[Address], bool]


@dataclass(frozen=True)
class Blocks:
    """Hold the blocks of the data file. `embedding` blocks are judged by the IPv4 address inside."""

    unicast: tuple[Network, ...]
    hostless: tuple[Network, ...]
    special: tuple[Network, ...]
    embedding: frozenset[Network]
    metadata: frozenset[Address]


@cache
def blocks() -> Blocks:
    """Read the data file. Its sources and dates are in it."""
    listed = tomllib.loads(DATA.read_text(encoding="utf-8"))
    special = listed["special"]
    return Blocks(
        unicast=_networks(listed["unicast"]),
        hostless=_networks([*listed["multicast"], *listed["hostless"]]),
        special=_networks([row["block"] for row in special]),
        embedding=frozenset(_networks([row["block"] for row in special if row.get("embeds")])),
        metadata=frozenset(ipaddress.ip_address(row["address"]) for row in listed["metadata"]),
    )


def may_contact(address: str, contacts: Contacts | Elsewhere) -> bool:
    """Return whether a run may contact `address`.

    Except for TARGETS, a string that is no plain IP literal is refused: "127.1", "0x7f.1", "fe80::1%eth0".
    """
    if isinstance(contacts, Elsewhere):
        return may_contact(address, contacts.contacts) and not _leads_to(address, contacts.is_own)
    if contacts is Contacts.TARGETS:
        return True
    return len(address) <= LONGEST and _judged(address, contacts)


@lru_cache(maxsize=4096)
def _judged(address: str, contacts: Contacts) -> bool:
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return "%" not in address and _is_allowed(ip, contacts)


def _is_allowed(ip: Address, contacts: Contacts) -> bool:
    """Judge the address and, if it is IPv6, every IPv4 address inside it."""
    if _is_metadata(ip) or not (_has_host(ip) if contacts is Contacts.LAB else _is_public(ip, contacts)):
        return False
    return isinstance(ip, ipaddress.IPv4Address) or all(_is_allowed(inner, contacts) for inner in embedded_in(ip))


def _leads_to(address: str, is_own: Callable[[Address], bool]) -> bool:
    """Return whether an address is one of `is_own`, or contains one behind a tunnel or a translator."""
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv4Address):
        return is_own(ip)
    return is_own(ip) or any(map(is_own, embedded_in(ip) | translated_by_any_prefix(ip)))


def _is_metadata(ip: Address) -> bool:
    """Return whether a provider's metadata service has the address, also behind a translator with any prefix."""
    known = blocks().metadata
    return ip in known or (isinstance(ip, ipaddress.IPv6Address) and not known.isdisjoint(translated_by_any_prefix(ip)))


def _has_host(ip: Address) -> bool:
    return not any(ip in block for block in blocks().hostless)


def _is_public(ip: Address, contacts: Contacts) -> bool:
    """Return whether no special block has the address, and unicast addresses are assigned there."""
    special = max((block for block in blocks().special if ip in block), key=lambda block: block.prefixlen, default=None)
    if special is None:
        return any(ip in block for block in blocks().unicast)
    return special in blocks().embedding or (contacts is Contacts.REDIRECTS and special == NAT64_LOCAL)


def _networks(texts: list[str]) -> tuple[Network, ...]:
    return tuple(map(ipaddress.ip_network, texts))
