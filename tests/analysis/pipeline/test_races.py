"""Test the comparison of the datagrams that answer one DNS query."""

from typing import Any

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.measurement_reader import observations
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.observation import PROBE, Answer, Query
from probe.analysis.pipeline.datagram_races import RACE_STATEMENTS
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.input_tables import INT, TEXT
from probe.analysis.pipeline.system_lookups import LOOKUP_STATEMENTS
from probe.analysis.sql.statement import InputTable

NAME = "a.example"
VERIFIED = InputTable("verified_address", "", {"m": (INT, ""), "name": (TEXT, ""), "address": (TEXT, "")})
GOOD, BAD = Answer(("149.154.167.99",), (0,)), Answer(("31.13.64.7",), (0,))
DENIED, FAILED = Answer(failure="dns_nxdomain_error"), Answer(failure="dns_servfail_error")


def asked(*answers: Answer) -> FlatMeasurement:
    """Return a measurement with one query, which these datagrams answered."""
    (row,) = observations({"x_transactions": [{"transaction_id": 1}]}, PROBE)
    query = Query(NAME, "A", "udp", "system", answers[0], answers)
    return FlatMeasurement({}, {}, (), True, {}, rows=[row._replace(queries=(query,))])


@pytest.fixture(scope="module")
def engine() -> SQLiteEngine:
    return SQLiteEngine()


def race_of(engine: SQLiteEngine, *answers: Answer, verified: tuple[str, ...] = GOOD.addresses) -> Any:
    """Return the row of the query without its keys, None if its datagrams are not compared."""
    engine.fill(filled([asked(*answers)]))
    engine.put(VERIFIED, [(0, NAME, address) for address in verified])
    for statement in (*LOOKUP_STATEMENTS, *RACE_STATEMENTS):
        engine.run(statement)
    rows = engine.rows("SELECT forged_first, forged_late, doubled FROM name_race")
    return tuple(map(bool, rows[0])) if rows else None


def forged(engine: SQLiteEngine) -> list[int]:
    """Return the positions of the forged datagrams, from 1."""
    return [d for (d,) in engine.rows("SELECT d FROM name_message WHERE forged AND d > 0 ORDER BY d")]


@pytest.mark.parametrize("first", [BAD, DENIED])
def test_forged_answer_before_the_genuine_one_is_forged_first(engine: SQLiteEngine, first: Answer) -> None:
    assert race_of(engine, first, GOOD) == (True, False, False)
    assert forged(engine) == [1]


@pytest.mark.parametrize("later", [BAD, DENIED])
def test_forged_answer_after_the_genuine_one_is_forged_late(engine: SQLiteEngine, later: Answer) -> None:
    assert race_of(engine, GOOD, later) == (False, True, False)
    assert forged(engine) == [2]


def test_single_answer_and_failure_of_the_resolver_are_no_race(engine: SQLiteEngine) -> None:
    assert race_of(engine, GOOD) is None
    assert race_of(engine, GOOD, FAILED) is None
    assert forged(engine) == []


def test_answers_of_one_network_are_no_race(engine: SQLiteEngine) -> None:
    one, other = BAD._replace(asns=(62041,)), GOOD._replace(asns=(62041,))
    assert race_of(engine, one, other, verified=()) == (False, False, False)
    assert race_of(engine, one._replace(asns=(32934,)), other, verified=()) == (True, False, False)


def test_answers_of_one_network_with_different_ttls_are_a_race(engine: SQLiteEngine) -> None:
    """Let only the received TTL differ, as when another device answered."""
    one, other = BAD._replace(asns=(62041,), ip_ttl=50), GOOD._replace(asns=(62041,), ip_ttl=64)
    assert race_of(engine, one, other) == (True, False, False)
    assert race_of(engine, one._replace(ip_ttl=64), other) == (False, False, False)


def test_same_answer_from_another_device_is_doubled(engine: SQLiteEngine) -> None:
    assert race_of(engine, GOOD._replace(ip_ttl=50), GOOD._replace(ip_ttl=64)) == (False, False, True)
    assert race_of(engine, GOOD._replace(ip_ttl=64), GOOD._replace(ip_ttl=64)) == (False, False, False)
