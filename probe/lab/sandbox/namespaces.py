"""Create the network namespaces of user, servers and helper, with interfaces, addresses, routes and wires."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from probe.lab.net.layout import FabricConfig, TranslatedLine
from probe.lab.net.wires import (
    MTU,
    Wire,
    can_make_tun,
    ethernet_headers,
    open_packet_socket,
    open_tun,
    switch_offloads_off,
)
from probe.lab.sandbox import kernel
from probe.lab.sandbox.netns import Netlink
from probe.lab.sandbox.packet_filter import filter_locally

SIDES = ("home", "outside", "helper")  # user, servers, helper
ROUTER_LINK_LOCAL = "fe80::1"
ROUTER_MAC = bytes.fromhex("021a11f00001")
PEER_MAC = bytes.fromhex("021a11f000fe")  # of the fabric's veth ends, whose kernel must accept no packet
QUEUE = 5000  # packets
COMPUTERS_MTU = 1480  # of the user's own translator, whose packets get 20 bytes longer


@dataclass(frozen=True)
class Side:
    """Hold one network namespace and the fabric's end of the wire to it."""

    name: str
    namespace: int  # descriptor
    wire: Wire


def interface_of(config: FabricConfig, side: str) -> str:
    return {"home": config.home_interface, "outside": "wan0", "helper": "eth0"}[side]


def own_mac(config: FabricConfig, side: str) -> bytes:
    """Return the locally administered link address of a side's interface, which depends on the seed."""
    return bytes((0x02, 0x1A, 0x11, len(side), config.seed >> 8 & 0xFF, config.seed & 0xFF))


def build_sides(config: FabricConfig) -> dict[str, Side]:
    """Create the three network namespaces, then return to the current one. Raises Refused."""
    root = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    tun = config.wires == "tun" or (config.wires == "auto" and can_make_tun())
    _allow_ipv6(False)
    namespaces: dict[str, int] = {}
    descriptors: dict[str, int] = {}
    for name in SIDES:
        interface = interface_of(config, name)
        kernel.unshare(kernel.CLONE_NEWNET)
        namespaces[name] = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        _allow_ipv6(True)
        with Netlink() as netlink:
            netlink.set_up("lo")
            if tun:
                descriptors[name] = _tun(interface, ethernet=name == "home")
            else:
                netlink.add_veth(interface, f"lab-{name}", root)
                switch_offloads_off(interface)
            _configure(netlink, name, config, ethernet=name == "home" or not tun)
            if name == "home" and config.ipv6_alone and config.ipv6_alone.interface:
                descriptors["computer"] = _add_translator(netlink, config.ipv6_alone)
    kernel.setns(root, kernel.CLONE_NEWNET)
    if not tun:
        descriptors |= {name: _attach(f"lab-{name}") for name in SIDES}
    sides = {name: Side(name, namespaces[name], Wire(descriptors[name], _headers(config, name, tun))) for name in SIDES}
    if "computer" in descriptors:
        sides["computer"] = Side("computer", namespaces["home"], Wire(descriptors["computer"]))
    return sides


def _add_translator(netlink: Netlink, alone: TranslatedLine) -> int:
    """Add the interface through which the user's computer sends IPv4 over IPv6. Return the fabric's end."""
    descriptor = _tun(alone.interface, ethernet=False)
    netlink.set_up(alone.interface, mtu=COMPUTERS_MTU, queue=QUEUE)
    netlink.add_address(alone.interface, alone.address, 32)
    netlink.add_default_route(alone.interface, 4)
    return descriptor


def _tun(interface: str, *, ethernet: bool) -> int:
    try:
        return open_tun(interface, ethernet=ethernet)
    except OSError as error:
        raise kernel.Refused(error.errno, f"/dev/net/tun: {error.strerror}") from error


def _headers(config: FabricConfig, name: str, tun: bool) -> dict[int, bytes] | None:
    if tun and name != "home":
        return None
    return ethernet_headers(own_mac(config, name), ROUTER_MAC)


def _allow_ipv6(allowed: bool) -> None:
    """Switch IPv6 on, which containers may have off, or off, for the fabric's ends of veth pairs."""
    for scope in ("all", "default"):
        with contextlib.suppress(OSError):
            kernel.write_sysctl(f"net.ipv6.conf.{scope}.disable_ipv6", "0" if allowed else "1")


def _attach(interface: str) -> int:
    with Netlink() as netlink:
        netlink.set_up(interface, mtu=MTU, address=PEER_MAC)
    switch_offloads_off(interface)
    return open_packet_socket(interface)


def _configure(netlink: Netlink, name: str, config: FabricConfig, *, ethernet: bool) -> None:
    interface = interface_of(config, name)
    address = own_mac(config, name) if ethernet else b""
    netlink.set_up(interface, mtu=MTU, address=address, arp=name == "home", queue=QUEUE)
    if name == "home":
        _configure_home(netlink, config)
        filter_locally(config.local_filters)
        return
    with contextlib.suppress(OSError):  # without root, servers need low ports
        kernel.write_sysctl("net.ipv4.ip_unprivileged_port_start", "0")
    if name == "outside":
        for server in config.servers:
            _add_host(netlink, "lo", server)
    else:
        _add_host(netlink, interface, config.helper_v4)
        _add_host(netlink, interface, config.helper_v6)
    netlink.add_default_route(interface, 4)
    if has_ipv6():
        netlink.add_default_route(interface, 6)


def _configure_home(netlink: Netlink, config: FabricConfig) -> None:
    if config.ipv6_alone is None:
        netlink.add_address(config.home_interface, config.home_address, 24)
        netlink.add_neighbour(config.home_interface, config.router_v4, ROUTER_MAC)
    if config.no_network == "unplugged":
        return
    if config.ipv6_alone is None:
        netlink.add_default_route(config.home_interface, 4, config.router_v4)
    if has_ipv6() and config.no_ipv6 != "absent":
        netlink.add_address(config.home_interface, config.home_v6, 64)
        for router in (config.router_v6, ROUTER_LINK_LOCAL):
            netlink.add_neighbour(config.home_interface, router, ROUTER_MAC)
        netlink.add_default_route(config.home_interface, 6, ROUTER_LINK_LOCAL)


def _add_host(netlink: Netlink, interface: str, address: str) -> None:
    if ":" not in address:
        netlink.add_address(interface, address, 32)
    elif has_ipv6():
        netlink.add_address(interface, address, 128)


def has_ipv6() -> bool:
    return Path("/proc/net/if_inet6").exists()
