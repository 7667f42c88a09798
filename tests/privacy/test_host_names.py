"""Test which labels of host names are written."""

import pytest

from probe.privacy.host_names import is_followable, kept_name, parents_of
from tests.privacy.encoded.encodings import ENCODINGS, disguised, spellings

ADDRESS = "203.0.113.207"


@pytest.mark.parametrize(
    "name",
    ["web.telegram.org", "www.shown.example", "warning.rt.ru", "m.block.example", "_sip._udp.service.example", ""],
)
def test_name_of_words_remains(name: str) -> None:
    assert kept_name(name) == name


@pytest.mark.parametrize(
    ("name", "tail"),
    [
        ("203-0-113-207.dsl.example", "].dsl.example"),
        ("cpe203x0x113x207.static.provider.example", "].static.provider.example"),
        ("7.113.0.203.in-addr.arpa", "].in-addr.arpa"),
        ("giydglrqfyytcmzog4.example", "].example"),
        ("cb0071cf.example", "].example"),
        ("d3k81ch9hvuctc.images.example", "].images.example"),
    ],
)
def test_other_labels_are_replaced_and_the_suffix_remains(name: str, tail: str) -> None:
    assert kept_name(name).endswith(tail) and kept_name(name).startswith("[")


def test_label_below_a_known_name_keeps_the_known_name() -> None:
    known = parents_of("star.c10r.facebook.com")
    assert kept_name("star.c10r.facebook.com", known) == "star.c10r.facebook.com"
    assert kept_name("203-0-113-207.c10r.facebook.com", known).endswith("].c10r.facebook.com")


def test_mark_depends_on_the_key_of_the_run() -> None:
    name = "203-0-113-207.dsl.example"
    assert kept_name(name, key=b"a") == kept_name(name, key=b"a") != kept_name(name, key=b"b")


def test_redirect_to_an_unknown_brand_is_followed() -> None:
    assert is_followable("www.duckduckgo.com") and is_followable("m.vk.com") and is_followable("www2.bbc.co.uk")


def test_redirect_below_a_known_name_is_followed() -> None:
    assert is_followable("cdn-7f3a.site.example", {"cdn-7f3a.site.example", "site.example"})


@pytest.mark.parametrize("spelling", sorted(spellings(ADDRESS)))
def test_redirect_to_a_name_with_the_address_is_not_followed(spelling: str) -> None:
    label = "".join(c if c.isalnum() or c in ".-" else "-" for c in spellings(ADDRESS)[spelling].lower()).strip("-.")
    assert not is_followable(f"{label}.block.example") or spelling in {"packed, base85", "packed, escapes"}


@pytest.mark.parametrize("encoding", ["base16", "base32, lower", "base32hex"])
def test_redirect_to_a_name_with_the_encoded_address_is_not_followed(encoding: str) -> None:
    label = disguised(ADDRESS, "plain", [encoding]).text.rstrip("=").lower()
    assert encoding in ENCODINGS and not is_followable(f"{label}.block.example")
