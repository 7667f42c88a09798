"""Test that fingerprints of block pages match the documented pages and no innocuous ones."""

import pytest

from probe.signatures.block_pages import Fingerprint, fingerprints, matching

HARMLESS = b"<html><title>Telegram Web</title><body>Hello, we never block anything.</body></html>"


@pytest.mark.parametrize("known", fingerprints(), ids=lambda known: known.id)
def test_each_fingerprint_matches_its_page(known: Fingerprint) -> None:
    if known.place == "body":
        found = matching(f"<html><p>… {known.pattern} …</p></html>".encode(), {"Server": "nginx"})
    else:
        name = known.place.removeprefix("header.").title()
        found = matching(b"", {name: known.pattern + ("" if known.how == "full" else "/?id=1")})
    assert known.id in found


def test_innocuous_page_matches_no_fingerprint() -> None:
    assert matching(HARMLESS, {"Server": "nginx", "Location": "https://web.telegram.org/k/"}) == []
    assert matching(b"", {}) == []


def test_redirect_matches_only_at_its_start() -> None:
    host = "http://internet-positif.org"
    assert matching(b"", {"Location": host}) == ["ooni.id_0"]
    assert matching(b"", {"Location": f"https://news.example/?about={host}"}) == []


def test_bytes_that_are_no_text_match_nothing() -> None:
    assert matching(bytes(range(256)) * 10, {"Server": "\ufffd"}) == []


def test_list_of_fingerprints_is_consistent() -> None:
    listed = fingerprints()
    assert len(listed) > 40
    assert len({known.id for known in listed}) == len(listed)
    for known in listed:
        assert known.place == "body" or known.place.startswith("header.")
        assert known.how in {"full", "prefix", "contains"}
        assert len(known.pattern) >= 10
        assert all(len(country) == 2 for country in known.countries)
