"""Test the families of devices on bytes that are computed from the arithmetic of the sources."""

import random
import re
from datetime import date
from ipaddress import IPv4Address
from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.signatures.device_prints import (
    COUNTING_PAYLOAD,
    FAMILIES,
    HENAN,
    PREFIX,
    SEED_KEY,
    TSG,
    WINDOWS,
    ReceivedReset,
    family_of,
    seeded_ipid,
)

SERVER, PUBLIC, PRIVATE = "149.154.167.99", "31.13.84.5", "192.168.1.20"
ALL_OURS = [PRIVATE, PUBLIC, "1.2.3.4", "5.6.7.8"]  # as many as a run compares
ADDRESSES = st.integers(min_value=1 << 24, max_value=0xDFFFFFFF).map(lambda number: str(IPv4Address(number)))


class Generator:
    """Write the header fields as listing 1 of the paper does, with 16 bits each, and the TTL with 8."""

    def __init__(self, value: int = 128, key: int = 13, most: int = 65_535) -> None:
        self.value, self.key, self.most = value, key, most

    def next(self, source: int, destination: int) -> tuple[int, int, int]:
        """Return window, IP-ID and TTL of the next reset."""
        value = self.value
        self.value = 128 if value * self.key > self.most else value + 1
        window = (value + destination % self.key) & 0xFFFF or 1
        ipid = (self.most - value * self.key + source % window) & 0xFFFF
        return window, ipid, (value % 200 + 48) & 0xFF


def number(address: str, order: str) -> int:
    return int.from_bytes(IPv4Address(address).packed, "big" if order == "big" else "little")


def reset(window: int, ipid: int, flags: str = "RA", *, df: bool = True, payload: bytes = b"") -> ReceivedReset:
    return ReceivedReset(window, ipid, flags, df, payload)


@given(ADDRESSES, ADDRESSES, st.integers(128, 5042), st.sampled_from(["big", "little"]), st.booleans())
@settings(deadline=None)
def test_each_reset_of_the_generator_is_recognised(
    here: str, server: str, value: int, order: str, reverse: bool
) -> None:
    ends = [number(here, order), number(server, order)]
    window, ipid, _ = Generator(value).next(*(reversed(ends) if reverse else ends))
    assert window in WINDOWS
    assert family_of(reset(window, ipid), server, [PRIVATE, here]) == TSG.name


def test_unknown_public_address_hides_the_print_in_one_direction() -> None:
    ends = [number(PUBLIC, "little"), number(SERVER, "little")]
    forward, backward = Generator(1980).next(*ends), Generator(1980).next(*reversed(ends))
    assert family_of(reset(*forward[:2]), SERVER, [PRIVATE, PUBLIC]) == TSG.name
    assert family_of(reset(*forward[:2]), SERVER, [PRIVATE]) is None  # behind a translator, without a helper
    assert family_of(reset(*backward[:2]), SERVER, [PRIVATE]) == TSG.name


@pytest.mark.parametrize(
    "changed",
    [
        {"df": False},
        {"payload": b"x"},
        {"flags": "RAN"},
        {"flags": "SRA"},
        {"ipid": 1},
        {"window": 0},
        {"window": 5055},
        {"window": 65_535},
    ],
)
def test_each_condition_of_tsg_is_needed(changed: dict[str, object]) -> None:
    window, ipid, _ = Generator(1980).next(number(PUBLIC, "big"), number(SERVER, "big"))
    fields: dict[str, object] = {"window": window, "ipid": ipid}
    assert family_of(reset(**fields), SERVER, [PUBLIC]) == TSG.name  # type: ignore[arg-type]
    assert family_of(reset(**(fields | changed)), SERVER, [PUBLIC]) is None  # type: ignore[arg-type]


def test_other_seed_key_is_not_recognised() -> None:
    found = [
        family_of(reset(*generator.next(number(PUBLIC, "big"), number(SERVER, "big"))[:2]), SERVER, [PUBLIC])
        for generator in (Generator(1980, key=key) for key in (7, 11, 12, 14, 17))
    ]
    assert found == [None] * 5


