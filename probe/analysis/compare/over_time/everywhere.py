"""Distinguish a service that begins to fail in most countries at once from interference in one country."""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Protocol

from probe.analysis.compare.over_time.event import Event

BEFORE, SINCE = 7, 3  # days before and since an onset that are compared
COUNTRIES = 3  # other countries that must have measured before and since
SHARE = 0.5  # of them, above which an app or its server has a fault


class Shares(Protocol):
    """Return the shares of sources of one network that accuse and that work on a day."""

    def day(self, day: str) -> tuple[float, float]: ...


def began_everywhere(event: Event, others: Iterable[Sequence[Shares]]) -> bool:
    """Return True if a service began to fail in most other countries too. An event without onset is no such one.

    `others` has the networks of each other country.
    """
    if event.onset is None:
        return False
    onset = date.fromisoformat(event.onset)
    before = [(onset - timedelta(days=back)).isoformat() for back in range(1, BEFORE + 1)]
    since = [(onset + timedelta(days=ahead)).isoformat() for ahead in range(SINCE)]
    inside = [day for day in since if event.end is None or day < event.end]
    outcomes = [(_fails(networks, before), _fails(networks, inside)) for networks in others]
    worked = [fails_now for failed, fails_now in outcomes if failed is False and fails_now is not None]
    return len(worked) >= COUNTRIES and sum(worked) > SHARE * len(worked)


def _fails(networks: Sequence[Shares], days: Sequence[str]) -> bool | None:
    """Return True if more of the networks' days accuse than work, None without any."""
    found = [network.day(day) for network in networks for day in days]
    accusing, working = (sum(shares[place] for shares in found) for place in (0, 1))
    return accusing > working if accusing or working else None
