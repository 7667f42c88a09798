"""Test the parser of configurations for Encrypted ClientHello with lists that the lab and Cloudflare publish."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.lab.services.dns.ech_records import config_list
from probe.wire.tls.ech_config import LONGEST, ECHConfig, parse_config_list, public_name

KEY = bytes(range(32))
ONE = config_list("cloudflare-ech.com", KEY)


def listed(*configs: bytes) -> bytes:
    inside = b"".join(configs)
    return len(inside).to_bytes(2, "big") + inside


def with_extension(kind: int) -> bytes:
    """Return ONE's configuration with one extension of two bytes."""
    contents = ONE[6:-2] + (6).to_bytes(2, "big") + kind.to_bytes(2, "big") + (2).to_bytes(2, "big") + b"ab"
    return ONE[2:4] + len(contents).to_bytes(2, "big") + contents


def test_fields_of_a_configuration() -> None:
    expected = ECHConfig(1, 0x20, KEY, ((1, 1),), 64, "cloudflare-ech.com")
    assert parse_config_list(ONE) == [expected] and public_name(ONE) == "cloudflare-ech.com"


def test_other_versions_and_mandatory_extensions_are_skipped() -> None:
    other = b"\xfe\x0a" + (3).to_bytes(2, "big") + b"abc"
    assert parse_config_list(listed(other, ONE[2:], with_extension(0x8001), with_extension(1))) == [
        *parse_config_list(ONE),
        *parse_config_list(ONE),
    ]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "ends behind"),
        (b"\x00\x00", "no configuration"),
        (ONE + b"x", "another length"),
        (ONE[:-1], "ends behind"),
        (listed(b"\xfe\x0a\x00\x00"), "no configuration"),
        (listed(with_extension(0x8001)), "no configuration"),
        (config_list("a.example", b"k" * LONGEST), "very large"),
        (listed(ONE[2:], config_list("b.example")[2:]), "several"),
        (config_list("a.example", b"short"), "no usual"),
        (ONE.replace(b"cloudflare", b"cloudfl\xe4re"), "ascii"),
    ],
)
def test_unusable_list_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        public_name(data)


def damaged(at: int, byte: bytes) -> bytes:
    return ONE[:at] + byte + ONE[at + 1 :]


@given(st.binary(max_size=100) | st.builds(damaged, st.integers(0, 70), st.binary(min_size=1, max_size=1)))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    try:
        found = parse_config_list(data)
    except ValueError:
        return
    assert found and all(config.suites and config.public_key for config in found)
