"""Draw worlds of measurements that try once, as OONI's: with blocks, and with all that looks like them.

The look-alikes are outages, bad lines, networks with a bad path to distant servers, overloaded servers, faulty
software versions, and users behind a local filter. Some of these users measure every day on two devices.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from random import Random

from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import PLAIN

FIRST_DAY, DAYS = date(2026, 6, 1), 60
COUNTRIES = tuple(f"X{letter}" for letter in "ABCDEFGHIJKLMNOPQRST")
SERVICES = tuple(f"https://site{number}.example//web" for number in range(24))
EACH_RUN = 10  # services that a run tests, drawn anew for each
DISTANT = SERVICES[::4]  # their servers are far away, so that bad paths and lines hit them more
PLATFORMS = ("ooniprobe-android", "ooniprobe-desktop", "ooniprobe-cli", "ooniprobe-android-unattended")
VERSIONS = ("3.24", "3.25", "3.26")  # each replaces the one before, not on all devices at once
CREDENTIALS = 0.7  # share of devices with a credential, so that OONI's collector gives them an id for each network
Period = tuple[int, int]  # first day, and first day after it


@dataclass
class Place:
    """Hold one network, and what is wrong with it. `bad_path` is the share of flows to distant servers that fail."""

    cc: str
    asn: str
    weight: float
    bad_path: float
    outages: list[Period] = field(default_factory=list)
    blocks: dict[str, Period] = field(default_factory=dict)


@dataclass(frozen=True)
class Reporter:
    """Hold a user with one or two devices.

    `loss` is the share of measurements that a bad line makes fail. `update` is how many days later the devices update.
    `known` are the devices with a credential.
    """

    place: Place
    devices: tuple[str, ...]
    days: Period
    a_day: float  # runs
    loss: float
    filtered: tuple[str, ...]
    update: int
    known: frozenset[str] = frozenset()


@dataclass(frozen=True)
class World:
    """Hold a whole world. A server in `overloaded` fails in all networks, at the given rate."""

    places: list[Place]
    reporters: list[Reporter]
    overloaded: dict[str, tuple[Period, float]]
    faulty: dict[tuple[str, str], float]  # platform and service
    rng: Random

    def blocked(self) -> set[tuple[str, str, str]]:
        """Return the service, country and network of all blocks."""
        return {(service, place.cc, place.asn) for place in self.places for service in place.blocks}

    def lasting(self) -> set[tuple[str, str, str]]:
        """Return the blocks that last until the end."""
        return {(s, place.cc, place.asn) for place in self.places for s, (_, end) in place.blocks.items() if end > DAYS}


def draw_world(seed: int, reporters: int) -> World:
    """Draw a world in which so many users measure."""
    rng = Random(f"single failures {seed}")
    places = [place for cc in COUNTRIES for place in _country(cc, rng)]
    weights = [place.weight for place in places]
    users = [_reporter(rng.choices(places, weights)[0], rng) for _ in range(reporters)]
    heavy = [_heavy(place, rng) for place in places if rng.random() < 0.3]
    overloaded = {name: (_period(rng, 5, 30), rng.uniform(0.3, 0.95)) for name in rng.sample(SERVICES, 3)}
    faulty = {(rng.choice(PLATFORMS), name): rng.uniform(0.5, 1.0) for name in rng.sample(SERVICES, 2)}
    known = [_with_credentials(one, Random(f"credentials {seed} {n}")) for n, one in enumerate(users + heavy)]
    return World(places, known, overloaded, faulty, rng)


def _with_credentials(reporter: Reporter, rng: Random) -> Reporter:
    known = frozenset(device for device in reporter.devices if rng.random() < CREDENTIALS)
    return replace(reporter, known=known)


def _period(rng: Random, shortest: int, longest: int) -> Period:
    length = rng.randint(shortest, longest)
    begin = rng.randint(0, DAYS - length)
    return begin, begin + length


def _country(cc: str, rng: Random) -> Iterator[Place]:
    """Yield the networks of a country. Three in four countries block some services, mostly everywhere."""
    blocks: dict[str, tuple[Period, float]] = {}
    if rng.random() < 0.75:
        for service in rng.sample(SERVICES, rng.randint(1, 4)):
            begin = 0 if rng.random() < 0.4 else rng.randint(10, DAYS - 15)
            end = begin + rng.randint(10, 30) if rng.random() < 0.2 else DAYS + 1
            blocks[service] = (begin, end), rng.choice((0.4, 1.0, 1.0))
    for number in range(rng.randint(2, 6)):
        bad_path = rng.uniform(0.1, 0.7) if rng.random() < 0.15 else 0.0
        outages = [_period(rng, 1, 3) for _ in range(rng.choice((0, 0, 1, 2)))]
        own = {service: days for service, (days, share) in blocks.items() if rng.random() < share}
        yield Place(
            cc, f"AS{64512 + 10 * COUNTRIES.index(cc) + number}", rng.paretovariate(1.3), bad_path, outages, own
        )


def _reporter(place: Place, rng: Random) -> Reporter:
    begin = rng.randint(-20, DAYS - 1)
    days = max(0, begin), min(DAYS, begin + 1 + int(rng.expovariate(1 / 25)))
    devices = tuple(rng.sample(PLATFORMS, 1 + (rng.random() < 0.2)))
    loss = rng.uniform(0.1, 0.6) if rng.random() < 0.2 else 0.01
    filtered = tuple(rng.sample(SERVICES, rng.randint(1, 4))) if rng.random() < 0.06 else ()
    return Reporter(place, devices, days, min(3.0, 0.1 * rng.paretovariate(1.1)), loss, filtered, rng.randint(0, 15))


def _heavy(place: Place, rng: Random) -> Reporter:
    """Return a user behind a local filter with runs on every day."""
    devices, filtered = tuple(rng.sample(PLATFORMS, 1 + (rng.random() < 0.5))), tuple(rng.sample(SERVICES, 3))
    return Reporter(place, devices, (0, DAYS), rng.uniform(1, 3), 0.02, filtered, rng.randint(0, 15))


def rows_of(world: World) -> Iterator[VerdictRow]:
    for user, reporter in enumerate(world.reporters):
        for day in range(*reporter.days):
            for run in range(int(reporter.a_day + world.rng.random())):
                yield from _run(world, reporter, day, f"{user}-{day}-{run}", user)


def _run(world: World, reporter: Reporter, day: int, run_id: str, user: int) -> Iterator[VerdictRow]:
    rng, place = world.rng, reporter.place
    platform, version = rng.choice(reporter.devices), VERSIONS[max(0, day - reporter.update) // 20]
    for service in rng.sample(SERVICES, EACH_RUN):
        outcome = _outcome(world, reporter, service, platform, day)
        yield replace(
            PLAIN,
            **outcome,
            line_hash=f"{run_id} {service}",
            run_id=run_id,
            service=service,
            day=(FIRST_DAY + timedelta(days=day)).isoformat(),
            measurement_start_time=f"{FIRST_DAY + timedelta(days=day)}T12:00:00Z",
            probe_cc=place.cc,
            probe_asn=place.asn,
            software_name=platform,
            software_version=version,
            probe_id=f"{user} {platform} {place.asn}" if platform in reporter.known else "",
        )


_WORKS: dict[str, object] = {}
_DOWN = {"state": "down", "rule_id": "fails_everywhere", "failures": 1, "control_successes": 0}
_NO_CONTROL = {"state": "impaired", "rule_id": "no_control", "failures": 1, "controls": 0, "control_successes": 0}


def _outcome(world: World, reporter: Reporter, service: str, platform: str, day: int) -> dict[str, object]:
    """Return the columns of one measurement that tries once. Most failures have a control that works."""
    rng = world.rng
    if not _fails(world, reporter, service, platform, day):
        return _WORKS
    period, _ = world.overloaded.get(service, ((0, 0), 0.0))
    if period[0] <= day < period[1] and rng.random() < 0.3:
        return _DOWN
    layer = "tls" if rng.random() < 0.9 or service in reporter.place.blocks else "tcp"
    if rng.random() < 0.1:
        return _NO_CONTROL
    return {"state": "impaired", "rule_id": "unconfirmed", "layer": layer, "failures": 1}


def _fails(world: World, reporter: Reporter, service: str, platform: str, day: int) -> bool:
    place, distant = reporter.place, service in DISTANT
    (begin, end), rate = world.overloaded.get(service, ((0, 0), 0.0))
    blocked_from, blocked_to = place.blocks.get(service, (0, 0))
    chances = (
        0.97 * (blocked_from <= day < blocked_to),
        0.97 * (service in reporter.filtered),
        0.95 * any(first <= day < last for first, last in place.outages),
        min(0.9, reporter.loss * (1.5 if distant else 1.0)),
        place.bad_path if distant else 0.0,
        rate * (begin <= day < end),
        world.faulty.get((platform, service), 0.0),
    )
    return any(world.rng.random() < chance for chance in chances)
