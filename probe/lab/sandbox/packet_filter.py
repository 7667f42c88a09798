"""Set up the packet filter and the routes of a firewall on the user's own computer, in the current network namespace.

The kernel itself rejects and drops (nftables, and route types), so that programs see what a real firewall shows them.
pyroute2 speaks nfnetlink, since the program `nft` is not installed everywhere.
"""

import socket
from collections.abc import Iterable, Iterator
from typing import Any, Literal

from probe.lab.net.layout import FirewallRule
from probe.lab.sandbox.kernel import Refused

TABLE, CHAIN = "local_firewall", "output"
_INET = 1  # NFPROTO_INET, linux/netfilter.h: one table for IPv4 and IPv6
_ACCEPT, _DROP = 1, 0  # verdicts of netfilter
# linux/netfilter/nf_tables.h
_META_FAMILY, _META_PROTOCOL, _NETWORK_HEADER, _TRANSPORT_HEADER = 15, 16, 1, 2
_REJECT_BY_RESET, _REJECT_BY_ICMP = 1, 2
_PORT_UNREACHABLE, _ADMIN_PROHIBITED = 1, 3  # codes that stand for those of ICMP and of ICMPv6
_DESTINATION = {4: (16, 4), 6: (24, 16)}  # offset and length in the header
_FAMILIES = {4: bytes([socket.AF_INET]), 6: bytes([socket.AF_INET6])}
_PROTOCOLS: dict[str, int] = {"tcp": socket.IPPROTO_TCP, "udp": socket.IPPROTO_UDP}
_ROUTES = {"route_prohibit": "prohibit", "route_unreachable": "unreachable", "route_blackhole": "blackhole"}

Expression = dict[str, Any]


def filter_locally(filters: Iterable[FirewallRule]) -> None:
    """Let the kernel reject or drop what this computer sends to the addresses of each filter. Raises Refused."""
    wanted = list(filters)
    try:
        _add_rules([one for one in wanted if one.how not in _ROUTES])
        _add_routes([one for one in wanted if one.how in _ROUTES])
    except OSError as error:
        raise Refused(error.errno, f"local firewall: {error}") from error


def _add_rules(filters: list[FirewallRule]) -> None:
    if not filters:
        return
    from pyroute2 import NetlinkError
    from pyroute2.nftables.main import NFTables

    with NFTables(nfgen_family=_INET) as nft:
        try:
            nft.begin()
            nft.table("add", name=TABLE)
            nft.chain("add", table=TABLE, name=CHAIN, hook="output", type="filter", policy=_ACCEPT)
            nft.commit()
            for one in filters:
                for expressions in _rules_of(one):
                    nft.begin()
                    nft.rule("add", table=TABLE, chain=CHAIN, expressions=(expressions,))
                    nft.commit()
        except NetlinkError as error:
            raise OSError(error.code, str(error)) from error


def _rules_of(one: FirewallRule) -> Iterator[tuple[Expression, ...]]:
    """Yield the rules of one filter: one for each address, protocol and port."""
    for address in one.addresses:
        for protocol in one.protocols:
            for port in one.ports or (0,):
                yield (*_to(address), *_over(protocol, port), _verdict(one, protocol))


def _to(address: str) -> tuple[Expression, ...]:
    family = 6 if ":" in address else 4
    offset, length = _DESTINATION[family]
    packed = socket.inet_pton(socket.AF_INET6 if family == 6 else socket.AF_INET, address)
    return (*_meta(_META_FAMILY, _FAMILIES[family]), *_payload(_NETWORK_HEADER, offset, length, packed))


def _over(protocol: Literal["tcp", "udp"], port: int) -> tuple[Expression, ...]:
    """Return the expressions that select a protocol, and a destination port unless it is 0."""
    found = _meta(_META_PROTOCOL, bytes([_PROTOCOLS[protocol]]))
    return (*found, *_payload(_TRANSPORT_HEADER, 2, 2, port.to_bytes(2, "big"))) if port else found


def _verdict(one: FirewallRule, protocol: Literal["tcp", "udp"]) -> Expression:
    """Return what becomes of a packet. A datagram cannot be reset, so that firewalls reject it by ICMP."""
    if one.how == "drop":
        verdict = {"attrs": [("NFTA_VERDICT_CODE", _DROP)]}
        data = {"attrs": [("NFTA_DATA_VERDICT", verdict)]}
        return _expression("immediate", ("NFTA_IMMEDIATE_DREG", 0), ("NFTA_IMMEDIATE_DATA", data))
    by_reset = one.how == "reset" and protocol == "tcp"
    code = 0 if by_reset else _ADMIN_PROHIBITED if one.how == "prohibited" else _PORT_UNREACHABLE
    kind = _REJECT_BY_RESET if by_reset else _REJECT_BY_ICMP
    return _expression("reject", ("NFTA_REJECT_TYPE", kind), ("NFTA_REJECT_ICMP_CODE", code))


def _meta(key: int, value: bytes) -> tuple[Expression, ...]:
    return _expression("meta", ("NFTA_META_KEY", key), ("NFTA_META_DREG", 1)), _equals(value)


def _payload(base: int, offset: int, length: int, value: bytes) -> tuple[Expression, ...]:
    places = {"DREG": 1, "BASE": base, "OFFSET": offset, "LEN": length}
    attributes = ((f"NFTA_PAYLOAD_{name}", number) for name, number in places.items())
    return _expression("payload", *attributes), _equals(value)


def _equals(value: bytes) -> Expression:
    data = {"attrs": [("NFTA_DATA_VALUE", value)]}
    return _expression("cmp", ("NFTA_CMP_SREG", 1), ("NFTA_CMP_OP", 0), ("NFTA_CMP_DATA", data))


def _expression(name: str, *attributes: tuple[str, Any]) -> Expression:
    return {"attrs": [("NFTA_EXPR_NAME", name), ("NFTA_EXPR_DATA", {"attrs": list(attributes)})]}


def _add_routes(filters: list[FirewallRule]) -> None:
    if not filters:
        return
    from pyroute2 import IPRoute, NetlinkError

    with IPRoute() as routes:
        for one in filters:
            for address in one.addresses:
                family, length = (socket.AF_INET6, 128) if ":" in address else (socket.AF_INET, 32)
                try:
                    routes.route("add", family=family, dst=f"{address}/{length}", type=_ROUTES[one.how])
                except NetlinkError as error:
                    raise OSError(error.code, str(error)) from error
