"""Draw synthetic networks and events from a seed: measuring networks, censorship, outages and shutdowns.

The country codes are those that ISO 3166-1 leaves to users (XA to XZ, QM to QZ). The AS numbers are for private use
(RFC 6996). So the measurements cannot be taken for evidence. XK is left out, because many programs use it for Kosovo.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from itertools import accumulate
from random import Random

from probe.lab.synth.synthetic_conditions import CENSORSHIP, OUTAGE
from probe.lab.synth.synthetic_world import Keys

FIRST_DAY, DAYS = date(2026, 6, 1), 90
COUNTRIES = tuple(f"X{letter}" for letter in "ABCDEFGHIJML") + tuple(f"Q{letter}" for letter in "MNOPQRST")
NETWORKS = (2, 6)  # least and most of a country
FIRST_NETWORK = 4_200_000_000


@dataclass(frozen=True)
class Network:
    """Hold one network. `weight`: its share of measurements. `silent`: days without measurements."""

    country: str
    asn: str
    name: str
    weight: float
    silent: frozenset[date]


@dataclass(frozen=True)
class Event:
    """Hold censorship of some targets in some networks, from `onset` on. `end` is the first day without it."""

    scenario: str
    targets: tuple[str, ...]
    networks: tuple[str, ...]
    onset: date
    end: date | None

    def covers(self, network: str, target: str, day: date) -> bool:
        inside = day >= self.onset and (self.end is None or day < self.end)
        return inside and network in self.networks and target in self.targets


@dataclass(frozen=True)
class Plan:
    """Hold what happens in a world.

    `shutdowns`: days without measurements by country. `outages`: days of OUTAGE. `helper_outages`: days on which the
    test helper does not answer.
    """

    networks: tuple[Network, ...]
    events: tuple[Event, ...]
    shutdowns: dict[str, frozenset[date]]
    outages: frozenset[date]
    helper_outages: tuple[frozenset[date], ...] = ()

    @cached_property
    def cumulated(self) -> tuple[float, ...]:
        return tuple(accumulate(network.weight for network in self.networks))

    def measured(self, day: date) -> list[Network]:
        return [network for network in self.networks if self.measures(network, day)]

    def measures(self, network: Network, day: date) -> bool:
        """Return True if users of a network can measure on a day."""
        return day not in network.silent and day not in self.shutdowns.get(network.country, frozenset())

    def censorship(self, network: Network, target: str, day: date) -> str | None:
        """Return the scenario of the event that covers a target, None without one."""
        covering = (event.scenario for event in self.events if event.covers(network.asn, target, day))
        return next(covering, None)

    def outage(self, day: date) -> str | None:
        """Return OUTAGE on days on which services are down, None on others."""
        return OUTAGE if day in self.outages else None

    def helper_answers(self, day: date) -> bool:
        """Return True if the test helper works on a day."""
        return not any(day in outage for outage in self.helper_outages)


def days() -> list[date]:
    """Return the days of the plan, in order."""
    return [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]


def draw_plan(seed: int, world: Keys) -> Plan:
    rng = Random(f"plan {seed}")
    networks = tuple(network for country in COUNTRIES for network in _networks(country, rng))
    open_countries = set(rng.sample(COUNTRIES, len(COUNTRIES) // 4))
    events = [
        event
        for country in COUNTRIES
        if country not in open_countries
        for event in _events(country, networks, rng, world.blocks_in_one_network)
    ]
    shutdowns = {country: _stretch(rng, 3, 6) for country in rng.sample(COUNTRIES, world.shutdowns)}
    outages = frozenset(rng.sample(days(), 2))
    helper_outages = tuple(_stretch(rng, 1, 4) for _ in range(world.helper_outages))
    return Plan(networks, tuple(events), shutdowns, outages, helper_outages)


def _networks(country: str, rng: Random) -> Iterable[Network]:
    for number in range(rng.randint(*NETWORKS)):
        asn = f"AS{FIRST_NETWORK + COUNTRIES.index(country) * 100 + number}"
        silent = _stretch(rng, 4, 15) if rng.random() < 0.4 else frozenset()
        yield Network(country, asn, f"Made-up Net {country}-{number}", rng.paretovariate(1.5), silent)


def _events(country: str, networks: Iterable[Network], rng: Random, in_one: float) -> Iterable[Event]:
    """Yield one or two events of a country, of different targets, with or without onset and end.

    `in_one` is the share of events in a single network. Most others are in the whole country.
    """
    own = [network.asn for network in networks if network.country == country]
    taken: set[str] = set()
    for scenario, targets in rng.sample(CENSORSHIP, rng.randint(1, 2)):
        chosen = tuple(target for target in targets if target not in taken)
        if chosen:
            taken.update(chosen)
            part, some = rng.random(), own
            if part < in_one:
                some = rng.sample(own, 1)
            elif part >= in_one + 0.7 * (1 - in_one):
                some = rng.sample(own, max(1, len(own) // 2))
            onset = FIRST_DAY if rng.random() < 0.3 else FIRST_DAY + timedelta(days=rng.randint(20, 60))
            end = onset + timedelta(days=rng.randint(14, 25)) if rng.random() < 0.3 else None
            yield Event(scenario, chosen, tuple(sorted(some)), onset, end)


def _stretch(rng: Random, shortest: int, longest: int) -> frozenset[date]:
    start, length = rng.randint(10, DAYS - longest - 1), rng.randint(shortest, longest)
    return frozenset(FIRST_DAY + timedelta(days=start + number) for number in range(length))
