"""Keep the addresses from which test helpers saw us come, and leave out the false ones among them."""

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

from probe.targets.address_guard import Contacts, may_contact
from probe.targets.target import is_address

CLAIM = "your_address"  # in `x_control.anomalies`: the helper named an address that is not ours
TRUSTED = frozenset({"literal", "dot", "doh"})  # sources of an address that neither the network nor a helper can fake

Home = ipaddress.IPv4Address | ipaddress.IPv6Network


class LearnedAddresses:
    """Hold what helpers said. `public` are addresses that no user has: of public resolvers and neutral hosts.

    A false helper could name the address of a blocked server. Its redaction would remove the evidence. A false answer
    in DNS, or a helper's, could name ours. So only target files and encrypted resolvers say which ones are servers.
    """

    def __init__(self, public: Iterable[str] = ()) -> None:
        self._public = frozenset(map(_home_of, public))
        self._said: list[str] = []
        self._impossible = False  # a helper named an address that no client on the Internet has

    @property
    def first(self) -> str | None:
        """Return the first address that may be ours."""
        return next((address for address in self._said if _home_of(address) not in self._public), None)

    def said(self) -> list[str]:
        """Return every public address that a helper named, in order. Some may be false."""
        return list(self._said)

    def add(self, address: str) -> None:
        """Remember an address that a helper named. It is never written.

        One that is not public is not ours: honest helpers name none. Its redaction could remove a forged answer.
        """
        if not is_address(address):
            return
        if not may_contact(address, Contacts.PUBLIC):
            self._impossible = True
        elif address not in self._said:
            self._said.append(address)

    def ours(self, test_keys: dict[str, Any]) -> set[str]:
        """Return the addresses that may be ours: none of a server of this measurement."""
        others = self._public | frozenset(map(_home_of, _servers(test_keys)))
        return {address for address in self._said if _home_of(address) not in others}

    def mark_false(self, test_keys: dict[str, Any]) -> None:
        """Record in `x_control` that a helper named an address which is not ours."""
        control = test_keys.get("x_control")
        if control is not None and (self._impossible or len(self.ours(test_keys)) < len(self._said)):
            control["anomalies"] = [CLAIM]


def _servers(test_keys: dict[str, Any]) -> Iterator[str]:
    """Return the flows' addresses from trusted sources, and those of neutral hosts that showed a valid certificate."""
    flows = [record for record in test_keys["x_transactions"] if TRUSTED.intersection(record["address_sources"])]
    hosts = test_keys["x_run"]["preflight"].get("neutral") or []
    neutral = [host for host in hosts if host["failure"] is None and not host.get("connect_only")]
    return (record["address"] for record in (*flows, *neutral) if is_address(record["address"] or ""))


@lru_cache(maxsize=1024)
def _home_of(address: str) -> Home:
    """Return what is redacted for an address: the address, or the /64 of an IPv6 address."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return ip if isinstance(ip, ipaddress.IPv4Address) else ipaddress.IPv6Network((ip, 64), strict=False)
