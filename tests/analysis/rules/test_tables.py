"""Test that every rule decides for its witness on every engine and that empty rows accuse nothing."""

import re
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.features.rows import AddressRow, NameRow, WideRow
from probe.analysis.rules.old_ids import variants_by_old_id
from probe.analysis.rules.variant import VARIANT
from probe.analysis.ruleset.mechanisms import is_mechanism
from probe.analysis.ruleset.tables import ACCUSING, KINDS, RULES, TABLES, State, first_match, rule_of, tables_for
from probe.targets.dialects import DIALECTS, PROOF_DEPTH
from tests.support.measurements.feature_rows import FillableEngine, decide
from tests.support.measurements.witnesses import WITNESSES

CASES = [(table, rule.key) for table, (_, rules) in TABLES.items() for rule in rules]

# Conditions that an accusing rule may rest on: a success elsewhere, or an artefact that only interference causes.
SUCCESSES = (
    "control_successes > 0",
    "control_tcp_successes > 0",
    "control_tls_successes > 0",
    "control_transferred > 0",
    "neutral_proven",
    "dns_proven_here > 0",
    "relays_by_stream_accepting > 0",
    "dns_proven_authenticated > 0",
    "dns_authenticated > 0",
    "dns_from_control > 0",
    "dns_trusted_reached > 0",
    "dns_authenticated + dns_from_control > 0",
    "dns_forged_first > 0",
    "dns_forged_public > 0",
    "dns_dark_forged > 0",
    "answers_forged_first > 0",
    "captured_races > 0",
    "resets_unlike >= 2",
    "tls_successes > 0",
    "dns_blockpage > 0",
    "http_blockpages > 0",
    "other_echoed > 0",
    "working > 0",
    "other_ports_working > 0",
    "apps_working > 0",
    "neutral_proven > 0",
    "ok > 0",
)


@pytest.fixture(scope="module", params=["sqlite", "duckdb"])
def engine(request: pytest.FixtureRequest) -> Iterator[FillableEngine]:
    """Return each engine. DuckDB is installed with the test tools."""
    with SQLiteEngine() if request.param == "sqlite" else DuckDBEngine() as made:
        yield made


def row_of(table: str, columns: dict[str, Any]) -> WideRow:
    return TABLES[table][0](**columns)


def decided(engine: FillableEngine, table: str, row: WideRow) -> str:
    return all_decided(engine, table, [row])[0]


def all_decided(engine: FillableEngine, table: str, rows: list[WideRow]) -> list[str]:
    """Return the rule that decides for each row. One query about all takes as long as one about a few."""
    return [found[table] for found in decide(engine, rows, {table: TABLES[table][1]})]


@pytest.mark.parametrize("table", TABLES)
def test_rules_decide_for_their_witnesses(engine: FillableEngine, table: str) -> None:
    keys = [rule.key for rule in TABLES[table][1]]
    found = all_decided(engine, table, [row_of(table, WITNESSES[table][key]) for key in keys])
    assert {key: one for key, one in zip(keys, found, strict=True) if one != key} == {}


def test_every_witness_belongs_to_a_rule() -> None:
    assert {(table, key) for table, rows in WITNESSES.items() for key in rows} == set(CASES)


def test_keys_are_unique() -> None:
    assert len(RULES) == len(CASES)


@pytest.mark.parametrize("kind", KINDS)
def test_rules_of_one_kind_have_one_meaning(kind: str) -> None:
    """Compare all that a reader learns from the id alone: the state, the sentence, and what the record shows."""
    assert len({(rule.state, rule.plain, rule.defers, rule.untested, rule.since) for rule in KINDS[kind]}) == 1


def test_a_record_with_the_fields_of_a_rule_finds_this_rule() -> None:
    for rule in RULES.values():
        assert rule_of({name: getattr(rule, name) for name in VARIANT}) is rule


