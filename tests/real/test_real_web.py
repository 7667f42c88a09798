"""Test nginx over TCP and QUIC, and the verdict."""

import re
from typing import Any

import pytest

from tests.real.visit import FAMILIES, Visit

pytestmark = pytest.mark.lab


def answered(visited: Visit, network: str) -> list[dict[str, Any]]:
    """Return the requests over TCP or UDP, at both addresses."""
    requests = [entry for entry in visited.entries("web", "requests") if entry["network"] == network]
    assert {request["address"].startswith("[") for request in requests} == FAMILIES
    return requests


def server(request: dict[str, Any]) -> str:
    return next(str(value) for key, value in request["response"]["headers_list"] if key.lower() == "server")


@pytest.mark.parametrize(("service", "proof"), [("web/https", "http"), ("web/quic", "quic"), ("web/http3", "http")])
def test_verdict_is_ok(visited: Visit, service: str, proof: str) -> None:
    visited.assert_ok(service, proof)


@pytest.mark.parametrize(("network", "protocol"), [("tcp", "HTTP/1.1"), ("udp", "HTTP/3.0")])
def test_body_and_server_header_are_those_of_nginx(visited: Visit, network: str, protocol: str) -> None:
    for request in answered(visited, network):
        version = re.fullmatch(r"nginx/(\d+\.\d+\.\d+)", server(request))
        assert version
        text = f"nginx {version[1]} over {protocol}\n"
        assert request["response"]["x_body_length"] == len(text)


def test_helper_measures_same_server(visited: Visit) -> None:
    requests = visited.measurements["web"]["test_keys"]["x_control"]["test_keys"]["requests"]
    assert requests
    assert all(server(request).startswith("nginx/") for request in requests)
    here = {request["response"]["x_body_sha256"] for request in answered(visited, "tcp")}
    assert here & {request["response"]["x_body_sha256"] for request in requests}  # under the same key of the run
    assert visited.verdicts["web/https"]["control_successes"] > 0


def test_tls_handshake_is_recorded(visited: Visit) -> None:
    handshakes = [
        entry for entry in visited.entries("web", "tls_handshakes") if entry["server_name"] == "nginx.real.example"
    ]
    assert handshakes
    assert {(entry["tls_version"], entry["failure"]) for entry in handshakes} == {("TLSv1.3", None)}


def test_quic_handshake_is_recorded(visited: Visit) -> None:
    handshakes = visited.entries("web", "quic_handshakes")
    own = [entry for entry in handshakes if entry["server_name"] == "nginx.real.example"]
    assert len(own) >= 2 * len(FAMILIES)  # two services, at each address
    assert {(entry["failure"], entry["tls_version"], entry["x_quic_version"]) for entry in own} == {
        (None, "TLSv1.3", "1")
    }
    assert all(entry["peer_certificates"] for entry in own)
