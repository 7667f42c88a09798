"""Write the header fields of resets as known devices do, and as ordinary systems do that look like them."""

import random
from collections.abc import Callable
from typing import Any, Literal

from probe.lab.net.packets import ACK, RST, Packet

Form = Literal["constant", "tsg", "tsg_reversed", "henan", "counter", "router", "balancer"]
FORMS = (
    "fields of the resets. tsg: as listing 1 of the paper on TSG computes them (docs/design/prints.md), tsg_reversed:"
    " with the ends of the flow exchanged, henan: as measured in Henan, counter: IP-IDs that count up and windows as"
    " of a server, router: as of a home router, balancer: a text of ten bytes, as load balancers add"
)
KEY, MOST, FIRST = 13, 65_535, 128  # the seeds of listing 1, and the value at which its counter begins again
LARGEST_WINDOW = 5054  # of listing 1

Fields = dict[str, Any]
"""Keyword arguments of `tcp_packet`."""


class ResetHeaders:
    """Compute the fields of one reset after the other. `draws` gives the first values."""

    def __init__(self, form: Form, draws: random.Random) -> None:
        self._value, self._ip_id = draws.randint(FIRST, MOST // KEY), draws.randrange(MOST)
        self._draws = draws
        self._make: Callable[[Packet], Fields] = getattr(self, f"_{form}")

    def next(self, packet: Packet) -> Fields:
        """Return the fields of the next reset for the flow of a client's packet. Over IPv6 all are constant."""
        return self._make(packet) if packet.version == 4 else {}

    def _constant(self, packet: Packet) -> Fields:
        return {}

    def _tsg(self, packet: Packet) -> Fields:
        return self._seeded(packet.source, packet.destination)

    def _tsg_reversed(self, packet: Packet) -> Fields:
        return self._seeded(packet.destination, packet.source)

    def _seeded(self, source: bytes, destination: bytes) -> Fields:
        """Return window and IP-ID of listing 1. Its numbers are the bytes of addresses on a little-endian processor."""
        sip, dip = int.from_bytes(source, "little"), int.from_bytes(destination, "little")
        value = self._value
        self._value = FIRST if value * KEY > MOST else value + 1
        window = value + dip % KEY
        return {"window": window, "ip_id": (MOST - value * KEY + sip % window) % 2**16}

    def _henan(self, packet: Packet) -> Fields:
        return {"ip_id": 1, "dont_fragment": False, "payload": bytes((*range(1, 10), 0))}

    def _counter(self, packet: Packet) -> Fields:
        self._ip_id = (self._ip_id + 1) % 2**16
        return {"window": self._draws.randint(FIRST, LARGEST_WINDOW), "ip_id": self._ip_id}

    def _router(self, packet: Packet) -> Fields:
        return {"window": 0, "dont_fragment": False, "flags": RST}

    def _balancer(self, packet: Packet) -> Fields:
        return {"window": 4380, "ip_id": 1, "dont_fragment": False, "payload": b"no service", "flags": RST | ACK}
