"""Test Postfix and Dovecot: greetings, capabilities before and after STARTTLS, and the verdict."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.real.visit import FAMILIES, Visit

pytestmark = pytest.mark.lab
POSTFIX_CAPABILITIES = {"PIPELINING", "VRFY", "ETRN", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"}
DOVECOT_CAPABILITIES = {"IMAP4rev1", "LOGIN-REFERRALS", "ID", "ENABLE", "IDLE", "SASL-IR", "LITERAL+"}


def dialogues(visited: Visit, port: int, operation: str, over_tls: bool) -> Iterator[dict[str, Any]]:
    """Return the entries of a port at both addresses, none of which failed."""
    entries = [
        entry
        for entry in visited.entries("mail", "mail")
        if entry["address"].endswith(f":{port}") and (entry["operation"], entry["over_tls"]) == (operation, over_tls)
    ]
    assert {entry["address"].startswith("[") for entry in entries} == FAMILIES
    assert {entry["failure"] for entry in entries} == {None}
    return iter(entries)


def handshakes(visited: Visit, port: int) -> list[dict[str, Any]]:
    return [entry for entry in visited.entries("mail", "tls_handshakes") if entry["address"].endswith(f":{port}")]


@pytest.mark.parametrize(("service", "proof"), [("mail/smtp", "smtp"), ("mail/imap", "imap")])
def test_verdict_is_ok(visited: Visit, service: str, proof: str) -> None:
    visited.assert_ok(service, proof)


@pytest.mark.parametrize("port", [587, 465, 143, 993])
def test_certificate_is_recorded_with_and_without_starttls(visited: Visit, port: int) -> None:
    own = {587: "postfix", 465: "postfix", 143: "dovecot", 993: "dovecot"}[port] + ".real.example"
    found = [entry for entry in handshakes(visited, port) if entry["server_name"] == own]
    assert found
    for entry in found:
        assert (entry["failure"], entry["tls_version"]) == (None, "TLSv1.3")
        assert entry["peer_certificates"]


def test_postfix_greets_and_offers_starttls(visited: Visit) -> None:
    for entry in dialogues(visited, 587, "greeting", over_tls=False):
        assert (entry["banner_code"], entry["banner"]) == (220, "postfix.real.example ESMTP Postfix")
        assert set(entry["capabilities"]) >= {*POSTFIX_CAPABILITIES, "STARTTLS"}
        assert (entry["starttls"], entry["masked_as"]) == ("offered", "")


def test_postfix_upgrades_and_then_offers_no_starttls(visited: Visit) -> None:
    for entry in dialogues(visited, 587, "starttls", over_tls=False):
        assert (entry["accepted"], entry["code"], entry["answer"]) == (True, 220, "2.0.0 Ready to start TLS")
        assert "x_injected" not in entry
    for entry in dialogues(visited, 587, "greeting", over_tls=True):
        assert set(entry["capabilities"]) >= POSTFIX_CAPABILITIES
        assert "STARTTLS" not in entry["capabilities"]


def test_postfix_over_tls_greets_without_starttls(visited: Visit) -> None:
    for entry in dialogues(visited, 465, "greeting", over_tls=True):
        assert (entry["banner_code"], entry["banner"]) == (220, "postfix.real.example ESMTP Postfix")
        assert set(entry["capabilities"]) >= POSTFIX_CAPABILITIES
        assert "STARTTLS" not in entry["capabilities"]


def test_dovecot_greets_and_offers_starttls(visited: Visit) -> None:
    for entry in dialogues(visited, 143, "greeting", over_tls=False):
        assert entry["banner"].endswith("Dovecot ready.")
        assert set(entry["capabilities"]) >= {*DOVECOT_CAPABILITIES, "STARTTLS", "LOGINDISABLED"}
        assert (entry["starttls"], entry["masked_as"]) == ("offered", "")


def test_dovecot_upgrades_and_then_offers_login(visited: Visit) -> None:
    for entry in dialogues(visited, 143, "starttls", over_tls=False):
        assert (entry["accepted"], entry["answer"]) == (True, "OK Begin TLS negotiation now.")
        assert "x_injected" not in entry
    for entry in dialogues(visited, 143, "greeting", over_tls=True):
        assert set(entry["capabilities"]) >= {*DOVECOT_CAPABILITIES, "AUTH=PLAIN"}
        assert not {"STARTTLS", "LOGINDISABLED"} & set(entry["capabilities"])


def test_dovecot_over_tls_offers_login(visited: Visit) -> None:
    for entry in dialogues(visited, 993, "greeting", over_tls=True):
        assert entry["banner"].endswith("Dovecot ready.")
        assert set(entry["capabilities"]) >= {*DOVECOT_CAPABILITIES, "AUTH=PLAIN"}
