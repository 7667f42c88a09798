"""Draw synthetic networks and events from a seed: measuring networks, censorship, outages and shutdowns.

The country codes are those that ISO 3166-1 leaves to users (XA to XZ, QM to QZ). The AS numbers are for private use
(RFC 6996). So the measurements cannot be taken for evidence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from probe.lab.synth.templates import ACCUSED, Template

FIRST_DAY, DAYS = date(2026, 6, 1), 90
COUNTRIES = tuple(f"X{letter}" for letter in "ABCDEFGHIJKL") + tuple(f"Q{letter}" for letter in "MNOPQRST")
NETWORKS = (2, 6)  # least and most of a country
FIRST_NETWORK = 4_200_000_000
TARGETS = ("facebook", "gmail", "signal", "sip", "telegram", "whatsapp", "x")
CENSORSHIP: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("sni-reset", ("telegram", "whatsapp")),
    ("sni-drop", ("telegram", "whatsapp")),
    ("dns-nxdomain", ("telegram", "whatsapp")),
    ("dns-injection", ("telegram", "whatsapp")),
    ("tls-mitm", ("telegram", "whatsapp")),
    ("ip-blackhole", ("telegram",)),
    ("quic-drop", ("facebook",)),
    ("sip-drop", ("sip",)),
    ("imaps-reset", ("gmail",)),
    ("great-firewall", ("signal", "x", "facebook", "whatsapp", "telegram")),
)
"""Scenario and the targets that it may censor, in a country or some of its networks."""
LOOK_ALIKES = ("no-network", "captive-portal", "no-ipv6", "server-refuses-unknown-names", "sip-alg", "dot-doh-blocked")
"""Scenarios of single measurements in any network, which accuse no service."""
OUTAGE = "service-down"  # in every network, on some days
WANTED: dict[str, tuple[str, ...]] = {**dict.fromkeys(("clean", OUTAGE, *LOOK_ALIKES), TARGETS), **dict(CENSORSHIP)}
"""Scenario and the targets that need templates. Not every look-alike has one for every target."""
ODDS_OF_LOOK_ALIKE = 0.04
VERSIONS = ("0.1.0", "0.1.1", "0.2.0")


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
    """Hold all networks and events. `shutdowns`: days without measurements by country. `outages`: days of OUTAGE."""

    networks: tuple[Network, ...]
    events: tuple[Event, ...]
    shutdowns: dict[str, frozenset[date]]
    outages: frozenset[date]

    def measured(self, day: date) -> list[Network]:
        """Return the networks with measurements on a day."""
        return [
            network
            for network in self.networks
            if day not in network.silent and day not in self.shutdowns.get(network.country, frozenset())
        ]

    def scenario(self, network: Network, target: str, day: date, rng: Random) -> str:
        """Return the scenario of one measurement: censorship first, then an outage, a look-alike, or `clean`."""
        for event in self.events:
            if event.covers(network.asn, target, day):
                return event.scenario
        if day in self.outages:
            return OUTAGE
        return rng.choice(LOOK_ALIKES) if rng.random() < ODDS_OF_LOOK_ALIKE else "clean"


def days() -> list[date]:
    """Return the days of the plan, in order."""
    return [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]


def draw_plan(seed: int) -> Plan:
    """Return the plan of a seed."""
    rng = Random(f"plan {seed}")
    networks = tuple(network for country in COUNTRIES for network in _networks(country, rng))
    open_countries = set(rng.sample(COUNTRIES, len(COUNTRIES) // 4))
    events = [
        event for country in COUNTRIES if country not in open_countries for event in _events(country, networks, rng)
    ]
    shut_down = rng.choice(COUNTRIES)
    shutdown = _stretch(rng, 3, 6)
    return Plan(networks, tuple(events), {shut_down: shutdown}, frozenset(rng.sample(days(), 2)))


def _networks(country: str, rng: Random) -> Iterable[Network]:
    for number in range(rng.randint(*NETWORKS)):
        asn = f"AS{FIRST_NETWORK + COUNTRIES.index(country) * 100 + number}"
        silent = _stretch(rng, 4, 15) if rng.random() < 0.4 else frozenset()
        yield Network(country, asn, f"Made-up Net {country}-{number}", rng.paretovariate(1.5), silent)


def _events(country: str, networks: Iterable[Network], rng: Random) -> Iterable[Event]:
    """Yield one or two events of a country, of different targets, with or without onset and end."""
    own = [network.asn for network in networks if network.country == country]
    taken: set[str] = set()
    for scenario, targets in rng.sample(CENSORSHIP, rng.randint(1, 2)):
        chosen = tuple(target for target in targets if target not in taken)
        if chosen:
            taken.update(chosen)
            some = own if rng.random() < 0.7 else rng.sample(own, max(1, len(own) // 2))
            onset = FIRST_DAY if rng.random() < 0.3 else FIRST_DAY + timedelta(days=rng.randint(20, 60))
            end = onset + timedelta(days=rng.randint(14, 25)) if rng.random() < 0.3 else None
            yield Event(scenario, chosen, tuple(sorted(some)), onset, end)


def _stretch(rng: Random, shortest: int, longest: int) -> frozenset[date]:
    start, length = rng.randint(10, DAYS - longest - 1), rng.randint(shortest, longest)
    return frozenset(FIRST_DAY + timedelta(days=start + number) for number in range(length))


def truth_of(event: Event, templates: dict[tuple[str, str], Template]) -> Iterable[dict[str, object]]:
    """Yield the entries of an event in truth.json, one for each service and mechanism."""
    for target in event.targets:
        for service, verdict in templates[event.scenario, target].truth.items():
            if verdict.state in ACCUSED:
                for mechanism in verdict.mechanisms:
                    yield {
                        "service": service,
                        "networks": list(event.networks),
                        "onset": event.onset.isoformat() if event.onset > FIRST_DAY else None,
                        "end": event.end.isoformat() if event.end else None,
                        "mechanism": mechanism,
                    }
