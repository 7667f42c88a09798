"""Put the listings of apps beside what networks of the same country do to these apps."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from probe.analysis.listings.answers import Run
from probe.analysis.listings.listing_records import History, Listed, decided
from probe.analysis.listings.measured import STATES, Measured, beside


def newest_listings(runs: Iterable[Run], *, lab: bool = False) -> list[Listed]:
    """Return the newest states, by store, storefront and app.

    The runs come in the order of time. One that began before the run in front of it is left out, as in `history_of`.
    Answers of a store server that is none of the real ones have a history of their own, and are left out without `lab`.
    """
    histories: dict[bool, History] = {}
    last = dict.fromkeys((False, True), datetime.min.replace(tzinfo=UTC))
    newest: dict[tuple[bool, str, str, str], Listed] = {}
    for run in runs:
        artificial = is_artificial(run)
        if (artificial and not lab) or run.began < last[artificial]:
            continue
        last[artificial] = run.began
        history = histories.setdefault(artificial, History())
        history.add(run)
        for row in decided(run, history):
            newest[artificial, row.answers.store, row.answers.storefront, row.entry.app] = row
    return [newest[key] for key in sorted(newest)]


def is_artificial(run: Run) -> bool:
    """Return whether any answer of a run is of another server than the stores."""
    return any(origin.artificial for origin in run.origins)


@dataclass(frozen=True)
class Joined:
    """Hold the newest state of an app in the store of a country, and the runs in this country by state of the app.

    `networks` is None if no run there tested the app. No single word describes store and networks together, because
    a country has many networks and one store.
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