def test_every_old_id_leads_to_a_rule() -> None:
    for old in variants_by_old_id():
        found = rule_of({"rule_id": old})
        assert found is not None
        assert old not in KINDS or found.rule_id == old


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.key)
def test_rule_has_a_sentence_and_a_known_mechanism(rule: Any) -> None:
    assert len(rule.because) > 15
    assert rule.because[0].isupper()
    assert not rule.mechanism or is_mechanism(rule.mechanism)
    if rule.state in {State.BLOCKED, State.LIKELY_BLOCKED} and not rule.defers:
        assert rule.mechanism
    if rule.state not in ACCUSING | {State.OK}:
        assert not rule.mechanism


@pytest.mark.parametrize("rule", [r for r in RULES.values() if r.state in ACCUSING and not r.defers], ids=str)
def test_accusing_rule_names_the_success_that_it_rests_on(rule: Any) -> None:
    assert any(success in rule.when for success in SUCCESSES), rule.when


@pytest.mark.parametrize("table", TABLES)
def test_the_last_rule_is_insufficient(table: str) -> None:
    last = TABLES[table][1][-1]
    assert (last.when, last.state) == ("TRUE", State.INSUFFICIENT)


@pytest.mark.parametrize("table", TABLES)
def test_rules_read_columns_that_exist(table: str) -> None:
    row, rules = TABLES[table]
    known = {field.name for field in fields(row)}
    words = {"AND", "OR", "NOT", "TRUE", "IS", "NULL"}
    for rule in rules:
        bare = re.sub(r"'[^']*'", "", rule.when)
        assert set(re.findall(r"[A-Za-z_]+", bare)) <= known | words, rule.rule_id


CONTROL = tuple(f"control{layer}_{what}" for layer in ("", "_tcp", "_tls") for what in ("attempts", "successes"))

# The columns of those successes. Without them no rule may accuse.
RESTED_ON = {
    *(
        *CONTROL,
        "neutral_proven",
        "neutral_resets",
        "neutral_timeouts",
        "neutral_closes",
    ),
    *("neutral_same_issuer", "tls_name_proven_elsewhere", "dns_proven_here", "dns_proven_authenticated"),
    *("dns_trusted_reached", "control_transferred", "control_crowd"),
    *("dns_authenticated", "dns_from_control", "dns_forged_first", "dns_forged_public", "dns_blockpage"),
    *("dns_dark_forged", "resets_unlike", "browser_resets", "browser_timeouts"),
    *("ech_resets", "ech_timeouts", "ech_name_resets", "ech_name_timeouts"),
    *("http_blockpages", "other_echoed", "answers_forged_first", "captured_races", "working", "ok"),
    *("apps_working", "other_ports_working"),
    *("relays_by_stream_ok", "relays_by_stream_accepting"),
}
PARTS = [c for c in CASES if RULES[c[1]].state in ACCUSING and not RULES[c[1]].defers]


@pytest.mark.parametrize("table", sorted({table for table, _ in PARTS}))
def test_without_its_success_no_witness_accuses(engine: FillableEngine, table: str) -> None:
    keys = [key for place, key in PARTS if place == table]
    left = [
        {column: value for column, value in WITNESSES[table][key].items() if column not in RESTED_ON} for key in keys
    ]
    found = all_decided(engine, table, [row_of(table, columns) for columns in left])
    rules = {key: RULES[one] for key, one in zip(keys, found, strict=True)}
    assert {key: rule.key for key, rule in rules.items() if rule.state in ACCUSING and not rule.defers} == {}


