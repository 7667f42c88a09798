"""Test one cell for partial blocks: at some hours, on some days, in part of the runs, or on some networks.

`hour_scan` describes the test of hours and days. Only accusing measurements count as failures. Where many failures are
unclear, as in an outage, nothing is named.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import NamedTuple

from probe.analysis.compare.contributors import CONTRIBUTORS, DeviceDay, Kind, Network, contributors, enough, sources_in
from probe.analysis.statistics.clean_failures import CleanFailures, binomial_tail
from probe.analysis.statistics.hour_scan import (
    HOURS,
    WEEK,
    Gathered,
    HourOutcome,
    Window,
    gathered,
    weekly_windows,
    windows_of_days,
)

RATE = 0.05  # of false discoveries among the named partial blocks of one kind
INSIDE, OUTSIDE = 0.5, 0.2  # share that fails inside at least, and outside at most
EVERYWHERE, OTHERS = 0.5, 3  # share of the other vantage points, of which so many measured, that fail alike
SOURCE_CHANCE = 0.05  # probability of so many failures of a clean source, up to which the source fails in part
SOMETIMES, TIMES_MORE = 0.1, 2  # share that fails at least where a service fails alike, and how much more it is inside
CLEARLY = 2  # accusing failures for each unclear one, at least
WORKS_TOO = 0.15  # share of runs that work at least, where part of them fails

HOURS_OF_WEEK, SOME_DAYS, PART_OF_RUNS, SOME_NETWORKS = "hours", "days", "runs", "networks"
KINDS = (HOURS_OF_WEEK, SOME_DAYS, PART_OF_RUNS, SOME_NETWORKS)
Source = tuple[Network, str]  # with the pseudonym of a device, or else its program, whatever the version
Key = tuple[str, int]  # service and number of the vantage point


class PartialBlock(NamedTuple):
    """Hold a partial block of a cell. `kind` is one of `hours`, `days`, `runs`, `networks`.

    - `inside` and `outside` are the failing and all days of sources in the hours, and at other times. For `networks`
      they are the failing and all sources on the named networks, and on others. For `runs` they are runs, and none.
    - `contributors` is the least number of devices that show it.
    - `begin` and `end` are hours in UTC, which are equal for whole days. `weekdays` has 0 for Monday, and is empty for
      all days. `first` and `last` are days.
    - `q_value` is the least false discovery rate at which the partial block is named.
    """

    kind: str
    p_value: float
    q_value: float
    inside: tuple[int, int]
    outside: tuple[int, int]
    contributors: int
    begin: int = 0
    end: int = 0
    weekdays: tuple[int, ...] = ()
    first: str = ""
    last: str = ""
    networks: tuple[str, ...] = ()


class Seen(NamedTuple):
    """Hold what one kind of device found in one hour of one day.

    `accuses` is None if the cause of a failure is unclear.
    """

    network: Network
    kind: Kind
    probe_id: str
    day: str
    hour: int
    accuses: bool | None

    @property
    def source(self) -> Source:
        return self.network, self.probe_id or self.kind[0]


Inside = Callable[[Seen], bool]
Test = tuple[PartialBlock, bool]
"""A test, with True if its result may be named: if it is clear, and several contributors show it."""


@dataclass(frozen=True)
class CellTests:
    """Test a cell with these measurements.

    `clean_runs` and `clean_sources` are how often runs and sources fail that nothing blocks. `others` has the
    measurements of the service at those other vantage points where some fail, and `measured` counts all others.
    """

    seen: Sequence[Seen]
    country: bool
    clean_runs: CleanFailures
    clean_sources: CleanFailures
    others: Sequence[Sequence[Seen]]
    measured: int

    def all(self) -> Iterator[Test]:
        known = [one for one in self.seen if one.accuses is not None]
        if not known:
            return
        days = [_ordinal(one.day) for one in known]
        sets = {HOURS_OF_WEEK: weekly_windows()}
        if self.country:
            sets[SOME_DAYS] = windows_of_days(min(days), max(days))
        for kind, windows in sets.items():
            if (found := gathered(_moments(known), windows)) is not None:
                yield self._of_window(kind, found, known)
        yield self._in_part(known)
        if self.country:
            yield self._on_networks(known)

    def _of_window(self, kind: str, found: Gathered, known: Sequence[Seen]) -> Test:
        window = found.window
        show = _contrasting(known, window)
        clear = _is_clear(found.inside, found.outside) and self._accuses(lambda one: _inside(one, window))
        clear = clear and (window.weekly or _is_between(known, window))
        elsewhere = sum(_is_worse(*_shares(other, window)) for other in self.others)
        return _block_of(kind, found, _devices(show)), clear and self._several(show) and not self._most(elsewhere)

    def _in_part(self, known: Sequence[Seen]) -> Test:
        """Test if many sources fail in part of their runs, and work in others. Each source has one vote.

        A change in the period would look the same. So the share must be partial in both halves of the period.
        """
        by_source = _by_source(known)
        partly = {source for source, own in by_source.items() if self._fails_in_part(own)}
        p_value = binomial_tail(len(partly), len(by_source), SOURCE_CHANCE)
        show = [one for one in known if one.accuses and one.source in partly]
        middle = sorted(one.day for one in known)[len(known) // 2]
        halves = [[one for one in known if (one.day < middle) == early] for early in (True, False)]
        clear = all(map(_is_partial, halves)) and self._accuses(lambda one: True)
        inside = sum(one.accuses is True for one in known), len(known)
        block = PartialBlock(PART_OF_RUNS, p_value, 1.0, inside, (0, 0), _devices(show))
        return block, clear and self._several(show) and not self._most(sum(map(_fails_sometimes, self.others)))

    def _fails_in_part(self, own: Sequence[bool]) -> bool:
        working = own.count(False)
        return working >= max(1, WORKS_TOO * len(own)) and self.clean_runs.tail(sum(own), len(own)) <= SOURCE_CHANCE

    def _on_networks(self, known: Sequence[Seen]) -> Test:
        """Test if some networks fail and others work. Each source has one vote, and each network a test of its own."""
        votes: dict[Network, list[bool]] = defaultdict(list)
        for (network, _), own in _by_source(known).items():
            votes[network].append(2 * sum(own) > len(own))
        chance = {name: len(votes) * self.clean_sources.tail(sum(own), len(own)) for name, own in votes.items()}
        failing = {name for name, own in votes.items() if 2 * sum(own) > len(own) and chance[name] <= RATE}
        inside, outside = _votes(votes, failing), _votes(votes, votes.keys() - failing)
        show = [one for one in known if one.accuses and one.network in failing]
        clear = inside[0] >= CONTRIBUTORS and outside[1] > 0 and outside[0] <= OUTSIDE * outside[1]
        block = PartialBlock(
            SOME_NETWORKS,
            min([1.0, *(chance[name] for name in failing)]),
            1.0,
            inside,
            outside,
            _devices(show),
            networks=tuple(sorted(asn for _, asn in failing)),
        )
        return block, clear and self._accuses(lambda one: one.network in failing)

    def _accuses(self, inside: Inside) -> bool:
        """Return True if clearly more failures accuse than are unclear."""
        own = [one.accuses for one in self.seen if inside(one)]
        return own.count(True) >= max(1, CLEARLY * own.count(None))

    def _several(self, show: Sequence[Seen]) -> bool:
        """Return True if enough contributors show it. A network needs as many sources, which need no second network."""
        if self.country:
            return enough(sources_in(_device_days(show)), repeats=1)
        return len({one.source for one in show}) >= CONTRIBUTORS

    def _most(self, failing: int) -> bool:
        """Return True if so many other vantage points are most of them, as while the service's servers are repaired."""
        return self.measured >= OTHERS and failing > EVERYWHERE * self.measured


