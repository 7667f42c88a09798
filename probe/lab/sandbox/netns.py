"""Set up links, addresses, routes and neighbours in the current network namespace, with pyroute2."""

import socket
from collections.abc import Callable
from types import TracebackType
from typing import Any

from pyroute2 import IPRoute, NetlinkError

from probe.lab.sandbox.kernel import Refused

IFA_F_NODAD = 0x02  # linux/if_addr.h: no duplicate address detection


class Netlink:
    """Hold a netlink connection to the network namespace in which it was opened. Its methods raise Refused."""

    def __init__(self) -> None:
        self._route = IPRoute()

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._route.close()

    def set_up(self, name: str, *, mtu: int = 0, address: bytes = b"", arp: bool = True, queue: int = 0) -> None:
        """Switch interface `name` on and set its MTU, link address and queue length (packets), if given.

        Without `arp` the interface never asks for a neighbour's link address.
        """
        values: dict[str, Any] = {"mtu": mtu, "address": address.hex(":"), "txqlen": queue}
        given = {key: value for key, value in values.items() if value}
        _request(f"set up {name}", self._route.link, "set", index=_index(name), state="up", arp=arp, **given)

    def add_veth(self, name: str, peer: str, peer_namespace: int) -> None:
        """Add a veth pair: `name` here, `peer` in the network namespace of descriptor `peer_namespace`."""
        there = {"ifname": peer, "net_ns_fd": peer_namespace}
        _request(f"add veth {name}", self._route.link, "add", ifname=name, kind="veth", peer=there)

    def add_address(self, name: str, address: str, prefix: int) -> None:
        """Add an address to interface `name`, without duplicate address detection: each wire has only two ends."""
        flags = IFA_F_NODAD if ":" in address else 0
        _request(
            f"add {address} to {name}",
            self._route.addr,
            "add",
            index=_index(name),
            address=address,
            prefixlen=prefix,
            flags=flags,
        )

    def add_default_route(self, name: str, version: int, gateway: str = "") -> None:
        """Add the default route of IP `version` (4 or 6) over interface `name`, through `gateway` if given."""
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        through = {"gateway": gateway} if gateway else {}
        _request(
            f"add default route over {name}",
            self._route.route,
            "add",
            family=family,
            dst="default",
            oif=_index(name),
            **through,
        )

    def add_neighbour(self, name: str, address: str, link_address: bytes) -> None:
        """Record a neighbour's link address permanently."""
        _request(
            f"add neighbour {address}",
            self._route.neigh,
            "replace",
            ifindex=_index(name),
            dst=address,
            lladdr=link_address.hex(":"),
        )


def _index(name: str) -> int:
    try:
        return socket.if_nametoindex(name)
    except OSError as error:
        raise Refused(error.errno, f"{name}: {error.strerror}") from error


def _request(action: str, call: Callable[..., Any], command: str, **values: Any) -> None:
    """Send one request and wait for the acknowledgement. Raises Refused naming `action`."""
    try:
        call(command, **values)
    except NetlinkError as error:
        raise Refused(error.code, f"{action}: {error}") from error
