"""Hold what the helper's UDP echo offers."""

import asyncio
from dataclasses import dataclass

from probe.targets.target import family_of

TOKEN_BYTES = 12
PAIRS_PER_TOKEN = 3  # the echo's own limit is not reached, because that silence would look like dropped datagrams


@dataclass
class EchoOffer:
    """Hold a token, and the ports that echo datagrams with it. It stays in memory.

    `addresses` are the helper's, as the control connection resolved them. `until` is a time of the event loop's clock.
    """

    token: bytes
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    until: float
    pairs_left: int = PAIRS_PER_TOKEN

    def place(self, family: int, port: int) -> tuple[str, int] | None:
        """Return the (address, port) to send to, None without an address.

        The failed family and port are preferred, if the helper has them.
        """
        same = [ip for ip in self.addresses if family_of(ip) == family]
        ips = same or list(self.addresses)
        return (ips[0], port if port in self.ports else self.ports[0]) if ips else None

    def outlives(self, seconds: float) -> bool:
        """Return whether the token is valid for so long. Silence because of an old token would look like a drop."""
        return asyncio.get_running_loop().time() + seconds < self.until
