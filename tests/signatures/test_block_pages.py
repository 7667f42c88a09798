"""Fingerprints of block pages match what they were documented for, and nothing harmless."""

import pytest

from probe.signatures.block_pages import Fingerprint, fingerprints, matching

HARMLESS = b"<html><title>Telegram Web</title><body>Hello, we never block anything.</body></html>"


@pytest.mark.parametrize("known", fingerprints(), ids=lambda known: known.id)
def test_each_finds_its_own_page(known: Fingerprint) -> None:
    if known.place == "body":
        found = matching(f"<html><p>… {known.pattern} …</p></html>".encode(), {"Server": "nginx"})
    else:
        name = known.place.removeprefix("header.").title()
        found = matching(b"", {name: known.pattern + ("" if known.how == "full" else "/?id=1")})
    assert known.id in found


def test_a_harmless_page_matches_none() -> None:
    assert matching(HARMLESS, {"Server": "nginx", "Location": "https://web.telegram.org/k/"}) == []
    assert matching(b"", {}) == []


def test_a_redirect_matches_at_its_start_only() -> None:
    host = "http://internet-positif.org"
    assert matching(b"", {"Location": host}) == ["ooni.id_0"]
    assert matching(b"", {"Location": f"https://news.example/?about={host}"}) == []


def test_bytes_that_are_no_text_are_survived() -> None:
    assert matching(bytes(range(256)) * 10, {"Server": "\ufffd"}) == []


def test_the_list_is_sound() -> None:
    listed = fingerprints()
    assert len(listed) > 40
    assert len({known.id for known in listed}) == len(listed)
    for known in listed:
        assert known.place == "body" or known.place.startswith("header.")
        assert known.how in {"full", "prefix", "contains"}
        assert len(known.pattern) >= 10
        assert all(len(country) == 2 for country in known.countries)
