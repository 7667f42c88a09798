"""Test facts about the local network: kinds of resolver, VPNs, proxies."""

from collections.abc import Iterable

import pytest

from probe.run.network import local_network
from probe.run.network.local_network import proxy_in_environment, resolver_class, through_vpn, translation


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


INTERFACES = {
    "192.0.0.4": "v4-rmnet_data0",
    "192.0.0.1": "clat",
    "192.0.0.9": "tun0",
    "10.8.0.2": "tun0",
    "2001:db8::5": "rmnet_data0",
    "fd00::2": "tun0",
    "192.168.1.5": "eth0",
}


def leaves_by(routes: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Give flows to each destination a source address, whose interface is in `INTERFACES`."""

    def sources(destinations: Iterable[str]) -> list[str]:
        return list(dict.fromkeys(routes[ip] for ip in destinations if ip in routes))

    monkeypatch.setattr(local_network, "source_addresses", sources)
    monkeypatch.setattr(local_network, "interface_of", INTERFACES.get)
    monkeypatch.setattr(local_network, "is_tunnel", lambda name: name.startswith(("tun", "clat", "v4-")))


@pytest.mark.parametrize(
    ("sources", "vpn", "how"),
    [
        (["192.0.0.4", "2001:db8::5"], False, "clat"),
        (["192.0.0.1", "2001:db8::5"], False, "clat"),
        (["192.0.0.9", "2001:db8::5"], True, None),  # beyond the addresses of RFC 7335
        (["10.8.0.2", "2001:db8::5"], True, None),  # a VPN for IPv4 alone
        (["192.0.0.4", "fd00::2"], True, None),  # IPv6 leaves through a VPN, and so does what is translated into it
        (["192.0.0.4"], True, None),  # without IPv6 nothing can be translated into it
        (["192.168.1.5", "2001:db8::5"], False, None),
    ],
)
def test_translator_of_this_computer_is_no_vpn(
    sources: list[str], vpn: bool, how: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    routes = dict(zip(["8.8.8.8", "2001:4860:4860::8888"], sources, strict=False))
    leaves_by(routes, monkeypatch)
    assert through_vpn(list(routes)) is vpn
    assert translation(list(routes), by_probe=False) == how
    assert translation(["8.8.8.8"], by_probe=True) == "nat64"


HOME, TUNNEL, HOME_6, TUNNEL_6 = "192.168.1.5", "10.8.0.2", "2001:db8::5", "fd00::2"


@pytest.mark.parametrize(
    ("routes", "vpn"),
    [
        ((HOME, HOME, HOME), False),  # with Docker, a virtual machine, or a tunnel for a company's addresses beside it
        ((TUNNEL, HOME, HOME), False),  # a tunnel for one resolver alone
        ((TUNNEL, TUNNEL, HOME), True),  # a VPN with an exception
        ((TUNNEL, TUNNEL, TUNNEL), True),
        ((HOME, HOME, HOME, TUNNEL_6, TUNNEL_6, TUNNEL_6), True),  # a VPN for IPv6 alone
        ((HOME, HOME, HOME, HOME_6, HOME_6, TUNNEL_6), False),
        ((), False),
    ],
)
def test_tunnel_for_some_addresses_is_no_vpn(
    routes: tuple[str, ...], vpn: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    destinations = ["8.8.8.8", "1.1.1.1", "9.9.9.9", "2001:4860:4860::8888", "2606:4700:4700::1111", "2620:fe::fe"]
    leaves_by(dict(zip(destinations, routes, strict=False)), monkeypatch)
    assert through_vpn(destinations) is vpn
