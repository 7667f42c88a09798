"""Test the findings of `probe doctor` about a part of the Internet that is not reachable, and about lost packets."""

from typing import Any

import pytest

from probe.cli.run.findings import NetworkFinding, findings, ports_finding
from probe.formats.network_facts import PortConnect
from probe.signatures.compared_ports import UNASSIGNED

FINE = {"endpoint": "https://one.example:443/", "family": 4, "failure": None}
FAR = {"endpoint": "https://far.example:443/help", "family": 4, "failure": None, "connect_only": True}
LOST = FAR | {"failure": "generic_timeout_error", "failed_operation": "connect"}


def connection(*hosts: dict[str, Any], **facts: Any) -> NetworkFinding:
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
    assert connection(FINE, FAR).sentence == "The network works. 1 of 1 neutral hosts were verified."


def test_answers_from_the_country_alone_are_said_to_be_that() -> None:
    lost = {"failure": "generic_timeout_error", "failed_operation": "connect"}
    home = {"endpoint": "https://home.example:443/", "family": 4, "failure": None, "home": True}
    found = connection(home, LOST, FINE | lost)
    assert found.state == "note"
    assert found.sentence == "Servers in the country answer (home.example). No neutral host abroad does."
    assert connection(home | lost, LOST).sentence == "The provider's name server answers. No neutral host does."
    assert "in the country" not in connection(home, LOST, FINE).sentence
    assert "in the country" not in connection(home).sentence  # no host abroad was tested
    assert "in the country" not in connection(home, LOST, portal="redirect").sentence


def packet_size(**facts: Any) -> NetworkFinding:
    (found,) = [one for one in findings({"network": True, "neutral": [FINE]} | facts) if one.subject == "packet size"]
    return found


def test_lowered_segments_are_explained_in_plain_words() -> None:
    both = packet_size(mtu={"ipv4": 1200, "ipv6": 1200, "refused": []})
    seen, done = "Large packets are lost on the way (no error message comes back).", "uses small packets for this run."
    assert both.state == "note" and both.sentence.startswith(seen) and done in both.sentence
    for key, family in (("ipv4", "IPv4"), ("ipv6", "IPv6")):
        one = packet_size(mtu={"ipv4": None, "ipv6": None, "refused": [], key: 1200})
        assert one.state == "note" and f"lost on the way over {family} (no error" in one.sentence


def test_refused_segments_are_explained_with_what_to_do() -> None:
    found = packet_size(mtu={"ipv4": None, "ipv6": None, "refused": [4]})
    assert found.state == "note" and "not called blocking" in found.sentence and "run again" in found.sentence


def test_large_packets_arrive_if_a_neutral_host_was_verified() -> None:
    assert packet_size() == NetworkFinding("packet size", "fine", "Large packets arrive.")
    for hosts in ([], [FAR], [FINE | {"failure": "generic_timeout_error"}]):
        assert packet_size(neutral=hosts).sentence.startswith("It is unknown")


def finding(subject: str, **facts: Any) -> NetworkFinding:
    (found,) = [one for one in findings({"network": True, "neutral": [FINE]} | facts) if one.subject == subject]
    return found


def test_unknown_resolver_is_no_fault_where_names_resolve() -> None:
    found = finding("resolver", resolver_class="none")
    assert found == NetworkFinding(
        "resolver", "fine", "This system does not say which one it uses. Names resolve here."
    )
    literal = FINE | {"endpoint": "https://192.0.2.7:443/"}
    for hosts in ([], [literal]):
        found = finding("resolver", resolver_class="none", neutral=hosts)
        assert found.state == "note" and found.sentence.startswith("Names do not resolve here")


def test_vpn_that_cannot_be_recognised_is_unknown() -> None:
    assert finding("VPN", vpn=False).state == "fine"
    assert finding("VPN", vpn=True).state == "bad"
    found = finding("VPN", vpn=None)
    assert found.state == "note" and found.sentence.startswith("It is unknown")


def connects(*rows: tuple[str, int, str | None]) -> list[PortConnect]:
    return [PortConnect(host=host, family=4, port=port, failure=failed) for host, port, failed in rows]


def test_ports_that_are_closed_for_every_server_are_named() -> None:
    lost = "generic_timeout_error"
    rows = connects(("a", 993, lost), ("a", 443, None), ("a", UNASSIGNED, None), ("b", 465, None), ("a", 587, lost))
    (found,) = ports_finding(rows)
    assert (found.subject, found.state) == ("ports", "note") and "every server: 587, 993." in found.sentence
    (found,) = ports_finding(rows[:2] + connects(("a", UNASSIGNED, lost)))
    assert found.state == "note" and "closes other ports for every server" in found.sentence


def test_open_ports_are_fine_and_unknown_ones_are_left_out() -> None:
    lost = "generic_timeout_error"
    assert [one.state for one in ports_finding(connects(("a", 993, None)))] == ["fine"]
    assert [one.state for one in ports_finding(connects(("a", 993, lost), ("a", 443, None), ("b", 993, None)))] == [
        "fine"
    ]
    assert ports_finding([]) == ports_finding(connects(("a", 993, lost), ("a", 443, lost))) == []


@pytest.mark.parametrize(("how", "word"), [("clat", "464XLAT"), ("nat64", "NAT64"), (None, "IPv4 and IPv6 work")])
def test_translation_of_ipv4_is_named(how: str | None, word: str) -> None:
    facts = {"network": True, "ipv4": True, "ipv6": True, "ipv4_translated": how, "neutral": [FINE]}
    (found,) = [one for one in findings(facts) if one.subject == "addresses"]
    assert found.state == "fine" and word in found.sentence
