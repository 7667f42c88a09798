"""Links, addresses, routes and neighbours over netlink (rtnetlink(7)), in the network namespace we are in.

Written out rather than taken from pyroute2: the lab needs five messages, and that import alone costs half a second of
the three in which the lab has to be ready.
"""

import os
import socket
import struct
from types import TracebackType

from probe.lab.net.crafting import packed
from probe.lab.sandbox.kernel import Refused

RTM_NEWLINK, RTM_NEWADDR, RTM_NEWROUTE, RTM_NEWNEIGH = 16, 20, 24, 28
NLM_F_REQUEST, NLM_F_ACK, NLM_F_EXCL, NLM_F_CREATE, NLM_F_REPLACE = 0x1, 0x4, 0x200, 0x400, 0x100
NLMSG_ERROR = 2
NEW = NLM_F_CREATE | NLM_F_EXCL

IFF_UP, IFF_NOARP = 0x1, 0x80
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_TXQLEN, IFLA_LINKINFO, IFLA_NET_NS_FD = 1, 3, 4, 13, 18, 28
IFLA_INFO_KIND, IFLA_INFO_DATA, VETH_INFO_PEER = 1, 2, 1
IFA_ADDRESS, IFA_LOCAL, IFA_F_NODAD = 1, 2, 0x02
RTA_OIF, RTA_GATEWAY = 4, 5
RT_TABLE_MAIN, RTPROT_STATIC, RTN_UNICAST = 254, 4, 1
NDA_DST, NDA_LLADDR, NUD_PERMANENT = 1, 2, 0x80


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("=HH", 4 + len(value), kind) + value + b"\0" * (-len(value) % 4)


def _family(address: bytes) -> int:
    return socket.AF_INET6 if len(address) == 16 else socket.AF_INET


def mac(address: str) -> bytes:
    """The six bytes of `02:00:…`."""
    return bytes.fromhex(address.replace(":", ""))


class Netlink:
    """A connection to the routing tables of the network namespace in which it is opened."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE)
        self._socket.bind((0, 0))
        self._sequence = 0

    def __enter__(self) -> "Netlink":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._socket.close()

    def _request(self, kind: int, flags: int, body: bytes, what: str) -> None:
        """Sends one message and waits for its acknowledgement; raises Refused naming `what`."""
        self._sequence += 1
        head = struct.pack("=IHHII", 16 + len(body), kind, flags | NLM_F_REQUEST | NLM_F_ACK, self._sequence, 0)
        self._socket.send(head + body)
        answer = self._socket.recv(65536)
        if struct.unpack_from("=H", answer, 4)[0] != NLMSG_ERROR:
            raise Refused(0, f"{what}: netlink answers something else than an acknowledgement")
        (number,) = struct.unpack_from("=i", answer, 16)
        if number:
            raise Refused(-number, f"{what}: {os.strerror(-number)}")

    def set_up(
        self, name: str, *, mtu: int = 0, address: bytes = b"", arp: bool = True, rename: str = "", queue: int = 0
    ) -> None:
        """Switches interface `name` on, with what else is given; without `arp` it never asks for a neighbour."""
        flags = IFF_UP | (0 if arp else IFF_NOARP)
        body = struct.pack("=BxHiII", 0, 0, socket.if_nametoindex(name), flags, IFF_UP | IFF_NOARP)
        if mtu:
            body += _attribute(IFLA_MTU, struct.pack("=I", mtu))
        if queue:
            body += _attribute(IFLA_TXQLEN, struct.pack("=I", queue))
        if address:
            body += _attribute(IFLA_ADDRESS, address)
        if rename:
            body += _attribute(IFLA_IFNAME, rename.encode() + b"\0")
        self._request(RTM_NEWLINK, 0, body, f"set up {name}")

    def add_veth(self, name: str, peer: str, peer_namespace: int) -> None:
        """Makes a pair: `name` here, `peer` in the network namespace of that descriptor."""
        inner = struct.pack("=BxHiII", 0, 0, 0, 0, 0)
        inner += _attribute(IFLA_IFNAME, peer.encode() + b"\0") + _attribute(
            IFLA_NET_NS_FD, struct.pack("=i", peer_namespace)
        )
        data = _attribute(IFLA_INFO_DATA, _attribute(VETH_INFO_PEER, inner))
        body = struct.pack("=BxHiII", 0, 0, 0, 0, 0) + _attribute(IFLA_IFNAME, name.encode() + b"\0")
        body += _attribute(IFLA_LINKINFO, _attribute(IFLA_INFO_KIND, b"veth") + data)
        self._request(RTM_NEWLINK, NEW, body, f"add veth {name}")

    def add_address(self, name: str, address: str, prefix: int) -> None:
        """Gives interface `name` an address, without duplicate address detection: nobody else is on these wires."""
        raw = packed(address)
        flags = IFA_F_NODAD if len(raw) == 16 else 0
        body = struct.pack("=BBBBI", _family(raw), prefix, flags, 0, socket.if_nametoindex(name))
        body += _attribute(IFA_LOCAL, raw) + _attribute(IFA_ADDRESS, raw)
        self._request(RTM_NEWADDR, NEW, body, f"add {address} to {name}")

    def add_default_route(self, name: str, version: int, gateway: str = "") -> None:
        """Sends everything that has no nearer route over interface `name`, to `gateway` if one is given."""
        family = socket.AF_INET6 if version == 6 else socket.AF_INET
        body = struct.pack("=BBBBBBBBI", family, 0, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, 0, RTN_UNICAST, 0)
        body += _attribute(RTA_OIF, struct.pack("=I", socket.if_nametoindex(name)))
        if gateway:
            body += _attribute(RTA_GATEWAY, packed(gateway))
        self._request(RTM_NEWROUTE, NEW, body, f"add default route over {name}")

    def add_neighbour(self, name: str, address: str, link_address: bytes) -> None:
        """Tells the kernel for good which link address a neighbour has."""
        raw = packed(address)
        body = struct.pack("=BxxxiHBB", _family(raw), socket.if_nametoindex(name), NUD_PERMANENT, 0, 0)
        body += _attribute(NDA_DST, raw) + _attribute(NDA_LLADDR, link_address)
        self._request(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, body, f"add neighbour {address}")
