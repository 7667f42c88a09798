"""Test coturn and Kamailio over UDP, TCP and TLS, and the verdict."""

import re
from typing import Any

import pytest

from tests.real.visit import FAMILIES, Visit

pytestmark = pytest.mark.lab
TRANSPORTS = ["udp", "tcp", "tls"]


def exchanges(visited: Visit, kind: str, transport: str, method: str) -> list[dict[str, Any]]:
    """Return the exchanges of one kind at both addresses, none of which failed."""
    entries = [
        entry
        for entry in visited.entries("calls", kind)
        if (entry["transport"], entry["method"]) == (transport, method)
    ]
    assert {entry["address"].startswith("[") for entry in entries} == FAMILIES
    assert {entry["failure"] for entry in entries} == {None}
    return entries


@pytest.mark.parametrize(("service", "proof"), [("calls/stun", "stun"), ("calls/turn", "turn"), ("calls/sip", "sip")])
def test_verdict_is_ok(visited: Visit, service: str, proof: str) -> None:
    visited.assert_ok(service, proof)


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_coturn_answers_binding_requests(visited: Visit, transport: str) -> None:
    for entry in exchanges(visited, "stun", transport, "binding"):
        assert re.fullmatch(r"Coturn-4\.\d+\.\d+ '.+'", entry["software"])
        assert (entry["response"], entry["error_code"], entry["x_foreign"]) == ("success", 0, 0)
        is_ipv6 = entry["address"].startswith("[")
        assert entry["mapped_family"] == (6 if is_ipv6 else 4)
        assert entry["mapped_differs"] is not is_ipv6  # the home router translates IPv4 only


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_coturn_demands_a_password(visited: Visit, transport: str) -> None:
    for entry in exchanges(visited, "stun", transport, "allocate"):
        assert entry["software"].startswith("Coturn-")
        assert (entry["response"], entry["error_code"]) == ("error", 401)
        assert entry["has_realm"]
        assert entry["has_nonce"]


@pytest.mark.parametrize("transport", TRANSPORTS)
def test_kamailio_answers_options(visited: Visit, transport: str) -> None:
    for entry in exchanges(visited, "sip", transport, "OPTIONS"):
        assert re.fullmatch(r"kamailio \(\d+\.\d+\.\d+ \(.+\)\)", entry["server"])
        assert (entry["code"], entry["reason"]) == (200, "Keepalive")
        assert (entry["rewritten"], entry["x_foreign"]) == ([], 0)
