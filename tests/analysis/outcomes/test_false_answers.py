"""Test what a false helper can do: each field with each value, each address as the user's, and whole answers."""

import json
import os
import random
import re
from collections.abc import Iterator
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.measurement_reader import read_measurement
from probe.analysis.observations.observation import CONTROL
from probe.analysis.rules.rule import ACCUSING
from probe.targets.address_guard import Contacts, may_contact
from probe.targets.target import is_address
from tests.support.measurements.false_controls.answer_fields import VALUES, paths, with_value
from tests.support.measurements.false_controls.recordings import chosen, recorded, working_answer
from tests.support.measurements.false_controls.replaced_answers import (
    Line,
    States,
    answer_of,
    replaced,
    states,
    without_helper,
)
from tests.support.measurements.false_controls.whole_answers import WHOLE_ANSWERS

DOCUMENT = Path(__file__).parents[3] / "docs" / "helper.md"

ONE_BY_ONE = [
    ("web", "https://www.lied.example/"),  # a forged answer in DNS came first
    ("web", "http://www.sent-away.example/"),  # redirected, with a Host header at a neutral host too
    ("stun-down", "stun://stun.fitauto.ru:3478"),
    ("stun-drop", "stun://stun.fitauto.ru:3478"),
]
FORGED = [
    ("resolvers-impersonated", "https://dns.google/dns-query"),
    ("dns-resolver-lies-variously", "http://plain.led.example/"),
]
VALUES_AT_ONCE = 6  # of each field. With PROBE_TEST_EVERY_VALUE=1 every value is tried, which takes minutes.
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
        self.honest = states(replaced(line, answer_of(line)), engine)
        self.without = states(without_helper(line), engine)

    def after(self, answer: Any) -> States:
        record = replaced(self._line, answer)
        facts = read_measurement(record)
        mine = tuple(row for row in facts.rows if row.origin == CONTROL)
        control = (facts.control_failed, facts.control_udp, tuple(facts.control_families.items()))
        key = hash((mine, control, facts.control_neutral_failed))
        if key not in self._known:
            self._known[key] = states(record, self._engine)
        return self._known[key]

    def damage(self, given: States) -> dict[Any, tuple[str, str]]:
        """Return what a false answer must not do: accuse, strengthen to `blocked`, or make ok out of an accusation.

        A helper may also be of no help. Then the verdict is that of a run without one.
        """
        return {
            part: (before, given[part])
            for part, before in self.honest.items()
            if given[part] not in {before, self.without[part]}
            and (
                given[part] == "blocked"
                or (given[part] in ACCUSING and before not in ACCUSING)
                or (given[part] == "ok" and before in ACCUSING)
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
    draw = random.Random(asked)
    for path in fields:
        for value in VALUES if "PROBE_TEST_EVERY_VALUE" in os.environ else draw.sample(VALUES, VALUES_AT_ONCE):
            given = judge.after(with_value(answer, path, value))
            assert given.keys() == judge.honest.keys()
            assert not judge.damage(given), (path, value)


def addresses_in(line: Line) -> list[str]:
    """Return every address in a measurement."""
    found = dict.fromkeys(_ADDRESS.findall(json.dumps(line)))
    return [address for address in found if is_address(address)]


def servers_of(line: Line) -> set[str]:
    """Return the addresses that target files and encrypted resolvers name, and those of certified neutral hosts."""
    trusted = {"literal", "dot", "doh"}
    flows = [r for r in line["test_keys"]["x_transactions"] if trusted.intersection(r["address_sources"])]
    neutral = line["test_keys"]["x_run"]["preflight"]["neutral"]
    certified = [host for host in neutral if host["failure"] is None and not host.get("connect_only")]
    return {record["address"] for record in (*flows, *certified)}


def is_near(address: str, servers: set[str]) -> bool:
    """Return whether the address is a server's, or in the /64 of one, which is redacted as a whole."""
    if ":" not in address:
        return address in servers
    return any(server in ip_network(f"{address}/64", strict=False) for server in map(ip_address, servers))


@pytest.mark.parametrize(("scenario", "asked"), [*ONE_BY_ONE, *FORGED])
def test_no_address_that_is_named_as_ours_accuses_or_acquits(scenario: str, asked: str, engine: SQLiteEngine) -> None:
    """Name every address of the measurement as the user's: of servers, resolvers, routers and forged answers."""
    line, servers = measured(scenario, asked), servers_of(measured(scenario, asked))
    judge = Judge(line, engine)
    for address in [*addresses_in(line), "10.0.0.1", "127.0.0.1", "::1", "not an address", ""]:
        record = replaced(line, answer_of(line, address))
        assert not judge.damage(states(record, engine)), address
        left = set(addresses_in(record))
        assert servers <= left, address
        false = is_near(address, servers) or (is_address(address) and not may_contact(address, Contacts.PUBLIC))
        assert (record["test_keys"]["x_control"].get("anomalies") == ["your_address"]) is false, address


def changes(given: States, judge: Judge) -> set[tuple[str, str]]:
    """Return the changes of services. A verdict that a run without a helper gives too is no change."""
    services = [part for part in judge.honest if not part[1]]
    return {
        (judge.honest[part], given[part])
        for part in services
        if given[part] not in {judge.honest[part], judge.without[part]}
    }


def documented() -> dict[str, set[tuple[str, str]]]:
    """Return the changes of verdicts by false answer, from the table in docs/helper.md."""
    found: dict[str, set[tuple[str, str]]] = {}
    for row in re.findall(r"^\| `(\w+)` \|[^|]*\|([^|]*)\|$", DOCUMENT.read_text(), re.MULTILINE):
        found[row[0]] = set(re.findall(r"`(\w+)` to `(\w+)`", row[1]))
    return found


@pytest.mark.timeout(900)
def test_consistent_false_answers_change_what_the_documentation_says(engine: SQLiteEngine) -> None:
    seen: dict[str, set[tuple[str, str]]] = {name: set() for name in WHOLE_ANSWERS}
    for line in chosen():
        judge, working = Judge(line, engine), working_answer(line)
        for name, give in WHOLE_ANSWERS.items():
            seen[name] |= changes(judge.after(give(line, working)), judge)
    assert seen == documented()
