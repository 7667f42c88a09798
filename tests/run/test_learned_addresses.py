"""Test that a false helper cannot remove the evidence about a server, and that our own address is redacted."""

from typing import Any

import pytest

from probe.run.learned_addresses import LearnedAddresses

OURS, SERVER, RESOLVER, NEUTRAL = "203.0.113.77", "198.51.100.9", "192.0.2.53", "192.0.2.80"
SERVER6, SAME_NETWORK, OURS6 = "2a03:2880:f200::ec2b", "2a03:2880:f200::1", "2a09:1234:5678:9abc::77"


def keys(*flows: tuple[str, list[str]]) -> dict[str, Any]:
    return {
        "x_transactions": [{"address": address, "address_sources": sources} for address, sources in flows],
        "x_run": {"preflight": {"neutral": [{"address": NEUTRAL, "failure": None}]}},
        "x_control": {"failure": None},
    }


def learned(*addresses: str) -> LearnedAddresses:
    found = LearnedAddresses([RESOLVER])
    for address in addresses:
        found.add(address)
    return found


@pytest.mark.parametrize("false", [SERVER, SERVER6, SAME_NETWORK, RESOLVER, NEUTRAL])
@pytest.mark.parametrize("source", ["literal", "dot", "doh"])
def test_address_of_a_server_is_not_ours_and_the_claim_is_recorded(false: str, source: str) -> None:
    test_keys = keys((SERVER, ["system", source]), (SERVER6, [source]))
    said = learned(OURS, false)
    assert said.ours(test_keys) == {OURS}
    said.mark_false(test_keys)
    assert test_keys["x_control"]["anomalies"] == ["your_address"]


@pytest.mark.parametrize("ours", [OURS, OURS6])
@pytest.mark.parametrize("sources", [["system"], ["system", "udp"], ["control"], ["system", "udp", "control"]])
def test_our_address_in_a_false_answer_is_still_ours(ours: str, sources: list[str]) -> None:
    """Check that neither the network nor the helper can cause our address to be written."""
    test_keys = keys((ours, sources), (SERVER, ["dot"]))
    assert learned(ours).ours(test_keys) == {ours}
    learned(ours).mark_false(test_keys)
    assert "anomalies" not in test_keys["x_control"]


def test_neutral_host_without_certificate_may_have_our_address() -> None:
    """Check that a false answer for a host to which we only connect cannot cause our address to be written."""
    test_keys = keys()
    test_keys["x_run"]["preflight"]["neutral"].append({"address": OURS, "failure": None, "connect_only": True})
    assert learned(OURS).ours(test_keys) == {OURS}


def test_network_is_looked_up_by_the_first_address_that_may_be_ours() -> None:
    assert learned(RESOLVER, "no address", OURS, OURS6).first == OURS
    assert learned().first is None


def test_measurement_without_control_has_no_anomaly() -> None:
    test_keys = keys((SERVER, ["dot"])) | {"x_control": None}
    learned(SERVER).mark_false(test_keys)
    assert test_keys["x_control"] is None
