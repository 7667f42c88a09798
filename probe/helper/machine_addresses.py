"""Know the addresses that lead back to the helper's own machine, so that no question makes it connect to itself."""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence

from probe.http_server.peers import Address, Network, parse_address
from probe.platforms.own_addresses import interface_addresses
from probe.targets.address_guard import Contacts, may_contact

RENEW_SECONDS = 5.0  # after which the interfaces are read again. It takes 1 ms.
MOST_REACHED = 1024  # addresses at which clients reached this machine. A whole prefix may lead to it.


class MachineAddresses:
    """Hold the machine's addresses: of its interfaces, at which clients reached it, and those that its operator named.

    Services at these addresses may trust connections from the same machine, and its firewall may let them pass.
    `named` are those that no interface has, as behind NAT. `read` returns the addresses of the interfaces.
    """

    def __init__(
        self,
        named: Sequence[Network] = (),
        read: Callable[[], Iterable[str]] = interface_addresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named, self._read, self._clock = tuple(named), read, clock
        self._interfaces: frozenset[Address] = frozenset()
        self._renew_at = clock()
        self._reached: OrderedDict[Address, None] = OrderedDict()  # least recently used first

    def includes(self, ip: Address) -> bool:
        """Return whether an address leads to this machine."""
        self._renew()
        return ip in self._interfaces or ip in self._reached or any(ip in network for network in self._named)

    def reached_at(self, address: str) -> None:
        """Remember the local address of a client's connection. A text that is no address is ignored."""
        ip = parse_address(address)
        if ip is not None:
            self._reached[ip] = None
            self._reached.move_to_end(ip)
        if len(self._reached) > MOST_REACHED:
            self._reached.popitem(last=False)

    def knows_public(self) -> bool:
        """Return whether a public address of this machine is known. Behind NAT only its operator knows it."""
        self._renew()
        return bool(self._named) or any(may_contact(str(ip), Contacts.PUBLIC) for ip in self._interfaces)

    def _renew(self) -> None:
        """Read the interfaces again after some seconds. If the kernel does not answer, the earlier result stays."""
        if self._clock() >= self._renew_at:
            self._renew_at = self._clock() + RENEW_SECONDS
            found = (parse_address(text) for text in self._read())
            self._interfaces = frozenset(ip for ip in found if ip is not None) or self._interfaces
