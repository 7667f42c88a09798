"""Draw the measurements of a synthetic world, day by day, without holding them."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import NamedTuple

from probe.formats.measurement import DATE_FORMAT
from probe.lab.synth.plan import Network, Plan, days
from probe.lab.synth.synthetic_conditions import NO_NETWORK, TARGETS, VERSIONS, WANTED
from probe.lab.synth.synthetic_world import Keys
from probe.lab.synth.templates import ExpectedVerdict, Template, load_templates
from probe.lab.synth.users import DAY, Population, Run, User
from probe.privacy.contributor_token import token_annotation

Templates = dict[tuple[str, str], Template]


class Drawn(NamedTuple):
    """Hold one measurement. `began` and `start` are true times of run and measurement, `clock_error` as in `User`.

    `secret` is that of the user's contributor tokens, None without them.
    """

    network: Network
    began: datetime
    start: datetime
    template: Template
    run_id: str
    version: str
    runtime: float
    clock_error: int = 0
    secret: bytes | None = None

    def verdicts(self) -> dict[str, ExpectedVerdict]:
        """Return the verdict that each service must get."""
        if abs(self.clock_error) > DAY:  # then the run is invalid
            return dict.fromkeys(self.template.truth, ExpectedVerdict(None))
        return self.template.truth

    def recorded_day(self) -> date:
        return (self.start - timedelta(seconds=self.clock_error)).date()

    def token(self) -> dict[str, str]:
        """Return the annotation with the contributor token, {} without one."""
        if self.secret is None:
            return {}
        behind, network = timedelta(seconds=self.clock_error), self.network
        return token_annotation(self.secret, self.began - behind, self.start - behind, network.asn, network.country)

    def line(self, world: str) -> str:
        """Return the measurement as JSON, without newline."""
        behind = timedelta(seconds=self.clock_error)
        return self.template.filled(
            {
                "START": f"{self.start - behind:{DATE_FORMAT}}",
                "RUN_START": f"{self.began - behind:{DATE_FORMAT}}",
                "COUNTRY": self.network.country,
                "NETWORK": self.network.asn,
                "NAME": self.network.name,
                "VERSION": self.version,
                "RUN": self.run_id,
                "RUNTIME": f"{self.runtime:.3f}",
                "CLOCK": f"{self.clock_error:.1f}",
                "WORLD": json.dumps(world)[1:-1],
                "TOKEN": "".join(f',"{key}":"{value}"' for key, value in self.token().items()),
            }
        )


class Library(NamedTuple):
    """Hold the templates of a world, also those without control if its helper has outages."""

    usual: Templates
    without_helper: Templates

    @classmethod
    def of(cls, world: Keys, *, light: bool) -> "Library":
        """Load what a world needs."""
        without = load_templates(WANTED, light=light, helper=False) if world.helper_outages else {}
        return cls(load_templates(WANTED, light=light), without)

    def template(self, scenario: str, target: str, helper: bool) -> Template:
        """Return the template of a scenario. Look-alikes that do not touch a target leave it as it is."""
        known = self.usual if helper else self.without_helper
        return known.get((scenario, target)) or known["clean", target]


def independent(measurements: int, plan: Plan, library: Library, world: Keys, seed: int) -> Iterator[Drawn]:
    """Yield measurements of different users, in order of time."""
    rng, calendar = Random(f"lines {seed}"), days()
    for number, day in enumerate(calendar):
        share = (number + 1) * measurements // len(calendar) - number * measurements // len(calendar)
        networks = plan.measured(day)
        weights = [network.weight for network in networks]
        for second in _ordered_seconds(share, rng):
            network, target = rng.choices(networks, weights)[0], rng.choice(TARGETS)
            scenario = plan.censorship(network, target, day) or plan.outage(day) or _look_alike(world, rng)
            template = library.template(scenario or "clean", target, plan.helper_answers(day))
            start, run_id = _time(day, second), f"{rng.getrandbits(64):016x}"
            yield Drawn(network, start, start, template, run_id, rng.choice(VERSIONS), rng.uniform(2, 40))


def _ordered_seconds(many: int, rng: Random) -> Iterator[int]:
    """Yield `many` seconds of a day in order. They are distributed as drawn ones that were sorted."""
    reached = 0.0
    for left in range(many, 0, -1):
        reached += (1 - reached) * (1 - rng.random() ** (1 / left))
        yield min(DAY - 1, int(reached * DAY))


def of_users(users: Population, plan: Plan, library: Library, world: Keys) -> Iterator[Drawn]:
    """Yield the measurements of a population, in order of days."""
    for day in days():
        for user in users:
            for run, targets in user.measured(day):
                yield from _of_run(user, run, targets, plan, library, world)


def _of_run(
    user: User, run: Run, targets: tuple[str, ...], plan: Plan, library: Library, world: Keys
) -> Iterator[Drawn]:
    """Yield the measurements of one run, which share the condition of the network."""
    rng, began = Random(f"run {run.run_id}"), _time(run.day, run.second % DAY)
    look_alike, elapsed = _look_alike(world, rng), 3.0  # seconds of the preflight
    for target in targets:
        scenario = _scenario(user, target, run.day, plan, look_alike)
        template = library.template(scenario, target, plan.helper_answers(run.day))
        start, runtime = began + timedelta(seconds=int(elapsed)), rng.uniform(2, 15)
        yield Drawn(
            user.network, began, start, template, run.run_id, user.version, runtime, user.clock_error, user.secret
        )
        elapsed += runtime


def _scenario(user: User, target: str, day: date, plan: Plan, look_alike: str | None) -> str:
    if look_alike == NO_NETWORK:
        return NO_NETWORK
    if censored := plan.censorship(user.network, target, day):
        return censored
    if user.filter is not None and target in user.filter.targets:
        return user.filter.scenario
    return plan.outage(day) or look_alike or "clean"


def _look_alike(world: Keys, rng: Random) -> str | None:
    return rng.choice(world.look_alikes) if world.look_alikes and rng.random() < world.share_of_look_alikes else None


def _time(day: date, second: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=second)
