"""Test that a false helper cannot remove the evidence about a server, and that our own address is redacted."""

from typing import Any

import pytest

from probe.run.learned_addresses import LearnedAddresses

OURS, SERVER, RESOLVER, NEUTRAL = "93.184.216.77", "149.154.167.99", "9.9.9.9", "93.184.215.14"
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


@pytest.mark.parametrize("false", ["10.10.34.35", "127.0.0.1", "0.0.0.0", "224.0.0.1", "fe80::1", "2001:db8::1"])
def test_address_that_no_client_has_is_not_redacted_and_the_claim_is_recorded(false: str) -> None:
    """Check that the claim cannot remove a forged answer: censors give private addresses too."""
    test_keys = keys((SERVER, ["dot"]))
    said = learned(OURS, false)
    assert said.ours(test_keys) == {OURS} and said.first == OURS
    said.mark_false(test_keys)
    assert test_keys["x_control"]["anomalies"] == ["your_address"]


def test_measurement_without_control_has_no_anomaly() -> None:
    test_keys = keys((SERVER, ["dot"])) | {"x_control": None}
    learned(SERVER).mark_false(test_keys)
    assert test_keys["x_control"] is None
