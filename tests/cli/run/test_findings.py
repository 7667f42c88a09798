"""Test the findings of `probe doctor` about a part of the Internet that is not reachable."""

from typing import Any

import pytest

from probe.cli.run.findings import Finding, findings

FINE = {"endpoint": "https://one.example:443/", "family": 4, "failure": None}
FAR = {"endpoint": "https://far.example:443/help", "family": 4, "failure": None, "connect_only": True}
LOST = FAR | {"failure": "generic_timeout_error", "failed_operation": "connect"}


def connection(*hosts: dict[str, Any], **facts: Any) -> Finding:
    return findings({"network": True, "ipv4": True, "ipv4_proven": True, "neutral": list(hosts)} | facts)[0]


def test_silent_neutral_host_is_named_as_a_part_that_is_not_reachable() -> None:
    found = connection(FINE, LOST, LOST)
    assert found.state == "note" and "far.example did not answer" in found.sentence


@pytest.mark.parametrize(
    "host",
    [FAR, LOST | {"family": 6}, LOST | {"failure": "connection_refused"}, LOST | {"failed_operation": "tls_handshake"}],
    ids=["answered", "family does not work", "refused", "later step"],
)
def test_other_results_are_no_missing_part(host: dict[str, Any]) -> None:
    found = connection(FINE, host)
    assert found.state == "fine" and "not reachable" not in found.sentence


def test_only_hosts_with_a_handshake_are_counted_as_verified() -> None:
    assert connection(FINE, FAR).sentence == "It works. 1 of 1 neutral hosts were verified."
