"""Test facts about the local network: kinds of resolver, VPNs, proxies."""

import pytest

from probe.run.network import local_network
from probe.run.network.local_network import proxy_in_environment, resolver_class, through_vpn


@pytest.mark.parametrize(
    ("servers", "kind"),
    [
        ([], "none"),
        (["192.168.1.1", "8.8.8.8"], "private"),
        (["127.0.0.53"], "private"),
        (["fe80::1%eth0"], "private"),
        (["8.8.8.8"], "public"),
        (["195.92.195.94"], "isp"),
    ],
)
def test_resolver_class_follows_addresses(servers: list[str], kind: str) -> None:
    assert resolver_class(servers, {"8.8.8.8"}) == kind


def test_proxy_in_environment_is_found_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not proxy_in_environment()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_in_environment()


def test_vpn_is_unknown_where_the_system_names_no_interfaces(monkeypatch: pytest.MonkeyPatch) -> None:
    assert through_vpn(["127.0.0.1"]) is False
    monkeypatch.setattr(local_network, "interface_of", lambda source: "tun0")
    assert through_vpn(["127.0.0.1"]) is True
    monkeypatch.setattr(local_network, "recognizes_every_tunnel", lambda: False)
    assert through_vpn(["127.0.0.1"]) is True
    monkeypatch.setattr(local_network, "interface_of", lambda source: "Ethernet")
    assert through_vpn(["127.0.0.1"]) is None