def test_reset_of_henan_needs_all_its_conditions() -> None:
    usual = {"window": 1000, "ipid": 1, "df": False, "payload": COUNTING_PAYLOAD}
    assert family_of(reset(**usual), SERVER, []) == HENAN.name  # type: ignore[arg-type]
    for changed in ({"ipid": 2}, {"df": True}, {"payload": b"0123456789"}, {"payload": b""}, {"flags": "R"}):
        assert family_of(reset(**(usual | changed)), SERVER, []) is None  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("window", "ipid", "flags", "df"),
    [
        (0, 0, "R", True),  # Linux, to a segment of a connection that it does not know
        (0, 0, "RA", True),  # Linux, a closed port
        (0, 41_873, "RA", True),  # Windows, its counter of IP-IDs
        (0, 0, "R", False),  # GFW I in the paper, and many home routers
        (65_535, 0, "RA", True),  # the lab's plain reset
        (501, 51_000, "RA", True),
    ],
)
def test_resets_of_ordinary_systems_have_no_family(window: int, ipid: int, flags: str, df: bool) -> None:
    assert family_of(reset(window, ipid, flags, df=df), SERVER, ALL_OURS) is None


def chance() -> float:
    """Return the probability that a random IP-ID meets the relation: both byte orders, 13 remainders, our addresses."""
    return 2 * (SEED_KEY + len(ALL_OURS)) / 65_536


@given(st.integers(0, 2**32))
@settings(max_examples=5, deadline=None)
def test_random_resets_match_as_rarely_as_computed(seed: int) -> None:
    """Test resets with the worst fields: DF, RST+ACK, and always a window that the generator makes."""
    draws, trials = random.Random(seed), 20_000
    matches = sum(
        family_of(reset(draws.choice(WINDOWS), draws.randrange(65_536)), SERVER, ALL_OURS) is not None
        for _ in range(trials)
    )
    expected = trials * chance()
    assert matches <= expected + 6 * expected**0.5


def test_bound_on_a_false_name_in_one_measurement() -> None:
    """Test the bound that docs/design/prints.md states, with 60 resets whose IP-IDs are random."""
    assert TSG.fewest == 3
    worst = comb(60, TSG.fewest) * chance() ** TSG.fewest
    usual = worst * (len(WINDOWS) / 65_536) ** TSG.fewest
    assert worst < 5e-6
    assert usual < 3e-9


@given(ADDRESSES, st.integers(128, 4800))
@settings(max_examples=10, deadline=None)
def test_six_ip_ids_reveal_the_address_of_the_user(here: str, value: int) -> None:
    """Test the reason why the IP-ID of a received reset is never written.

    The remainders modulo six windows in a row leave one address, or a few. Large windows need three.
    """
    generator, ends = Generator(value), (number(here, "big"), number(SERVER, "big"))
    resets = [generator.next(*ends)[:2] for _ in range(6)]
    val = [window - ends[1] % SEED_KEY for window, _ in resets]
    remainders = [(ipid - 65_535 + v * SEED_KEY) % 65_536 for (_, ipid), v in zip(resets, val, strict=True)]
    (window, _), *_ = resets
    step, candidates = window, [remainders[0]]
    for (other, _), remainder in zip(resets[1:], remainders[1:], strict=True):
        wider = step * other
        candidates = [
            one for start in candidates for one in range(start, min(wider, 2**32), step) if one % other == remainder
        ]
        step = wider
    assert number(here, "big") in candidates
    assert len(candidates) < 50


def test_each_family_has_a_name_conditions_and_a_dated_source() -> None:
    for name, family in FAMILIES.items():
        assert name == family.name
        assert name.startswith(PREFIX)
        assert re.match(r"https://github\.com/\S+/(tree|blob)/[0-9a-f]{40}\b", family.source)
        assert date.fromisoformat(family.published) < date.fromisoformat(family.opened)
        assert family.fewest >= 2
        assert family.title
        assert family.conditions.endswith(".")


def test_seeded_ipid_is_that_of_the_generator() -> None:
    ends = number(PUBLIC, "big"), number(SERVER, "big")
    for value in (128, 1980, 5041, 5042):
        window, ipid, _ = Generator(value).next(*ends)
        assert seeded_ipid(window, ends[0], ends[1] % SEED_KEY) == ipid
