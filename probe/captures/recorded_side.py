"""Find the user's own addresses in a capture, and those of neighbours. None of them is written."""

from collections import Counter
from collections.abc import Iterable

from probe.asn.table import public_address
from probe.captures.captured_flow import CapturedFlow

MOST_OWN = 16  # addresses that are compared with resets and searched


_LOCAL_DOMAINS = (".local", ".lan", ".home", ".internal", ".localdomain", ".home.arpa", ".in-addr.arpa", ".ip6.arpa")


def is_neighbour(name: str) -> bool:
    """Return whether a name may be that of a computer in the user's network, or hold an address in it."""
    return bool(name) and ("." not in name or name.endswith(_LOCAL_DOMAINS))


class RecordedSide:
    """Say which ends of flows are the user's or a neighbour's.

    An address that is not public is on the user's side. If the capture has public addresses only, the address that
    takes part in most flows is the user's: everything was captured there. One address for each version of IP.
    """

    def __init__(self, flows: Iterable[CapturedFlow]) -> None:
        seen: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
        clients: dict[bool, Counter[str]] = {False: Counter(), True: Counter()}
        for flow in flows:
            client, server = flow.ends[1], flow.ends[3]
            seen[":" in client].update({client: 1, server: 1})
            clients[":" in client].update({client: 1})
        self.own: set[str] = set()
        for family, counted in seen.items():
            private = {address for address in counted if public_address(address) is None}
            inside = {address for address in private if clients[family][address]}
            self.own |= private if inside else private | _busiest(counted, clients[family])

    def is_own(self, address: str) -> bool:
        """Return whether an address is the user's or a neighbour's."""
        return address in self.own or public_address(address) is None

    def compared(self) -> list[str]:
        """Return the addresses that a device on the path may have seen the user come from."""
        return sorted(self.own)[:MOST_OWN]


def _busiest(counted: Counter[str], clients: Counter[str]) -> set[str]:
    most = max(counted.values(), default=0)
    busiest = [address for address, flows in counted.items() if flows == most]
    return {max(busiest, key=lambda address: (clients[address], address))} if busiest else set()
