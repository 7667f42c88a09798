"""Match resets against the prints of known families of devices.

A print is an arithmetic relation or a constant in the header of a reset. It says which program may have made the reset.
It never says who operates the device, and no rule accuses because of it.
"""

import ipaddress
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from probe.messages import mark

PREFIX = "print."
"""Of the names of all families. They stand among the anomalies of a verdict record, and are no mechanisms."""

SEED_KEY, SEED_MOST = 13, 65_535  # defaults of the two seeds in listing 1 of the paper
WINDOWS = range(1, SEED_MOST // SEED_KEY + 1 + SEED_KEY)
"""Windows that the generator makes. Its counter ends at 5042, and the remainder adds at most 12."""

_ByteOrder = Literal["big", "little"]
_BYTE_ORDERS: tuple[_ByteOrder, ...] = ("big", "little")

COUNTING_PAYLOAD = bytes((1, 2, 3, 4, 5, 6, 7, 8, 9, 0))


class ReceivedReset(NamedTuple):
    """Hold the header fields of an IPv4 reset on arrival. `dont_fragment` is the flag DF (RFC 791, section 3.1)."""

    window: int
    ipid: int
    flags: str
    dont_fragment: bool
    payload: bytes


@dataclass(frozen=True)
class Family:
    """Describe a family of devices: its name, conditions, and the document that the conditions were read in.

    `fewest` resets of a measurement must match, each with another window or in another transaction (`counted_by`).
    """

    name: str
    title: str
    conditions: str
    source: str
    published: str
    opened: str
    fewest: int
    counted_by: Literal["window", "transaction_id"]


TSG = Family(
    "print.tsg",
    mark("Tiangou Secure Gateway (Geedge Networks) or a program derived from it"),
    "IPv4, DF set, no payload, RST or RST+ACK. With v = window - destination mod 13, the IP-ID is"
    " 65535 - 13 v + (source mod window), modulo 65536. Source and destination are the ends of the flow as numbers,"
    " in either direction and byte order. At least three such resets with different windows in one measurement.",
    "https://github.com/geedge-report/geedge-report-site/blob/fd316a9b1867b187b0cb41cb8a0aa4a9eb2e61c2/"
    "_findings/fingerprints.md (and listing 1 of the paper beside it)",
    "2026-08-12",
    "2026-11-28",
    fewest=3,
    counted_by="window",
)
HENAN = Family(
    "print.henan",
    mark("the firewall that was measured in the Chinese province of Henan from 2023 to 2025"),
    "IPv4, DF not set, RST+ACK, IP-ID 1, and a payload of the ten bytes 01 02 03 04 05 06 07 08 09 00."
    " At least two such resets in different transactions of one measurement.",
    "https://github.com/gfw-report/sp25-regional/blob/422e6691f26bd7d595862207fc27e43162d699bf/paper/main.tex"
    " (table tab:fingerprint)",
    "2025-05-11",
    "2026-11-28",
    fewest=2,
    counted_by="transaction_id",
)
FAMILIES: dict[str, Family] = {family.name: family for family in (TSG, HENAN)}
"""Each family by its name, in the order in which they are listed."""


def family_of(reset: ReceivedReset, server: str, ours: Collection[str]) -> str | None:
    """Return the name of the family whose conditions one reset meets, None for none.

    `server` is the other end of the flow. `ours` are the addresses that the device may have seen us come from, such as
    the one that a test helper saw. The conditions over several resets are those of `Family.fewest`.
    """
    if _is_seeded(reset, server, ours):
        return TSG.name
    counts_up = reset.payload == COUNTING_PAYLOAD and reset.ipid == 1 and reset.flags == "RA"
    return HENAN.name if counts_up and not reset.dont_fragment else None


def _is_seeded(reset: ReceivedReset, server: str, ours: Collection[str]) -> bool:
    plain = reset.flags in {"R", "RA"} and reset.dont_fragment and not reset.payload
    if not plain or reset.window not in WINDOWS:
        return False
    return any(reset.ipid == seeded_ipid(reset.window, *ends) for ends in _possible_ends(server, ours))


def seeded_ipid(window: int, source: int, remainder: int) -> int:
    """Return the IP-ID that belongs to a window. `remainder` is the destination modulo SEED_KEY."""
    return (SEED_MOST - (window - remainder) * SEED_KEY + source % window) & 0xFFFF


def _possible_ends(server: str, ours: Collection[str]) -> Iterator[tuple[int, int]]:
    """Yield each pair of the source and the destination's remainder, in both directions and byte orders.

    If the stream comes from the server, the destination is our address. Every remainder is then possible, because our
    address behind translators may be unknown.
    """
    for order in _BYTE_ORDERS:
        there = _number(server, order)
        yield from ((there, remainder) for remainder in range(SEED_KEY))
        yield from ((_number(here, order), there % SEED_KEY) for here in ours if ":" not in here)


def _number(address: str, order: _ByteOrder) -> int:
    return int.from_bytes(ipaddress.IPv4Address(address).packed, order)