_SILENT_CALL: dict[str, Any] = {
    "family_works": True,
    "address_proven": True,
    "by_datagram": True,
    "datagrams_work": True,
    "dns_by_datagram": True,
    "attempts": 2,
    "payload_attempts": 2,
    "payload_failure": "generic_timeout_error",
    "payload_timeouts": 2,
    "other_silent": 1,
    **dict.fromkeys(CONTROL, 1),
}
ADDRESS_ROWS: dict[str, dict[str, Any]] = {
    "nulls and zeros": {},
    "a family that works, nothing else": {"family_works": True, "address_proven": True},
    "no control row": {
        "family_works": True,
        "address_proven": True,
        "attempts": 1,
        "tcp_attempts": 1,
        "tcp_successes": 1,
    },
    "interrupted": {
        "family_works": True,
        "address_proven": True,
        "interrupted": True,
        "attempts": 1,
        "local_faults": 1,
        **dict.fromkeys(CONTROL, 1),
    },
    "a bug of the probe": {
        "family_works": True,
        "address_proven": True,
        "attempts": 2,
        "local_faults": 2,
        **dict.fromkeys(CONTROL, 2),
    },
    "network_unreachable over IPv6": {
        "family_works": False,
        "address_proven": True,
        "attempts": 2,
        "tcp_attempts": 2,
        "tcp_failure": "network_unreachable",
        "tcp_unreachables": 2,
        **dict.fromkeys(CONTROL, 2),
    },
    "datagrams in a network without UDP": _SILENT_CALL | {"datagrams_work": False},
    "datagrams without a control": _SILENT_CALL | dict.fromkeys(CONTROL, 0),
    "datagrams over IPv6 where there is none": _SILENT_CALL | {"family_works": False, "payload_unreachables": 2},
    "datagrams without a file descriptor": _SILENT_CALL | {"payload_attempts": 0, "local_faults": 2},
    "datagrams, interrupted": _SILENT_CALL | {"attempts": 1, "payload_attempts": 1, "interrupted": True},
    "datagrams to an unproven address": _SILENT_CALL | {"address_proven": False, "other_echoed": 1, "same_silent": 1},
    "an unproven address": {
        "family_works": True,
        "attempts": 2,
        "tcp_attempts": 2,
        "tls_attempts": 2,
        "tls_resets": 2,
        "name_resets": 3,
        "name_attempts": 2,
        "innocuous_passed": 1,
        "neutral_proven": True,
        "neutral_resets": 1,
        **dict.fromkeys(CONTROL, 2),
    },
}


@pytest.mark.parametrize("dialect", sorted(DIALECTS.keys() - {"tcp"}))  # which a bare connection satisfies
def test_empty_address_rows_are_neither_accused_nor_ok(engine: FillableEngine, dialect: str) -> None:
    tables = {table: TABLES[table][1] for table in DIALECTS[dialect].rule_tables}
    decisions = decide(engine, [AddressRow(**columns) for columns in ADDRESS_ROWS.values()], tables)
    for case, decision in zip(ADDRESS_ROWS, decisions, strict=True):
        rules = [RULES[decision[table]] for table in tables]
        lowest = next((rule for rule in rules if rule.state != State.OK), None)
        assert lowest is not None, case
        assert lowest.state not in ACCUSING, case


@pytest.mark.parametrize("dialect", DIALECTS)
def test_dialect_names_known_tables_and_a_proof(dialect: str) -> None:
    judged = DIALECTS[dialect]
    assert all(TABLES[table][0] is AddressRow for table in judged.rule_tables)
    assert {judged.proof_at(layer) for layer in judged.layers} <= set(PROOF_DEPTH)
    assert judged.name_layer in {"", "tls", *judged.layers}


@pytest.mark.parametrize(
    "columns",
    [
        {"dns_needed": True},
        {"dns_needed": True, "interrupted": True},
        {"dns_needed": True, "dns_attempts": 2, "dns_local_faults": 2, "dns_failure": "interrupted"},
        {"dns_needed": True, "dns_attempts": 2, "control_attempts": 1, "control_successes": 1},
    ],
    ids=str,
)
def test_empty_name_row_is_neither_accused_nor_ok(engine: FillableEngine, columns: dict[str, Any]) -> None:
    rule = RULES[decided(engine, "name", NameRow(**columns))]
    assert rule.state not in ACCUSING | {State.OK}


@pytest.mark.parametrize("table", ["endpoint", "service"])
def test_empty_endpoint_or_service_is_insufficient(engine: FillableEngine, table: str) -> None:
    assert RULES[decided(engine, table, row_of(table, {}))].state == State.INSUFFICIENT


def test_sql_is_portable() -> None:
    text = "".join(map(first_match, tables_for(AddressRow).values()))
    assert "COALESCE" not in text
    assert "::" not in text
