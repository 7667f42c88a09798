"""Test statements on endpoints and services with tables that few measurements give."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.pipeline.endpoint_verdicts import ADDRESS_RULES, ENDPOINT_ROWS
from probe.analysis.pipeline.input_tables import BOOL, INT, TEXT
from probe.analysis.pipeline.service_verdicts import SERVICE_ATTEMPTS, SERVICE_BUGS, SERVICE_PROOFS
from probe.analysis.rules.rule import SEVERITY, State
from probe.analysis.ruleset.tables import TABLES, Rule
from probe.analysis.sql.statement import InputTable

Engine = SQLiteEngine | DuckDBEngine

KINDS = {bool: BOOL, int: INT, str: TEXT}
URL, OTHER_URL = "https://example.org:443/", "https://www.example.org:443/"


@pytest.fixture(params=[SQLiteEngine, DuckDBEngine])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    make: Callable[[], Any] = request.param
    with make() as made:
        yield made


def given(engine: Engine, table: str, *rows: dict[str, Any]) -> None:
    """Fill a table with rows, which are about measurement 0. The first row gives the types of the columns."""
    columns = {"m": (INT, ""), **{name: (KINDS[type(value)], "") for name, value in rows[0].items()}}
    engine.put(InputTable(table, "", columns), [(0, *row.values()) for row in rows])


def _ok_rule(table: str, *, anomaly: bool) -> Rule:
    return next(rule for rule in TABLES[table][1] if rule.state == State.OK and bool(rule.mechanism) == anomaly)


def _layers(first: str, second: str, third: str) -> dict[str, Any]:
    address = next(rule.rule_id for rule in TABLES["address"][1] if rule.state == State.OK)
    layers = {"first_rule": first, "second_rule": second, "third_rule": third}
    return {"endpoint": URL, "address": "192.0.2.1", "first_n": 0, "rule_address": address, **layers}


@pytest.mark.parametrize(("second", "third"), [(True, False), (False, True), (True, True)])
def test_topmost_anomaly_decides_if_all_layers_are_ok(engine: Engine, second: bool, third: bool) -> None:
    rules = [
        _ok_rule(table, anomaly=anomaly).rule_id for table, anomaly in (("tcp", False), ("tls", second), ("sip", third))
    ]
    given(engine, "layer_rule", _layers(*rules))
    engine.run(ADDRESS_RULES)
    assert engine.rows("SELECT rule_id FROM address_rule") == [(rules[2 if third else 1],)]


def test_top_layer_decides_if_nothing_is_strange(engine: Engine) -> None:
    rules = [_ok_rule(table, anomaly=False).rule_id for table in ("tcp", "tls", "http")]
    given(engine, "layer_rule", _layers(*rules))
    engine.run(ADDRESS_RULES)
    assert engine.rows("SELECT rule_id FROM address_rule") == [(rules[2],)]


def _part(rule: str, state: State, *, alternative: bool = False) -> dict[str, Any]:
    is_name = rule.startswith("name_")
    what = {"endpoint": URL, "is_name": is_name, "rule_id": rule, "alternative": alternative}
    return {**what, "state": str(state), "accusing": False}


@pytest.mark.parametrize("alternative", [True, False])
def test_address_from_other_resolver_makes_no_unproven_name_fine(engine: Engine, alternative: bool) -> None:
    name = _part("name_unproven", State.INSUFFICIENT)
    given(engine, "endpoint_part", name, _part("http_ok", State.OK, alternative=alternative))
    engine.run(ENDPOINT_ROWS)
    found = engine.rows("SELECT CASE WHEN name_fine THEN 1 ELSE 0 END, working, insufficient FROM endpoint_row")
    assert found == [(0, 1, 1) if alternative else (1, 1, 0)]


def test_transaction_counts_once_for_all_endpoints_of_a_service(engine: Engine) -> None:
    given(
        engine,
        "service_endpoint",
        {"role": "web", "position": 0, "endpoint": URL},
        {"role": "web", "position": 1, "endpoint": OTHER_URL},
    )
    attempt = {"endpoint": URL, "n": 3, "transaction_id": 5, "fine": False, "local": False}
    given(engine, "flow_attempt", attempt)
    given(engine, "lookup_attempt", attempt | {"endpoint": OTHER_URL, "fine": True})
    engine.run(SERVICE_ATTEMPTS)
    assert engine.rows("SELECT attempts, failures FROM service_attempts") == [(1, 1)]


@pytest.mark.parametrize(
    ("depths", "shallowest"),
    [((0, 1), 0), ((1, 0), 1), ((4, 0, 1), 0), ((4, 6), 4), ((6, 4), 4)],
)
def test_endpoint_without_proof_is_as_shallow_as_a_name(
    engine: Engine, depths: tuple[int, ...], shallowest: int
) -> None:
    ok = {"role": "web", "state": "ok", "severity": SEVERITY.index(State.OK), "decides": True}
    given(
        engine,
        "service_part",
        *({**ok, "position": position, "proof_depth": depth} for position, depth in enumerate(depths)),
    )
    given(engine, "first_deciding", {"role": "web"})
    engine.run(SERVICE_PROOFS)
    found = engine.rows("SELECT first_depth, deepest, shallowest, first_severity FROM service_proof")
    assert found == [(depths[0], max(depths), shallowest, SEVERITY.index(State.OK))]


def test_bug_counts_for_services_that_use_its_transaction(engine: Engine) -> None:
    given(engine, "service", {"role": "own"}, {"role": "using"}, {"role": "other"})
    given(
        engine,
        "service_endpoint",
        {"role": "using", "position": 0, "endpoint": URL},
        {"role": "using", "position": 1, "endpoint": OTHER_URL},
        {"role": "other", "position": 0, "endpoint": "https://example.net:443/"},
    )
    given(engine, "bug_flow", {"n": 3, "transaction_id": 5, "service": "own"})
    given(
        engine,
        "endpoint_transaction",
        *({"endpoint": url, "transaction_id": number} for url in (URL, OTHER_URL) for number in (4, 5)),
    )
    engine.run(SERVICE_BUGS)
    assert engine.rows("SELECT role, bugs FROM service_bugs ORDER BY role") == [
        ("other", 0),
        ("own", 1),
        ("using", 1),
    ]
