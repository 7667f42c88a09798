"""Draw countries, networks, devices and blocks, and the verdict rows of the devices' runs.

Every kind of world starts from this plain one and changes it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from math import exp
from random import Random

from probe.analysis.verdicts.verdict_row import VerdictRow
from probe.privacy.contributor_token import token_of
from tests.support.measurements.verdict_rows import PLAIN

FIRST_DAY, DAYS = date(2026, 6, 1), 60
COUNTRIES = tuple(f"X{letter}" for letter in "ABCDEFGHIJ")
SERVICES = ("telegram/web", "whatsapp/web", "signal/chat", "facebook/web", "x/web")
PROGRAMS = {
    "android": "ooniprobe-android",
    "ios": "ooniprobe-ios",
    "windows": "ooniprobe-desktop",
    "macos": "ooniprobe-desktop",
    "linux": "ooniprobe-cli",
}
PLATFORMS = tuple(PROGRAMS)
VERSIONS = ("5.1", "5.2", "5.3")  # each replaces the one before, not on all devices at once
NOISE = 0.02  # share of runs in which a service fails by accident
Period = tuple[int, int]  # first day, and first day after it


@dataclass
class Device:
    """Hold one device with its networks, between which it roams from run to run.

    `filtered` are the services that the device's own filter stops, in the hours `bedtime` only if that is given.
    `update` is how many days later it updates. Most runs are near the hour `usual`, in UTC.
    """

    number: int
    cc: str
    networks: tuple[str, ...]
    days: Period
    a_day: float  # runs
    platform: str
    update: int
    filtered: tuple[str, ...] = ()
    usual: float = 12.0
    bedtime: Period | None = None


@dataclass(frozen=True)
class Block:
    """Hold the true block of a service on some networks of a country.

    A partial block has a `kind` as in `PartialBlock`. It has hours in UTC, which may pass midnight, weekdays, or a
    share of the runs.
    """

    service: str
    cc: str
    networks: tuple[str, ...]
    days: Period
    kind: str = ""
    hours: Period = (0, 24)
    weekdays: tuple[int, ...] = tuple(range(7))
    share: float = 1.0

    def at(self, day: int, hour: int) -> bool:
        """Return True if the block is on in an hour. The hours after midnight belong to the day before."""
        begin, end = self.hours
        inside = begin <= hour < end if begin < end else hour >= begin or hour < end
        own = day - (begin >= end and hour < end)
        weekday = (FIRST_DAY + timedelta(days=own)).weekday()
        return inside and weekday in self.weekdays and self.days[0] <= own < self.days[1]


@dataclass
class World:
    """Hold a whole world.

    - `activity` has the share of runs that a country makes on a day that is not usual, such as a holiday.
    - `outages` are periods in which a service accuses all networks, since the app failed.
    - `faulty` are platforms with a version that fails for a service. `flaky` has the share of failures by network.
    - `disturbed` are hours of each day in which networks are out of order, and `repaired` those of a service's servers.
    - `token` gives each device a token that is in its records. The last `new_month` days are in a new month.
    """

    rng: Random
    networks: dict[str, tuple[str, ...]]
    devices: list[Device]
    blocks: list[Block]
    activity: dict[tuple[str, int], float] = field(default_factory=dict)
    silences: dict[str, Period] = field(default_factory=dict)
    outages: dict[str, Period] = field(default_factory=dict)
    faulty: dict[tuple[str, str], str] = field(default_factory=dict)
    flaky: dict[tuple[str, str], float] = field(default_factory=dict)
    disturbed: dict[str, Period] = field(default_factory=dict)
    repaired: dict[str, Period] = field(default_factory=dict)
    clock: Random = field(default_factory=lambda: Random("clock"))
    invented: list[VerdictRow] = field(default_factory=list)
    token: bool = False
    new_month: int = 0

    def rows(self) -> Iterator[VerdictRow]:
        for device in self.devices:
            for day in range(*device.days):
                for run in range(self._runs(device, day)):
                    yield from self._run(device, day, f"{device.number}-{day}-{run}")
        yield from self.invented

    def _runs(self, device: Device, day: int) -> int:
        first, end = self.silences.get(device.cc, (0, 0))
        share = 0.0 if first <= day < end else self.activity.get((device.cc, day), 1.0)
        return poisson(share * device.a_day, self.rng)

    def _run(self, device: Device, day: int, run_id: str) -> Iterator[VerdictRow]:
        asn, version = self.rng.choice(device.networks), version_of(device, day)
        token, hour = self._token(device, day), int(self.clock.gauss(device.usual, 4)) % 24
        for service in SERVICES:
            state = "blocked" if self._fails(device, asn, service, version, day, hour) else "ok"
            if device.cc in self.disturbed and _within(hour, self.disturbed[device.cc]):
                state = self.clock.choice(("impaired", "impaired", "impaired", "blocked", "ok"))
            row = row_of(device.cc, asn, day, device.platform, version, run_id, service, state, token)
            yield replace(row, corrected_start_time=f"{row.day}T{hour:02}:30:00Z")

    def _token(self, device: Device, day: int) -> str:
        return token_on(device.number, day + (DAYS if day >= DAYS - self.new_month else 0)) if self.token else ""

    def _fails(self, device: Device, asn: str, service: str, version: str, day: int, hour: int) -> bool:
        first, end = self.outages.get(service, (0, 0))
        filtered = service in device.filtered and (device.bedtime is None or _within(hour, device.bedtime))
        chances = (
            NOISE,
            0.97 * self.blocked(service, device.cc, asn, day, hour),
            0.97 * filtered,
            0.7 * (first <= day < end),
            0.97 * (self.faulty.get((device.platform, version)) == service),
            self.flaky.get((device.cc, asn), 0.0),
        )
        repaired = service in self.repaired and _within(hour, self.repaired[service]) and self.clock.random() < 0.9
        return any(self.rng.random() < chance for chance in chances) or repaired

    def blocked(self, service: str, cc: str, asn: str, day: int, hour: int) -> float:
        """Return the share of runs in which a service is blocked in an hour."""
        shares = (
            one.share
            for one in self.blocks
            if (one.service, one.cc) == (service, cc) and asn in one.networks and one.at(day, hour)
        )
        return max(shares, default=0.0)


def _within(hour: int, hours: Period) -> bool:
    begin, end = hours
    return begin <= hour < end if begin < end else hour >= begin or hour < end


def poisson(mean: float, rng: Random) -> int:
    """Return a random number of runs."""
    limit, product, count = exp(-mean), rng.random(), 0
    while product > limit:
        product, count = product * rng.random(), count + 1
    return count


def token_on(number: int, day: int) -> str:
    """Return the contributor token of a device on a day."""
    return token_of(f"device {number}".encode(), datetime.combine(FIRST_DAY + timedelta(days=day), time(), UTC))


def version_of(device: Device, day: int) -> str:
    return VERSIONS[max(0, day - device.update) * len(VERSIONS) // DAYS]


def row_of(
    cc: str, asn: str, day: int, platform: str, version: str, run_id: str, service: str, state: str, token: str = ""
) -> VerdictRow:
    """Return the row of one service in a run."""
    when = (FIRST_DAY + timedelta(days=day)).isoformat()
    columns = {"probe_id": token} if token else {}
    return replace(
        PLAIN,
        line_hash=f"{run_id} {service}",
        run_id=run_id,
        service=service,
        target=service.partition("/")[0],
        state=state,
        mechanisms="tls.reset.sni" if state == "blocked" else "",
        day=when,
        measurement_start_time=f"{when}T12:00:00Z",
        corrected_start_time=f"{when}T12:00:00Z",
        probe_cc=cc,
        probe_asn=asn,
        software_name=PROGRAMS[platform],
        platform=platform,
        software_version=version,
        **columns,
    )


def plain_world(kind: str, seed: int, blocks: float = 0.4, users: tuple[int, int] = (8, 20)) -> World:
    """Draw a world. In the share `blocks` of its countries one service is blocked on all networks."""
    rng = Random(f"{kind} {seed}")
    networks = {
        cc: tuple(f"AS{64512 + 10 * place + one}" for one in range(rng.randint(3, 6)))
        for place, cc in enumerate(COUNTRIES)
    }
    devices = [
        device(number, cc, networks[cc], rng)
        for number, cc in enumerate(cc for cc in COUNTRIES for _ in range(rng.randint(*users)))
    ]
    full = [
        Block(rng.choice(SERVICES), cc, networks[cc], (rng.randint(12, DAYS - 20), DAYS + 1))
        for cc in COUNTRIES
        if rng.random() < blocks
    ]
    return World(rng, networks, devices, full)


def device(number: int, cc: str, networks: tuple[str, ...], rng: Random) -> Device:
    """Draw a device on one or two networks, with a run every few days."""
    own = tuple(rng.sample(networks, rng.choice((1, 1, 2))))
    begin = rng.randint(0, DAYS // 3) if rng.random() < 0.5 else 0
    return Device(
        number,
        cc,
        own,
        (begin, DAYS),
        min(2.0, 0.15 * rng.paretovariate(1.2)),
        rng.choice(PLATFORMS),
        rng.randint(0, 12),
    )
