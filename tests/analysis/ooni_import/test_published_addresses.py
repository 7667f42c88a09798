"""Test that a connect to WhatsApp's chat servers counts at addresses that WhatsApp published, and at no others."""

from itertools import cycle
from typing import Any

import pytest

from probe.signatures.published_addresses import are_published
from tests.analysis.ooni_import.test_measurements import altered, judged, states

PUBLISHED = ("15.197.206.217", "3.33.252.61", "15.197.210.208", "3.33.221.48")
"""What the names have in the sample of OONI's specification, which is of 2022-12-07.

https://github.com/ooni/spec/blob/e8aafe45d5bd15a371a08dfbeb0dc557e1622d04/nettests/ts-018-whatsapp.md
"""
OF_META, FOREIGN, BOGON = "157.240.21.1", "130.192.182.17", "10.10.34.35"


def chat(*addresses: str, connects: str | None = None) -> dict[str, Any]:
    """Return the sample whose chat servers have the addresses in turn. `connects` is the failure of each connect."""
    line = altered("whatsapp-ok")
    keys, given = line["test_keys"], dict[str, str]()
    for query, address in zip(
        (query for query in keys["queries"] if query["hostname"].startswith("e")), cycle(addresses), strict=False
    ):
        given[query["answers"][0]["ipv4"]] = address
        query["answers"][0] |= {"ipv4": address, "asn": 16509}
    for entry in keys["tcp_connect"]:
        if entry["ip"] in given:
            entry |= {"ip": given[entry["ip"]], "status": {"success": connects is None, "failure": connects}}
    return line


def test_connects_to_published_addresses_are_ok_as_far_as_tcp() -> None:
    (record,) = [each for each in judged(chat(*PUBLISHED)) if each["service"] == "whatsapp/chat"]
    assert (record["state"], record["rule_id"], record["proof"]) == ("ok", "tcp_connects", "tcp")
    assert states(chat("34.194.71.217"))["chat"] == "ok", "an address of the sample of 2020"


@pytest.mark.parametrize("false", [OF_META, FOREIGN])
def test_connects_to_other_addresses_prove_nothing(false: str) -> None:
    """Give the names addresses that accept connections. One of Meta's is no better, since censors give those too."""
    assert states(chat(false))["chat"] == "insufficient"


def test_false_address_beside_a_published_one_is_not_verified() -> None:
    line = chat(*PUBLISHED)
    for query in line["test_keys"]["queries"]:
        if query["hostname"].startswith("e"):
            query["answers"] = [*query["answers"], {"answer_type": "A", "ipv4": FOREIGN, "asn": 137}]
    assert states(line)["chat"] == "insufficient"


def test_bogon_is_never_ok() -> None:
    assert states(chat(BOGON))["chat"] != "ok"


def test_captive_portal_that_accepts_each_connection_is_no_chat_server() -> None:
    line = chat(*PUBLISHED)
    for entry in line["test_keys"]["tls_handshakes"]:
        entry["failure"] = "ssl_invalid_hostname"
    for entry in line["test_keys"]["requests"]:
        entry["failure"] = "ssl_invalid_hostname"
    assert states(line)["chat"] == "insufficient"


@pytest.mark.parametrize("failure", ["generic_timeout_error", "connection_reset", "connection_refused"])
def test_failed_connects_to_published_addresses_accuse_nothing(failure: str) -> None:
    """Let the servers be silent or refuse. OONI has no control for them, so they may be out of order everywhere."""
    assert states(chat(*PUBLISHED, connects=failure))["chat"] == "impaired"


@pytest.mark.parametrize(
    "name", ["e17.whatsapp.net", "e1.whatsapp.net.example", "v.whatsapp.net", "e0.whatsapp.net", ""]
)
def test_only_the_chat_servers_have_published_addresses(name: str) -> None:
    assert not are_published(name, PUBLISHED)
    assert are_published("e16.whatsapp.net", PUBLISHED[:1]) and not are_published("e16.whatsapp.net", ())
