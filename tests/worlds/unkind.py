"""Draw unkind worlds of so many users as verdict rows, with the truth about them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import count
from typing import Any

from probe.analysis.verdicts.verdict_row import VerdictRow
from probe.lab.synth.measurements import Library, of_users
from probe.lab.synth.plan import Plan, draw_plan
from probe.lab.synth.synthetic_conditions import WANTED
from probe.lab.synth.synthetic_world import load_world
from probe.lab.synth.templates import load_templates
from probe.lab.synth.truth import truth_of_plan
from probe.lab.synth.users import Population, draw_user
from tests.support.measurements.synthetic_world import rows_of_drawn

UNKIND = load_world("unkind")


@dataclass(frozen=True)
class Made:
    """Hold one world: its plan, the rows of its measurements, what truth.json would say, and the user of each run."""

    plan: Plan
    rows: list[VerdictRow]
    told: dict[str, Any]
    user_of: dict[str, int]


@cache
def library() -> Library:
    """Load the templates of small measurements, with and without helper."""
    usual, without = (load_templates(WANTED, light=True, helper=helper) for helper in (True, False))
    return Library(usual, without)


def draw(users: int, seed: int) -> Made:
    """Return a world in which so many users measured."""
    assert UNKIND.keys.users is not None
    plan = draw_plan(seed, UNKIND.keys)
    last = _last(users, seed, plan)
    most = draw_user(last, seed, plan, UNKIND.keys.users).most
    users = _Listed(seed, plan, UNKIND.keys.users, last + 1, most)
    drawn = of_users(users, plan, library(), UNKIND.keys)
    user_of = {run.run_id: user.number for user in users for run in user.runs}
    return Made(plan, list(rows_of_drawn(drawn)), truth_of_plan(plan, library().usual), user_of)


def _last(users: int, seed: int, plan: Plan) -> int:
    """Return the number of the last user, with whom so many users measured."""
    assert UNKIND.keys.users is not None
    measured = 0
    for number in count():
        measured += draw_user(number, seed, plan, UNKIND.keys.users).most > 0
        if measured == users:
            return number
    raise AssertionError


class _Listed(Population):
    """Hold the users that are drawn once, since this world is small."""

    def __iter__(self) -> Iterator[Any]:
        if not self.__dict__.get("listed"):
            self.__dict__["listed"] = list(super().__iter__())
        return iter(self.__dict__["listed"])
