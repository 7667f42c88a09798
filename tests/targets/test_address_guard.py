"""Test which addresses a run may contact: every block of the registries, every form around it, and ordinary ones."""

import ipaddress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.targets.address_guard import Contacts, may_contact
from probe.targets.target import is_address
from probe.targets.target_files import load_target, target_names
from tests.support.special_addresses import (
    LISTED,
    METADATA,
    PUBLIC_PREFIX,
    PUBLIC_V4,
    SPECIAL_BLOCKS,
    all_refused,
    any_prefix,
    embeddings,
    in_block,
)

TARGETS = Path(__file__).parents[2] / "targets"
V4_BLOCKS = [block for block in SPECIAL_BLOCKS if ":" not in block]
JUDGED_BY_CONTENT = {"nat64", "6to4", "teredo server", "teredo client", "isatap", "isatap, global"}

# Named by the issue or by a standard, and written here once more, so that the data file cannot lose them.
NEVER = """
0.0.0.0 10.0.0.1 100.64.0.1 127.0.0.1 169.254.169.254 172.16.0.1 192.0.0.8 192.0.0.192 192.0.2.1 192.88.99.1 192.168.0.1
192.0.0.100 192.31.196.1 192.52.193.1 192.175.48.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 240.0.0.1
255.255.255.255 168.63.129.16 100.100.100.200 2001:100::1 2001:30::1 2620:4f:8000::1
:: ::1 ::ffff:8.8.8.8 ::8.8.8.8 ::ffff:0:8.8.8.8 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 100::1 100:0:0:1::1 200::1
2001:1::1 2001:2::1 2001:10::1 2001:20::1 2001:db8::1 2002:a9fe:a9fe::1 2001:0:a9fe:a9fe::f7f7:f7f7 3ffe::1 3fff::1
4000::1 5f00::1 fc00::1 fd00:ec2::254 fd20:ce::254 fe80::1 fe80::a9fe:a9fe fec0::1 ff02::1 2606:2800:220:1:0:5efe:a00:1
2606:2800:220:1::a9fe:a9fe
"""
SPELLINGS = """
127.1 2130706433 0x7f.1 0x7f000001 017700000001 0177.0.0.1 127.0.0.1. 08.8.8.8 8.8.8 8.8.8.8.8 8.8.8.8/32 [2606:4700::1]
2606:4700::1%eth0 fe80::1%1 ::ffff:0x7f.0.0.1 1::2::3 user@8.8.8.8 8.8.8.8:80 localhost
"""


@pytest.mark.parametrize("block", SPECIAL_BLOCKS)
def test_no_address_of_a_special_block_is_contacted(block: str) -> None:
    for ip in in_block(block):
        assert not may_contact(ip, Contacts.PUBLIC), ip


@pytest.mark.parametrize("block", V4_BLOCKS)
def test_no_embedded_address_of_a_special_block_is_contacted(block: str) -> None:
    for ip in in_block(block):
        allowed = [form for form, wrapped in embeddings(ip).items() if may_contact(wrapped, Contacts.PUBLIC)]
        assert allowed == [], ip


@pytest.mark.parametrize("ip", METADATA)
def test_metadata_service_is_contacted_in_no_form(ip: str) -> None:
    forms = [ip] if ":" in ip else [ip, *embeddings(ip).values(), *any_prefix(ip)]
    for contacts in (Contacts.PUBLIC, Contacts.REDIRECTS, Contacts.LAB):
        assert not any(may_contact(form, contacts) for form in forms)


@pytest.mark.parametrize("ip", NEVER.split())
def test_named_address_is_not_contacted(ip: str) -> None:
    assert not may_contact(ip, Contacts.PUBLIC)


@pytest.mark.parametrize(
    "text", [*SPELLINGS.split(), "", " 8.8.8.8", "8.8.8.8\n", "٨.8.8.8", "8" * 100_000, "\0", "\ud800"]
)
def test_other_spellings_are_not_contacted(text: str) -> None:
    for contacts in (Contacts.PUBLIC, Contacts.REDIRECTS, Contacts.LAB):
        assert not may_contact(text, contacts)


def test_public_address_passes_inside_the_forms_that_lead_to_it() -> None:
    passing = {form for form, ip in embeddings(PUBLIC_V4).items() if may_contact(ip, Contacts.PUBLIC)}
    assert passing == JUDGED_BY_CONTENT
    assert may_contact(PUBLIC_V4, Contacts.PUBLIC)


