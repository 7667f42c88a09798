"""Know which servers are down now, and whether the user's network is cut off. Both may begin and end during a run."""

from collections.abc import Sequence
from typing import Literal

from probe.lab.net.crafting import packed
from probe.lab.net.layout import Cut, Outage


class Outages:
    """Hold the outages of a lab. Their times count from the run's first packet, in the fabric's virtual time."""

    def __init__(self, outages: Sequence[Outage], cuts: Sequence[Cut] = ()) -> None:
        self._cuts = cuts
        self._by_address: dict[bytes, list[Outage]] = {}
        for outage in outages:
            for address in outage.addresses:
                self._by_address.setdefault(packed(address), []).append(outage)
        self._began: float | None = None
        self._questions = 0

    def begin(self, now: float) -> None:
        """Note that the run has begun. Only the first call counts."""
        if self._began is None:
            self._began = now

    def ask(self) -> None:
        """Count a connection of the user to the helper. Those before the run's first packet do not count."""
        self._questions += self._began is not None

    def cut(self, now: float) -> Cut | None:
        """Return how the user's network is cut off now, None if it is not."""
        if self._began is None:
            return None
        since = now - self._began
        return next((each for each in self._cuts if _holds(each, since)), None)

    def at(self, address: bytes, now: float) -> Literal["silent", "refused"] | None:
        """Return how the address is down now, None if it is up."""
        if self._began is None or address not in self._by_address:
            return None
        since = now - self._began
        return next((each.how for each in self._by_address[address] if self._lasts(each, since)), None)

    def _lasts(self, outage: Outage, since: float) -> bool:
        return _holds(outage, since) and not 0 < outage.questions <= self._questions


def _holds(times: Outage | Cut, since: float) -> bool:
    """Return whether it is so `since` seconds after the run's first packet."""
    return since >= times.after and (since - times.after) % times.every < times.until - times.after
