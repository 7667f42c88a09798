"""Test which answers seem to come from another machine, and which recorded fingerprints are usable."""

from typing import Any

import pytest

from probe.signatures.resolver_fingerprint import USUAL_TTL, ResolverPrint, print_of, relative_ttl

NORMAL = ResolverPrint(58, frozenset({"QR", "RD", "RA"}))


@pytest.mark.parametrize(
    ("ip_ttl", "flags", "unlike"),
    [
        (58, ["QR", "RD", "RA"], False),
        (56, ["QR", "RD", "RA"], False),  # another machine of the same resolver
        (55, ["QR", "RD", "RA"], True),
        (61, ["QR", "RD", "RA"], True),
        (0, ["QR", "RD", "RA"], False),  # not known
        (58, ["QR", "RD"], True),
        (58, ["QR", "AA", "RD", "RA"], True),
        (58, ["QR", "TC", "RA", "AD"], False),  # these depend on the question
    ],
)
def test_other_distance_or_other_flags_are_unlike(ip_ttl: int, flags: list[str], unlike: bool) -> None:
    assert NORMAL.unlike(ip_ttl, flags) is unlike


def test_unknown_distance_is_not_compared() -> None:
    assert not ResolverPrint(0, NORMAL.flags).unlike(99, NORMAL.flags)


@pytest.mark.parametrize("fact", [None, 3, "x", [], {}, {"ip_ttl": 58}, {"flags": "RA"}, {"flags": []}])
def test_malformed_record_gives_no_fingerprint(fact: Any) -> None:
    assert print_of(fact) is None


@pytest.mark.parametrize("ttl", [None, True, "58", -1, 256, 5.5])
def test_malformed_ttl_is_unknown(ttl: Any) -> None:
    assert print_of({"ip_ttl": ttl, "flags": ["QR", "RD", "RA"]}) == ResolverPrint(0, NORMAL.flags)


def test_relative_ttl_keeps_differences_and_hides_the_value() -> None:
    for usual in (58, 64, 128, 255):
        assert relative_ttl(usual, usual) == USUAL_TTL
        assert relative_ttl(usual - 3, usual) == USUAL_TTL - 3
        shifted = [relative_ttl(ttl, usual) for ttl in range(1, 256)]
        assert sorted(shifted) == list(range(1, 256))  # no two become equal


@pytest.mark.parametrize("usual", [58, 64, 128])
def test_answers_are_unlike_before_and_after_the_shift(usual: int) -> None:
    flags = NORMAL.flags
    for ttl in range(usual - 50, usual + 50):
        before = ResolverPrint(usual, flags).unlike(ttl, flags)
        assert ResolverPrint(USUAL_TTL, flags).unlike(relative_ttl(ttl, usual), flags) is before
