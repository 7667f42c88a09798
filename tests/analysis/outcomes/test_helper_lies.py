"""Test what a false helper can do: every field of its answer with every value, every address, and consistent lies."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.observations.rows import CONTROL, read_measurement
from probe.analysis.rules.rule import ACCUSING
from tests.support.measurements.lies.fields import VALUES, paths, with_value
from tests.support.measurements.lies.hearing import Line, States, answer_of, heard, states, without_helper
from tests.support.measurements.lies.recordings import recorded

ONE_BY_ONE = [
    ("web", "https://www.lied.example/"),  # a forged answer in DNS came first
    ("web", "http://www.sent-away.example/"),  # redirected, with a Host header at a neutral host too
    ("web-names", "https://closed.unlisted.example/"),
    ("stun-down", "stun://stun.fitauto.ru:3478"),
    ("stun-drop", "stun://stun.fitauto.ru:3478"),
    ("resolvers-impersonated", "https://dns.google/dns-query"),
]
OURS = "93.184.216.77"
_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}|[0-9a-f]{0,4}(?::[0-9a-f]{0,4}){2,7}")


@pytest.fixture(scope="module")
def engine() -> Iterator[SQLiteEngine]:
    with SQLiteEngine() as made:
        yield made


def measured(scenario: str, asked: str) -> Line:
    return next(line for line in recorded(scenario) if line["input"] == asked)


class Judge:
    """Judge what the probe writes after an answer. Equal evidence is judged once."""

    def __init__(self, line: Line, engine: SQLiteEngine) -> None:
        self._line, self._engine = line, engine
        self._known: dict[Any, States] = {}
        self.honest = states(heard(line, answer_of(line)), engine)
        self.without = states(without_helper(line), engine)

    def after(self, answer: Any) -> States:
        record = heard(self._line, answer)
        facts = read_measurement(record)
        mine = tuple(row for row in facts.rows if row.origin == CONTROL)
        control = (facts.control_failed, facts.control_udp, tuple(facts.control_families.items()))
        key = hash((mine, control, facts.control_neutral_failed))
        if key not in self._known:
            self._known[key] = states(record, self._engine)
        return self._known[key]

    def damage(self, told: States) -> dict[Any, tuple[str, str]]:
        """Return what a lie must not do: accuse, strengthen to `blocked`, or make ok out of an accusation.

        A helper may also be of no help. Then the verdict is that of a run without one.
        """
        return {
            part: (before, told[part])
            for part, before in self.honest.items()
            if told[part] not in {before, self.without[part]}
            and (
                told[part] == "blocked"
                or (told[part] in ACCUSING and before not in ACCUSING)
                or (told[part] == "ok" and before in ACCUSING)
            )
        }


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("scenario", "asked"), ONE_BY_ONE)
def test_no_field_alone_accuses_or_acquits(scenario: str, asked: str, engine: SQLiteEngine) -> None:
    line = measured(scenario, asked)
    judge, answer = Judge(line, engine), answer_of(line)
    assert judge.honest == states(line, engine)
    fields = paths(answer)
    assert ("preflight", "udp") in fields and ("test_keys", "x_transactions", "[]", "age") in fields
    for path in fields:
        for value in VALUES:
            told = judge.after(with_value(answer, path, value))
            assert told.keys() == judge.honest.keys()
            assert not judge.damage(told), (path, value)
