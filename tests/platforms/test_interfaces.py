"""Test interfaces: their names and addresses, tunnels by name and link layer."""

import sys
from types import SimpleNamespace

import pytest

from probe.platforms import interfaces, own_addresses
from probe.platforms.interfaces import interface_of, is_tunnel, names_interfaces


def test_interface_of_local_address_is_found() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("203.0.113.77") is None
    assert interface_of("::1") in {"lo", None}, "a machine may have no IPv6"


@pytest.mark.parametrize(
    ("name", "link", "tunnel"),
    [
        ("eth0", 1, False),
        ("wlan0", 1, False),
        ("tun0", interfaces.ARPHRD_NONE, True),
        ("wg0", interfaces.ARPHRD_NONE, True),
        ("home-vpn", interfaces.ARPHRD_NONE, True),  # whatever its name: no link layer
        ("wwan0", interfaces.ARPHRD_NONE, False),  # a modem with raw IP
        ("ppp0", interfaces.ARPHRD_PPP, True),
    ],
)
def test_tunnels_are_recognised_by_name_and_link_layer(
    monkeypatch: pytest.MonkeyPatch, name: str, link: int, tunnel: bool
) -> None:
    answer = bytes(16) + link.to_bytes(2, sys.byteorder) + bytes(238)
    monkeypatch.setattr(interfaces, "_ask_interface", lambda request, asked: answer)
    monkeypatch.setattr(interfaces, "_pppoe", lambda: False)
    assert is_tunnel(name) == tunnel


def test_pppoe_is_no_tunnel(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_pppoe", lambda: True)
    assert not is_tunnel("ppp0")


def test_system_without_the_call_names_no_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    assert names_interfaces()
    monkeypatch.setattr(interfaces, "_libc", lambda: None)
    assert not names_interfaces() and interface_of("127.0.0.1") is None


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer as ifaddr 0.2.0 does on Windows: an adapter's description, IPv4 as text and IPv6 as a tuple."""
    adapters = [
        SimpleNamespace(nice_name="Intel(R) Wi-Fi 6 AX201 160MHz", ips=[SimpleNamespace(ip="192.168.1.7")]),
        SimpleNamespace(
            nice_name="WireGuard Tunnel",
            ips=[SimpleNamespace(ip="10.66.0.2"), SimpleNamespace(ip=("fd00::2", 0, 0))],
        ),
    ]
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setitem(sys.modules, "ifaddr", SimpleNamespace(get_adapters=lambda: adapters))


@pytest.mark.usefixtures("windows")
def test_windows_names_the_adapter_of_an_address() -> None:
    assert interfaces.names_interfaces() and not interfaces.recognizes_every_tunnel()
    assert interface_of("fd00::2") == "WireGuard Tunnel"
    assert interface_of("192.168.1.7") == "Intel(R) Wi-Fi 6 AX201 160MHz"


@pytest.mark.usefixtures("windows")
@pytest.mark.parametrize(
    ("name", "tunnel"),
    [
        ("TAP-Windows Adapter V9", True),
        ("Wintun Userspace Tunnel", True),
        ("OpenVPN Data Channel Offload", True),
        ("Intel(R) Wi-Fi 6 AX201 160MHz", False),
        ("Hyper-V Virtual Ethernet Adapter", False),
        ("tun0", False),  # a name of other systems, and too short to be a word
    ],
)
def test_windows_shows_tunnels_by_words_in_the_name(name: str, tunnel: bool) -> None:
    assert is_tunnel(name) == tunnel


@pytest.mark.usefixtures("windows")
def test_windows_without_the_library_names_no_interface(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ifaddr", None)
    monkeypatch.setattr(interfaces, "_libc", lambda: None)
    assert not interfaces.names_interfaces() and list(interfaces.listed()) == []


def test_tunnel_is_recognised_by_name_where_the_link_layer_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "has_linux_kernel", lambda: False)
    assert is_tunnel("utun4") and not is_tunnel("en0")


def test_c_library_lists_the_addresses_that_netlink_lists() -> None:
    assert {address for _, address in interfaces.listed()} == set(own_addresses._dumped())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (bytes([16, 2, 0, 0, 192, 0, 2, 7]) + bytes(8), "192.0.2.7"),
        (bytes([28, 30, 0, 0, 0, 0, 0, 0]) + bytes(15) + b"\x01" + bytes(4), "::1"),
        (bytes([20, 18]) + bytes(18), None),  # a link layer
    ],
)
def test_address_of_bsd_has_a_length_before_its_family(
    monkeypatch: pytest.MonkeyPatch, raw: bytes, expected: str | None
) -> None:
    monkeypatch.setattr(interfaces, "has_linux_kernel", lambda: False)
    monkeypatch.setattr(interfaces.socket, "AF_INET6", 30)
    assert interfaces._address(raw) == expected
