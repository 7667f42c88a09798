"""Hold what the helper's reflector of media flows offers."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from probe.targets.target import family_of


@dataclass(frozen=True)
class MediaOffer:
    """Hold a token, and the port that accepts it. It stays in memory.

    `addresses` are the helper's, as the control connection resolved them. `until` is a time of the event loop's clock.
    An open flow outlives its token.
    """

    token: bytes
    port: int
    addresses: tuple[str, ...]
    until: float

    def address(self, works: Callable[[int], bool]) -> str | None:
        """Return the address to send to, of a family that works if there is one. None without an address."""
        usable = [ip for ip in self.addresses if works(family_of(ip))]
        return next(iter(usable or self.addresses), None)

    def outlives(self, seconds: float) -> bool:
        """Return whether the token is valid for so long."""
        return asyncio.get_running_loop().time() + seconds < self.until
