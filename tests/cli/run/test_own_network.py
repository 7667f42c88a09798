"""Test what `probe doctor` says about routes, tunnels and virtual networks of this computer."""

from datetime import date

import pytest

from probe.cli.run import own_network
from probe.cli.run.own_network import changes_finding, own_network_findings, routes_finding, tunnels_finding
from probe.platforms import interfaces
from probe.run.network import local_network
from probe.targets.target import Service, Target, parse_endpoint

DATA_CENTRE = "149.154.167.51"


def target(url: str) -> Target:
    service = Service("web", "all", (parse_endpoint(url),))
    return Target("telegram", "telegram", "Telegram", "", date(2026, 1, 1), {"web": service}, "")


def system(monkeypatch: pytest.MonkeyPatch, carried: str = "", *listed: tuple[str, str]) -> None:
    """Let a system have interfaces with addresses. Packets to `carried` leave through the tunnel wg0."""
    names = {"192.0.2.7": "eth0", "100.64.0.9": "wg0"}
    monkeypatch.setattr(interfaces, "listed", lambda: iter(listed))
    monkeypatch.setattr(interfaces, "_link_layer", lambda name: 1)
    monkeypatch.setattr(
        local_network, "source_addresses", lambda ips: ["100.64.0.9" if ip == carried else "192.0.2.7" for ip in ips]
    )
    monkeypatch.setattr(local_network, "interface_of", names.get)


def test_one_connection_is_fine_and_several_are_worth_a_note() -> None:
    (one, several) = routes_finding(["eth0"]), routes_finding(["eth0", "wlan0"])
    assert one is not None and one.state == "fine" and "eth0" in one.sentence
    assert several is not None and several.state == "note" and "eth0, wlan0" in several.sentence
    assert routes_finding([]) is None


def test_services_that_a_tunnel_carries_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, DATA_CENTRE, ("wg0", "100.64.0.9"))
    found = tunnels_finding([target(f"mtproto://{DATA_CENTRE}:443")], ["wg0"])
    assert found is not None and found.state == "note" and "Connections to Telegram" in found.sentence
    assert "wg0" in found.sentence


def test_tunnel_for_other_addresses_is_named_and_no_tunnel_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    system(monkeypatch, "10.0.0.1")
    known = [target(f"mtproto://{DATA_CENTRE}:443")]
    found = tunnels_finding(known, ["tailscale0"])
    assert found is not None and found.state == "note" and "some addresses alone (tailscale0)" in found.sentence
    assert tunnels_finding(known, []) is None


def test_interfaces_of_this_computer_are_sorted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show macOS's own tunnels with link-local addresses, a client of a company's network, Docker and Hyper-V."""
    names = ("eth0", "192.0.2.7"), ("utun0", "fe80::1"), ("utun5", "100.64.0.9"), ("docker0", "172.17.0.1")
    system(monkeypatch, "", *names, ("br-5f1c0e0a2b3d", "172.18.0.1"), ("vEthernet (WSL)", "172.19.0.1"))
    monkeypatch.setattr(own_network, "default_interfaces", lambda: ["eth0"])
    found = {one.subject: one for one in own_network_findings([], vpn=False)}
    assert set(found) == {"routes", "tunnels", "virtual networks"}
    assert "utun5" in found["tunnels"].sentence and "utun0" not in found["tunnels"].sentence
    assert found["virtual networks"].state == "fine"
    assert "docker0, br-5f1c0e0a2b3d, vEthernet (WSL)" in found["virtual networks"].sentence
    assert "tunnels" not in {one.subject for one in own_network_findings([], vpn=True)}


def test_nothing_is_said_if_nothing_changed() -> None:
    assert changes_finding([]) == []
    assert [one.state for one in changes_finding(["network"])] == ["note"]
