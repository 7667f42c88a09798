"""Draw the users of a synthetic world: how long each takes part, how often, behind which filter, with which clock.

A user depends on the seed and the user's number alone. So a world of any size is drawn without a list of its users.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import count
from random import Random

from probe.lab.synth.plan import DAYS, FIRST_DAY, Network, Plan
from probe.lab.synth.synthetic_conditions import CENSORSHIP, TARGETS, VERSIONS
from probe.lab.synth.synthetic_world import Users, WorldError
from probe.messages import tr

DAY = 86400
MOST_WITHOUT_RUN = 100_000  # users in a row, before the world counts as one without measurements
WRONG = (120, 22 * 3600)  # seconds that a wrong clock is off, and
VERY_WRONG = (36 * 3600, 400 * DAY)  # a very wrong one, whose runs are invalid


@dataclass(frozen=True)
class LocalFilter:
    """Hold the filter of a school or company network, which no other user has."""

    scenario: str
    targets: tuple[str, ...]


@dataclass(frozen=True)
class Run:
    """Hold one run. `number` counts the runs of its user."""

    number: int
    run_id: str
    second: int  # since the begin of FIRST_DAY, true time

    @property
    def day(self) -> date:
        return FIRST_DAY + timedelta(days=self.second // DAY)


@dataclass(frozen=True)
class User:
    """Hold one user. `clock_error` is true time minus the clock's time, in seconds. `left` is None at the world's end.

    `most` is the number of measurements after which the user stops.
    """

    number: int
    network: Network
    came: date
    left: date | None
    runs: tuple[Run, ...]
    filter: LocalFilter | None
    clock_error: int
    version: str
    most: int
    secret: bytes | None  # for contributor tokens, None if the user did not agree

    def measured(self, day: date) -> Iterator[tuple[Run, tuple[str, ...]]]:
        for run in self.runs:
            if run.day == day and (targets := TARGETS[: max(0, self.most - run.number * len(TARGETS))]):
                yield run, targets


@dataclass(frozen=True)
class Population:
    """Hold how many users make the wanted number of measurements, and how many of them the last user makes."""

    seed: int
    plan: Plan
    keys: Users
    users: int
    of_last: int

    def __iter__(self) -> Iterator[User]:
        for number in range(self.users):
            user = draw_user(number, self.seed, self.plan, self.keys)
            yield replace(user, most=self.of_last) if number == self.users - 1 else user


def population(measurements: int, seed: int, plan: Plan, keys: Users) -> Population:
    """Return the users who together make exactly this many measurements. Raises WorldError for a world without runs."""
    made, without = 0, 0
    for number in count():
        many = draw_user(number, seed, plan, keys).most
        if made + many >= measurements:
            return Population(seed, plan, keys, number + 1, measurements - made)
        made, without = made + many, 0 if many else without + 1
        if without > MOST_WITHOUT_RUN:
            raise WorldError(tr("No user of this world ever measures. Make [users] days longer."))
    raise AssertionError  # count() has no end


def draw_user(number: int, seed: int, plan: Plan, keys: Users) -> User:
    rng = Random(f"user {seed} {number}")
    network = rng.choices(plan.networks, cum_weights=plan.cumulated)[0]
    stays = rng.expovariate(1 / keys.days) * DAY
    begin = rng.uniform(-keys.days * DAY, DAYS * DAY)  # some came before the first day
    end = min(begin + stays, DAYS * DAY - 1)
    first, wanted = int(max(begin, 0)), min(keys.most_runs, int(rng.paretovariate(keys.pareto)))
    seconds = sorted(rng.randint(first, max(first, int(end))) for _ in range(wanted)) if end > 0 else []
    runs = tuple(
        Run(place, _run_id(seed, number, place), second)
        for place, second in enumerate(
            second for second in seconds if plan.measures(network, FIRST_DAY + timedelta(days=second // DAY))
        )
    )
    return User(
        number,
        network,
        came=FIRST_DAY + timedelta(days=first // DAY),
        left=None if end >= DAYS * DAY - 1 else FIRST_DAY + timedelta(days=int(max(end, 0)) // DAY),
        runs=runs,
        filter=_filter(rng, keys),
        clock_error=_clock_error(rng, keys),
        version=rng.choice(VERSIONS),
        most=len(runs) * len(TARGETS),
        secret=f"user {seed} {number}".encode() if rng.random() < keys.tokens else None,
    )


def _run_id(seed: int, user: int, run: int) -> str:
    return hashlib.sha256(f"{seed} {user} {run}".encode()).hexdigest()[:16]


def _filter(rng: Random, keys: Users) -> LocalFilter | None:
    if rng.random() >= keys.filtered:
        return None
    scenario = rng.choice(keys.filters)
    targets = dict(CENSORSHIP)[scenario]
    return LocalFilter(scenario, tuple(sorted(rng.sample(targets, rng.randint(1, len(targets))))))


def _clock_error(rng: Random, keys: Users) -> int:
    """Return an error of whole minutes, since the probe writes no finer one."""
    kind = rng.random()
    if kind >= keys.wrong_clocks + keys.very_wrong_clocks:
        return 0
    least, most = WRONG if kind < keys.wrong_clocks else VERY_WRONG
    size: float = least * (most / least) ** rng.random()
    return (1 if rng.random() < 0.5 else -1) * round(size / 60) * 60
