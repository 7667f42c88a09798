"""What happens in the made-up world, drawn from a seed: who measures, what is blocked when, and what fails.

Its countries have codes that ISO 3166-1 leaves to users (XA–XZ, QM–QZ), its networks numbers for private use
(RFC 6996), so that nobody takes it for evidence.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from probe.lab.synth.templates import ACCUSED, Template

FIRST_DAY, DAYS = date(2026, 6, 1), 90
COUNTRIES = tuple(f"X{letter}" for letter in "ABCDEFGHIJKL") + tuple(f"Q{letter}" for letter in "MNOPQRST")
NETWORKS = (2, 6)  # of a country, least and most
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
"""Scenario → the targets that it may befall, in a country or in some of its networks."""
LOOK_ALIKES = ("no-network", "captive-portal", "no-ipv6", "server-refuses-unknown-names", "sip-alg", "dot-doh-blocked")
"""What befalls single measurements anywhere, and accuses nobody."""
OUTAGE = "service-down"  # for everybody, on some days
WANTED: dict[str, tuple[str, ...]] = {**dict.fromkeys(("clean", OUTAGE, *LOOK_ALIKES), TARGETS), **dict(CENSORSHIP)}
"""Scenario → targets: what templates are needed of; not every look-alike has one of every target."""
ODDS_OF_LOOK_ALIKE = 0.04
VERSIONS = ("0.1.0", "0.1.1", "0.2.0")


@dataclass(frozen=True)
class Network:
    """One network. `weight`: its share of measurements; `silent`: days without any, for lack of volunteers."""

    country: str
    asn: str
    name: str
    weight: float
    silent: frozenset[date]


@dataclass(frozen=True)
class Event:
    """Censorship of some targets in some networks, from `onset` on; `end` is the first day without it."""

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
    """The whole world. `shutdowns`: country → days on which nobody there could measure; `outages`: days of OUTAGE."""

    networks: tuple[Network, ...]
    events: tuple[Event, ...]
    shutdowns: dict[str, frozenset[date]]
    outages: frozenset[date]

    def measured(self, day: date) -> list[Network]:
        """The networks that somebody measures from on a day."""
        return [
            network
            for network in self.networks
            if day not in network.silent and day not in self.shutdowns.get(network.country, frozenset())
        ]

    def scenario(self, network: Network, target: str, day: date, dice: Random) -> str:
        """What befalls one measurement: censorship first, an outage, a look-alike, or nothing."""
        for event in self.events:
            if event.covers(network.asn, target, day):
                return event.scenario
        if day in self.outages:
            return OUTAGE
        return dice.choice(LOOK_ALIKES) if dice.random() < ODDS_OF_LOOK_ALIKE else "clean"


def days() -> list[date]:
    """The days of the plan, in order."""
    return [FIRST_DAY + timedelta(days=number) for number in range(DAYS)]


def draw_plan(seed: int) -> Plan:
    """The same world for the same seed."""
    dice = Random(f"plan {seed}")
    networks = tuple(network for country in COUNTRIES for network in _networks(country, dice))
    open_countries = set(dice.sample(COUNTRIES, len(COUNTRIES) // 4))
    events = [
        event for country in COUNTRIES if country not in open_countries for event in _events(country, networks, dice)
    ]
    dark = dice.choice(COUNTRIES)
    shutdown = _stretch(dice, 3, 6)
    return Plan(networks, tuple(events), {dark: shutdown}, frozenset(dice.sample(days(), 2)))


def _networks(country: str, dice: Random) -> Iterable[Network]:
    for number in range(dice.randint(*NETWORKS)):
        asn = f"AS{FIRST_NETWORK + COUNTRIES.index(country) * 100 + number}"
        silent = _stretch(dice, 4, 15) if dice.random() < 0.4 else frozenset()
        yield Network(country, asn, f"Made-up Net {country}-{number}", dice.paretovariate(1.5), silent)


def _events(country: str, networks: Iterable[Network], dice: Random) -> Iterable[Event]:
    """One or two in a country, of different targets: some always there, some with an onset, some that end."""
    here = [network.asn for network in networks if network.country == country]
    taken: set[str] = set()
    for scenario, targets in dice.sample(CENSORSHIP, dice.randint(1, 2)):
        chosen = tuple(target for target in targets if target not in taken)
        if chosen:
            taken.update(chosen)
            some = here if dice.random() < 0.7 else dice.sample(here, max(1, len(here) // 2))
            onset = FIRST_DAY if dice.random() < 0.3 else FIRST_DAY + timedelta(days=dice.randint(20, 60))
            end = onset + timedelta(days=dice.randint(14, 25)) if dice.random() < 0.3 else None
            yield Event(scenario, chosen, tuple(sorted(some)), onset, end)


def _stretch(dice: Random, shortest: int, longest: int) -> frozenset[date]:
    start, length = dice.randint(10, DAYS - longest - 1), dice.randint(shortest, longest)
    return frozenset(FIRST_DAY + timedelta(days=start + number) for number in range(length))


def told(event: Event, templates: dict[tuple[str, str], Template]) -> Iterable[dict[str, object]]:
    """An event as truth.json has it: one for each service and mechanism that it adds to what is true anyway."""
    for target in event.targets:
        for service, said in templates[event.scenario, target].truth.items():
            if said.state in ACCUSED:
                for mechanism in said.mechanisms:
                    yield {
                        "service": service,
                        "networks": list(event.networks),
                        "onset": event.onset.isoformat() if event.onset > FIRST_DAY else None,
                        "end": event.end.isoformat() if event.end else None,
                        "mechanism": mechanism,
                    }
