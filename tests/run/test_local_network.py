"""Test facts about the local network: kinds of resolver, tunnels by name and link layer, proxies."""

import sys

import pytest

from probe.run import local_network
from probe.run.local_network import interface_of, is_tunnel, proxy_in_environment, resolver_class, through_vpn


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


def test_interface_of_local_address_is_found() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("203.0.113.77") is None
    assert not through_vpn(["127.0.0.1"])


@pytest.mark.parametrize(
    ("name", "link", "tunnel"),
    [
        ("eth0", 1, False),
        ("wlan0", 1, False),
        ("tun0", local_network.ARPHRD_NONE, True),
        ("wg0", local_network.ARPHRD_NONE, True),
        ("home-vpn", local_network.ARPHRD_NONE, True),  # whatever its name: no link layer
        ("wwan0", local_network.ARPHRD_NONE, False),  # a modem with raw IP
        ("ppp0", local_network.ARPHRD_PPP, True),
    ],
)
def test_tunnels_are_recognised_by_name_and_link_layer(
    monkeypatch: pytest.MonkeyPatch, name: str, link: int, tunnel: bool
) -> None:
    answer = bytes(16) + link.to_bytes(2, sys.byteorder) + bytes(238)
    monkeypatch.setattr(local_network, "_ask_interface", lambda request, asked: answer)
    monkeypatch.setattr(local_network, "_pppoe", lambda: False)
    assert is_tunnel(name) == tunnel


def test_pppoe_is_no_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local_network, "_pppoe", lambda: True)
    assert not is_tunnel("ppp0")


def test_proxy_in_environment_is_found_in_both_spellings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    assert not proxy_in_environment()
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:3128")
    assert proxy_in_environment()