@cache
def _ordinal(day: str) -> int:
    return date.fromisoformat(day).toordinal()


def _moments(known: Sequence[Seen]) -> list[HourOutcome]:
    numbers = {source: number for number, source in enumerate(dict.fromkeys(one.source for one in known))}
    return [HourOutcome(numbers[one.source], _ordinal(one.day), one.hour, one.accuses is True) for one in known]


def _inside(one: Seen, window: Window) -> bool:
    return window.contains(HourOutcome(0, _ordinal(one.day), one.hour, one.accuses is True))


def _shares(seen: Sequence[Seen], window: Window) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return failing and all measurements inside and outside."""
    parts: tuple[list[bool], list[bool]] = [], []
    for one in seen:
        if one.accuses is not None:
            parts[not _inside(one, window)].append(one.accuses)
    inside, outside = ((sum(part), len(part)) for part in parts)
    return inside, outside


def _is_between(known: Sequence[Seen], window: Window) -> bool:
    """Return True if the cell was measured before and after these days. A block that goes on is a whole one."""
    days = [_ordinal(one.day) for one in known]
    return min(days) < window.first and window.first + window.days <= max(days)


def _is_clear(inside: tuple[int, int], outside: tuple[int, int]) -> bool:
    return inside[0] >= max(1, INSIDE * inside[1]) and outside[0] <= OUTSIDE * outside[1]


def _is_worse(inside: tuple[int, int], outside: tuple[int, int]) -> bool:
    """Return True if clearly more fail inside. Less is needed than for a partial block, as it speaks against one."""
    return inside[0] * outside[1] >= TIMES_MORE * outside[0] * inside[1] and inside[0] >= max(1, SOMETIMES * inside[1])


def _fails_sometimes(seen: Sequence[Seen]) -> bool:
    known = [one.accuses for one in seen if one.accuses is not None]
    return bool(known) and sum(known) >= SOMETIMES * len(known)


def _is_partial(seen: Sequence[Seen]) -> bool:
    known = [one.accuses for one in seen if one.accuses is not None]
    return bool(known) and WORKS_TOO * len(known) <= sum(known) <= (1 - WORKS_TOO) * len(known)


def _contrasting(known: Sequence[Seen], window: Window) -> list[Seen]:
    """Return the failures inside of the sources that mostly fail inside, and mostly work outside."""
    balance = Counter[tuple[Source, bool]]()
    for one in known:
        balance[one.source, _inside(one, window)] += 1 if one.accuses else -1
    sources = {source for source, inside in balance if inside and balance[source, True] > 0 > balance[source, False]}
    return [one for one in known if one.accuses and one.source in sources and _inside(one, window)]


def _by_source(known: Iterable[Seen]) -> dict[Source, list[bool]]:
    found: dict[Source, list[bool]] = defaultdict(list)
    for one in known:
        found[one.source].append(one.accuses is True)
    return found


def _votes(votes: Mapping[Network, Sequence[bool]], names: Iterable[Network]) -> tuple[int, int]:
    own = [vote for name in names for vote in votes[name]]
    return sum(own), len(own)


def _device_days(show: Iterable[Seen]) -> list[DeviceDay]:
    return [DeviceDay(one.network, one.kind, one.probe_id, one.day, True) for one in show]


def _devices(show: Iterable[Seen]) -> int:
    return contributors(sources_in(_device_days(show)), repeats=1)


def _block_of(kind: str, found: Gathered, devices: int) -> PartialBlock:
    window = found.window
    end = (window.begin + window.hours) % HOURS
    block = PartialBlock(kind, found.p_value, 1.0, found.inside, found.outside, devices, window.begin, end)
    if window.weekly:
        days = tuple(sorted((window.first + day) % WEEK for day in range(window.days)))
        return block._replace(weekdays=days if window.days < WEEK else ())
    first, last = (date.fromordinal(window.first + day).isoformat() for day in (0, window.days - 1))
    return block._replace(first=first, last=last)