def test_literals_of_the_targets_pass() -> None:
    targets = [load_target(TARGETS / f"{name}.toml") for name in [*target_names(TARGETS), "resolvers"]]
    literals = {end.host for target in targets for _, end in target.endpoints() if is_address(end.host)}
    assert len(literals) > 15
    assert [ip for ip in literals if not may_contact(ip, Contacts.PUBLIC)] == []


def test_lab_allows_private_addresses_and_no_others_of_no_host() -> None:
    allowed = [
        "10.0.0.1",
        "192.168.1.1",
        "127.0.0.1",
        "::1",
        "fc00::1",
        "fe80::1",
        "192.0.2.1",
        PUBLIC_V4,
        "2001:db8::1",
    ]
    refused = ["0.0.0.0", "::", "224.0.0.1", "ff02::1", "255.255.255.255", "::ffff:224.0.0.1", "64:ff9b::e000:1"]
    assert [ip for ip in allowed if not may_contact(ip, Contacts.LAB)] == []
    assert [ip for ip in refused if may_contact(ip, Contacts.LAB)] == []


def test_probe_follows_redirects_through_the_translator_of_its_network() -> None:
    local = [ip for form, ip in embeddings(PUBLIC_V4).items() if form.startswith("nat64 local")]
    assert len(local) == 4 and all(may_contact(ip, Contacts.REDIRECTS) for ip in local)
    refused = [ip for ip in all_refused() if ip not in local]
    allowed = [ip for ip in refused if may_contact(ip, Contacts.REDIRECTS)]
    assert all(ip.startswith("64:ff9b:1:") for ip in allowed) and len(allowed) < 3, allowed


def test_probe_contacts_what_the_names_of_its_targets_resolve_to() -> None:
    assert all(may_contact(ip, Contacts.TARGETS) for ip in ("10.10.34.35", "::1", "fe80::1%eth0", PUBLIC_V4))


@given(st.ip_addresses())
def test_address_that_python_calls_special_is_refused(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Check against Python's own list. Newer versions call 6to4 special, which is judged by the address inside."""
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        by_content = any(_has(ipaddress.ip_network(block), ip) for block in ("64:ff9b::/96", "2001::/32", "2002::/16"))
        assert by_content or not may_contact(str(ip), Contacts.PUBLIC)


@given(st.ip_addresses())
def test_address_outside_of_the_allowed_blocks_is_refused(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    """Judge by the integers of the blocks, which the guard does not use."""
    if not may_contact(str(ip), Contacts.PUBLIC):
        return
    inside = [block for block in map(ipaddress.ip_network, SPECIAL_BLOCKS) if _has(block, ip)]
    unicast = any(_has(ipaddress.ip_network(block), ip) for block in [*LISTED["unicast"], "64:ff9b::/96"])
    assert unicast and str(ip) not in METADATA
    assert inside == [] or _has(ipaddress.ip_network("2001::/32"), ip)


@given(st.ip_addresses(v=4), st.sampled_from(sorted(embeddings(PUBLIC_V4))))
def test_embedded_address_is_judged_as_alone(v4: ipaddress.IPv4Address, form: str) -> None:
    alone = may_contact(str(v4), Contacts.PUBLIC)
    assert may_contact(embeddings(str(v4))[form], Contacts.PUBLIC) is (alone and form in JUDGED_BY_CONTENT)


@given(st.ip_addresses(network="2606:2800::/32") | st.ip_addresses(network="93.0.0.0/8") | st.ip_addresses(v=4))
def test_ordinary_address_passes(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    special = any(_has(ipaddress.ip_network(block), ip) for block in SPECIAL_BLOCKS) or str(ip) in METADATA
    hides_one = ip.version == 6 and ip.packed[8:12] in {b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"}
    assert special or hides_one or may_contact(str(ip), Contacts.PUBLIC)


@given(st.text(max_size=60))
def test_any_text_is_judged(text: str) -> None:
    assert may_contact(text, Contacts.PUBLIC) <= is_address(text)


def test_ordinary_prefix_of_the_tests_passes() -> None:
    assert may_contact(f"{PUBLIC_PREFIX}1::", Contacts.PUBLIC)


def _has(
    block: ipaddress.IPv4Network | ipaddress.IPv6Network, ip: ipaddress.IPv4Address | ipaddress.IPv6Address
) -> bool:
    """Return whether the block has the address, by its first bits."""
    return block.version == ip.version and int(ip) >> (ip.max_prefixlen - block.prefixlen) == int(
        block.network_address
    ) >> (ip.max_prefixlen - block.prefixlen)
