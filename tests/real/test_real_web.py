"""nginx: what only it says, and the verdict."""

import hashlib
import re

import pytest

from tests.real.visit import Visit

pytestmark = pytest.mark.lab


def test_https(visited: Visit) -> None:
    visited.assert_ok("web/https")
    requests = visited.entries("web", "requests")
    assert {request["address"].startswith("[") for request in requests} == {True, False}  # over both families
    for request in requests:
        version = re.fullmatch(r"nginx/(\d+\.\d+\.\d+)", request["response"]["headers"]["Server"])
        assert version
        text = f"nginx {version[1]} over HTTP/1.1\n"
        assert request["response"]["x_body_sha256"] == hashlib.sha256(text.encode()).hexdigest()


def test_the_helper_saw_the_same_server(visited: Visit) -> None:
    control = visited.lines["web"]["test_keys"]["x_control"]
    assert "nginx/" in str(control)
    assert visited.verdicts["web/https"]["control_successes"] > 0


def test_its_tls_is_recorded(visited: Visit) -> None:
    handshakes = [
        entry for entry in visited.entries("web", "tls_handshakes") if entry["server_name"] == "nginx.real.example"
    ]
    assert handshakes
    assert {(entry["tls_version"], entry["failure"]) for entry in handshakes} == {("TLSv1.3", None)}
