"""Find on which days networks sent runs, and how often a network with an equal past falls silent."""

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from statistics import median

from probe.analysis.statistics.cusum import COLLAPSED, USUAL_DAYS

LONGEST = 14  # days of silence that are distinguished
RETURN_DAYS = 7  # days after a silence that show if the network returned
Past = tuple[int, int]  # classes of the days since the last active one, and of the number of active days
_Key = tuple[Past | None, int, int | None]


class NetworkActivity:
    """Hold the runs of one network by day.

    On an active day there are more than COLLAPSED of the usual runs, which are the median of the last USUAL_DAYS days
    with runs. `past` is the network's past before each day, None without an active day in the USUAL_DAYS before.
    `ahead` is the number of silent days that begin on each day, up to LONGEST.
    """

    def __init__(self, runs: Sequence[int]) -> None:
        self.runs, self.active = runs, list(_active(runs))
        self.past = [_past(self.active[max(0, day - USUAL_DAYS) : day]) for day in range(len(runs))]
        self.ahead = _ahead(self.active)

    def after(self, day: int) -> int | None:
        """Return the class of the number of active days from a day on. It is None if the data end too early."""
        days = self.active[day : day + RETURN_DAYS]
        return sum(days).bit_length() if len(days) == RETURN_DAYS else None


def _active(runs: Sequence[int]) -> Iterator[bool]:
    recent = deque[int](maxlen=USUAL_DAYS)
    for count in runs:
        yield count > (COLLAPSED * median(recent) if recent else 0)
        if count:
            recent.append(count)


def _past(before: Sequence[bool]) -> Past | None:
    """Classify the days before a day. Each class is about twice as large as the one before."""
    if not any(before):
        return None
    return (1 + list(reversed(before)).index(True)).bit_length(), sum(before).bit_length()


def _ahead(active: Sequence[bool]) -> list[int]:
    ahead, silent = [], 0
    for one in reversed(active):
        silent = 0 if one else min(LONGEST, silent + 1)
        ahead.append(silent)
    return ahead[::-1]


@dataclass(frozen=True)
class Country:
    """Hold the networks of a country by AS number."""

    cc: str
    networks: Mapping[str, NetworkActivity]

    @cached_property
    def active(self) -> list[int]:
        """Return the number of active networks by day."""
        return [sum(column) for column in zip(*(network.active for network in self.networks.values()), strict=True)]

    def silent_days(self, onset: int) -> int:
        """Return how many days from `onset` on have at most COLLAPSED of the usual number of active networks."""
        most = COLLAPSED * usual(self.active, onset)
        days = range(onset, len(self.active))
        return next((day - onset for day in days if self.active[day] > most), len(days))

    def fell_silent(self, onset: int, days: int) -> list[NetworkActivity]:
        """Return the networks that were active in the USUAL_DAYS before `onset`, and silent for so many days."""
        return [one for one in self.networks.values() if one.past[onset] and one.ahead[onset] >= days]

    def silent_networks(self, onset: int, end: int | None) -> list[str]:
        """Return the networks that were active in the USUAL_DAYS before a period, and never in it."""
        before, inside = slice(max(0, onset - USUAL_DAYS), onset), slice(onset, end)
        return sorted(
            asn for asn, one in self.networks.items() if any(one.active[before]) and not any(one.active[inside])
        )


def usual(numbers: Sequence[int], day: int) -> float:
    """Return the mean of the USUAL_DAYS before a day."""
    before = numbers[max(0, day - USUAL_DAYS) : day]
    return sum(before) / max(1, len(before))


class UsualSilences:
    """Estimate how often a network is silent for some days, from all networks and days with an equal past."""

    def __init__(self, countries: Sequence[Country]) -> None:
        networks = [network for country in countries for network in country.networks.values()]
        self._counts = _Counts()
        for network in networks:
            self._counts.add(network, range(len(network.active)), range(1, LONGEST + 1))

    def share(self, country: Country, network: NetworkActivity, onset: int, days: int, *, returned: bool) -> float:
        """Return the share of equal pasts with so many silent days after them. The country near `onset` is left out.

        With `returned`, the days after the silence must be equal too.
        """
        own, key = _Counts(), (network.past[onset], days, network.after(onset + days) if returned else None)
        near = range(max(0, onset - days), min(onset + days, len(network.active)))
        for one in country.networks.values():
            own.add(one, near, range(days, days + 1))
        return (self._counts.silent[key] - own.silent[key] + 0.5) / (self._counts.possible[key] - own.possible[key] + 1)


class _Counts:
    """Count days by the network's past, a length, and the days after it: all, and those that begin such a silence."""

    def __init__(self) -> None:
        self.silent, self.possible = Counter[_Key](), Counter[_Key]()

    def add(self, network: NetworkActivity, days: range, lengths: range) -> None:
        for day in (day for day in days if network.past[day] is not None):
            for length in range(lengths.start, min(lengths.stop, len(network.active) - day + 1)):
                for after in {None, network.after(day + length)}:
                    key = (network.past[day], length, after)
                    self.possible[key] += 1
                    self.silent[key] += network.ahead[day] >= length
