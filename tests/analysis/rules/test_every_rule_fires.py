"""Every rule decides something in at least one scenario: judged from what the scenarios' runs recorded.

`python -m tests.analysis.rules.test_every_rule_fires` prints the rules that no recording needs.
"""

import gzip
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from unittest.mock import patch

import pytest

from probe.analysis.engines.engine import SQLiteEngine, Tables
from probe.analysis.features.rows import AddressRow, WideRow
from probe.analysis.rules.rule import ACCUSING, Rule
from probe.analysis.rules.tables import RULES, TABLES, tables_for
from probe.analysis.verdicts import endpoints
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.targets.target import Endpoint
from tests.support.measurements.witnesses import WITNESSES

RECORDED = Path(__file__).parents[3] / "probe" / "lab" / "recorded"

EXEMPT = {
    **{
        f"{table}_undecided": "the last resort of its table: what a row can hold, an earlier rule covers"
        for table in TABLES
        if f"{table}_undecided" in RULES
    },
    "service_bug": "a bug of ours, which no network can make and no scenario may need",
    "service_unread": "a line of OONI's, of a nettest that we do not judge; tests/analysis/test_ooni.py has one",
    "service_empty": "a target file must name an endpoint for each service, so only somebody else's line lacks them",
    **dict.fromkeys(
        ("quic_unconfirmed", "resolver_unconfirmed"),
        "law 7's budget ran out before a failure could be confirmed: no host of that dialect has so many endpoints",
    ),
    "quic_not_reached": "nothing goes before QUIC that could fail in its stead, and no connection is shared",
}
"""Rules that nothing a network does can reach → why."""


class _Noting(SQLiteEngine):
    """Keeps the rules that it has named of names, endpoints and services; of addresses it names some of every table."""

    def __init__(self) -> None:
        super().__init__()
        self.fired: set[str] = set()

    def decide(self, rows: Sequence[WideRow], tables: Tables) -> list[dict[str, str]]:
        decided = super().decide(rows, tables)
        if rows and not isinstance(rows[0], AddressRow):
            self.fired.update(rule_id for rules in decided for rule_id in rules.values())
        return decided


@contextmanager
def _noting_addresses(fired: set[str]) -> Iterator[None]:
    """Keep the rules about addresses, of those tables alone that judge the endpoint's dialect: others read zeros."""
    choose = endpoints._deciding_layer

    def noting(endpoint: Endpoint, said: dict[str, str]) -> Rule:
        fired.update(said[table] for table in endpoint.facts.rule_tables)
        return choose(endpoint, said)

    with patch.object(endpoints, "_deciding_layer", noting):
        yield


@cache
def _fired(path: Path) -> frozenset[str]:
    with _Noting() as engine, _noting_addresses(engine.fired), gzip.open(path, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            judge_measurement(json.loads(line), file=path.name, number=number, engine=engine)
    return frozenset(engine.fired)


def fired() -> set[str]:
    """The ids of the rules that some recording needs."""
    return {rule_id for path in RECORDED.glob("*.jsonl.gz") for rule_id in _fired(path)}


def never_fired() -> list[str]:
    """The ids of the rules that no recording needs though it could, in the order of judging."""
    needed = fired()
    return [rule_id for rule_id in RULES if rule_id not in needed | EXEMPT.keys()]


def test_every_rule_fires_in_a_scenario() -> None:
    assert never_fired() == []


def test_what_is_exempt_never_fires() -> None:
    """Else the list would outlive its reasons."""
    assert EXEMPT.keys() & fired() == set()


@pytest.mark.parametrize("rule_id", EXEMPT)
def test_what_is_exempt_still_holds_of_a_row_and_accuses_nobody(rule_id: str) -> None:
    (table,) = (name for name, (_, rules) in TABLES.items() if rule_id in {rule.rule_id for rule in rules})
    kind = TABLES[table][0]
    with SQLiteEngine() as engine:
        (decided,) = engine.decide([kind(**WITNESSES[table][rule_id])], tables_for(kind))
    assert decided[table] == rule_id
    assert RULES[rule_id].state not in ACCUSING


def test_a_row_is_counted_for_its_own_dialect_alone() -> None:
    """`tcp_not_reached` is said of every datagram; a rule that only such rows fire has no scenario."""
    (recording,) = RECORDED.glob("stun-drop.jsonl.gz")
    with _Noting() as engine, gzip.open(recording, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines, 1):
            judge_measurement(json.loads(line), file=recording.name, number=number, engine=engine)
    assert not engine.fired & {rule.rule_id for table in tables_for(AddressRow).values() for rule in table}
    assert "stun_silent_twin_echoed" in _fired(recording) and "mail_not_reached" not in _fired(recording)


if __name__ == "__main__":
    print("\n".join(never_fired()))
