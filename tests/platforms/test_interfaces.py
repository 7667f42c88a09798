"""Test interfaces: their names and addresses, tunnels by name and link layer."""

import ctypes
import struct
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from probe.platforms import interfaces
from probe.platforms.interfaces import AF_PACKET, interface_of, is_tunnel, names_interfaces

MAC = "3c:5a:b4:01:9e:7f"


def test_interface_of_local_address_is_found() -> None:
    assert interface_of("127.0.0.1") == "lo"
    assert interface_of("203.0.113.77") is None
    assert interface_of("::1") in {"lo", None}, "a machine may have no IPv6"


@pytest.mark.parametrize(
    ("name", "link", "tunnel"),
    [
        ("eth0", 1, False),
        ("wlan0", 1, False),
        ("docker0", 1, False),
        ("br-5f1c0e0a2b3d", 1, False),
        ("virbr0", 1, False),
        ("vEthernet (Default Switch)", 1, False),
        ("mesh0", interfaces.ARPHRD_NONE, True),
        ("CompanyAccess", interfaces.ARPHRD_NONE, True),
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


@pytest.mark.parametrize(
    ("system", "raw", "expected"),
    [
        ("linux", AF_PACKET.to_bytes(2, sys.byteorder) + bytes(9) + b"\x06\x3c\x5a\xb4\x01\x9e\x7f\0\0", MAC),
        ("linux", AF_PACKET.to_bytes(2, sys.byteorder) + bytes(9) + b"\x00" + bytes(8), None),  # a tunnel
        ("linux", b"\x02\x00" + bytes(18), None),
        ("darwin", b"\x14\x12\x04\x00\x06\x03\x06\x00en0\x3c\x5a\xb4\x01\x9e\x7f", MAC),
        ("darwin", b"\x14\x12\x04\x00\x06\x03\x00\x00lo0" + bytes(6), None),
        ("darwin", b"\x14\x02" + bytes(18), None),
    ],
)
def test_hardware_address_is_read_from_the_structure_of_the_system(
    system: str, raw: bytes, expected: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", system)
    assert interfaces._hardware_address(raw) == expected


def test_hardware_addresses_of_this_machine_are_those_of_its_kernel() -> None:
    files = [path / "address" for path in Path("/sys/class/net").iterdir()]
    expected = {text for file in files if len(text := file.read_text().strip()) == len(MAC)}
    assert interfaces.link_addresses() == expected


@pytest.mark.parametrize(("number", "expected"), [(0x3C5AB4019E7F, {MAC}), (0x3D5AB4019E7F, set())])
def test_windows_names_one_hardware_address_or_none(
    number: int, expected: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr("uuid.getnode", lambda: number)
    assert interfaces.link_addresses() == expected


@pytest.mark.parametrize("name", ["Elisabeths WLAN 5", "Кафе", "", None])
def test_name_of_a_wireless_network_is_read(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer as the kernel does: the name goes to the place that the request names, and its length into the answer."""

    def ioctl(descriptor: int, request: int, asked: bytes) -> bytes:
        if name is None:
            raise OSError("no wireless interface")
        interface, place, _, flags = struct.unpack("@16sPHH", asked)
        assert (request, interface.rstrip(b"\0")) == (0x8B1B, b"wlan0")
        ctypes.memmove(place, name.encode(), len(name.encode()))
        return struct.pack("@16sPHH", interface, place, len(name.encode()), flags)

    monkeypatch.setattr(interfaces, "system_module", lambda asked: SimpleNamespace(ioctl=ioctl))
    assert interfaces._network_name("wlan0") == (name or "")


def test_other_systems_than_linux_name_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interfaces, "_network_name", lambda interface: "Elisabeths WLAN 5")
    monkeypatch.setattr(Path, "glob", lambda path, pattern: iter([Path("/sys/class/net/wlan0/wireless")]))
    assert interfaces.network_names() == {"Elisabeths WLAN 5"}
    monkeypatch.setattr(sys, "platform", "darwin")
    assert interfaces.network_names() == set()
