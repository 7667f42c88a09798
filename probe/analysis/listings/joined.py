"""Put the listings of apps beside what networks of the same country do to these apps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from probe.analysis.listings.measured import Measured
from probe.analysis.listings.networks import STATES, beside
from probe.analysis.listings.records import Listed


@dataclass(frozen=True)
class Joined:
    """Hold an app in a country: its newest state in a store, and the runs there by state of the app.

    `networks` is None if no run there tested the app. There is no single word for a pair, since a country has many
    networks and one store.
    """

    listed: Listed
    networks: Mapping[str, int] | None

    @property
    def country(self) -> str:
        """Return the two-letter code of the country, in capital letters."""
        return self.listed.answers.storefront.upper()

    def record(self) -> dict[str, Any]:
        """Return the JSON object of the app in the country: that of `probe stores --json`, with the runs."""
        return self.listed.record() | {"networks": self.networks}


def joined(listings: Iterable[Listed], measured: Measured) -> list[Joined]:
    """Return the listings in countries whose networks were measured, by country, store and app.

    Answers of an artificial store stand beside artificial networks only.
    """
    places = {(artificial, cc) for artificial, networks in measured.items() for cc, _ in networks}
    found = [
        Joined(
            listed, beside(measured[listed.answers.origin.artificial], listed.answers.storefront, listed.entry.target)
        )
        for listed in listings
        if (listed.answers.origin.artificial, listed.answers.storefront) in places
    ]
    return sorted(found, key=lambda one: (one.country, one.listed.answers.store, one.listed.entry.title))


def by_cell(rows: Sequence[Joined]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the records by country and target, for the cells of a comparison."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in rows:
        if one.listed.entry.target:
            found.setdefault((one.country, one.listed.entry.target), []).append(one.record())
    return found


def state_of(networks: Mapping[str, int] | None) -> str:
    """Return the state that most runs have, "" without runs. Of equally many the gravest counts."""
    if networks is None:
        return ""
    return max(reversed(STATES), key=lambda state: networks[state])
