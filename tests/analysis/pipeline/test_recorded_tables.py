"""Test the tables that the recordings of all scenarios give."""

from collections.abc import Iterator
from dataclasses import fields

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.features.rows import AddressRow, EndpointRow, NameRow, ServiceRow, WideRow
from probe.analysis.pipeline.steps import STATEMENTS
from probe.analysis.verdicts.verdicts import judge_batch
from tests.analysis.pipeline.measurements import others, recordings

pytestmark = pytest.mark.timeout(600)  # for machines with other load

TABLES: dict[str, type[WideRow]] = {
    "name_row": NameRow,
    "address_row": AddressRow,
    "endpoint_row": EndpointRow,
    "service_row": ServiceRow,
}
EXEMPT = {
    "address_row.quic_missing": "an extra that is not installed; tests/analysis/outcomes/test_quic.py has one",
    "name_row.dns_too_fast": "no censor of the lab answers in less than half the time of a connect to the resolver",
    "address_row.neutral_same_issuer": "the lab intercepts no connection to a neutral host",
    "address_row.mail_closes": "the lab's censors reset mail dialogues or drop their packets",
    "address_row.control_mail_injected": "no control of the lab gets plaintext after TLS was granted",
    "address_row.control_rewritten": "no request of a control is changed on its path in the lab",
    "address_row.control_sip_second_answers": "no control of the lab has them; test_injected_answers.py has some",
    "address_row.control_mapped_elsewhere": "the lab's gateway writes into answers to the user; test_call_servers.py",
    "address_row.same_swapped_at_times": "no device of the lab exchanges the ends of every other copy; test_calls.py",
    "address_row.burst_neutral_failures": "no ban of the lab holds for neutral hosts; test_own_load.py has one",
    "address_row.silence_may_be_chance": "no innocuous flow of a recording is silent often; test_own_load.py has one",
    "name_row.dns_known_forged": "the lab's country has no known forgeries; test_known_forgeries.py has some",
    "name_row.control_lookup_failures": "no control of the lab fails to look up a name; test_query_limits.py has one",
    "name_row.dns_assigned_unasked": "no run ends before the question; test_chosen_resolvers.py has one",
    "address_row.captured": "made from packet captures; tests/captures has them",
    "name_row.name_captured": "made from packet captures; tests/captures has them",
    "service_row.bugs": "a bug of the probe, which no network can cause",
}
"""Columns that no recording changes, with the reason."""


@pytest.fixture(scope="module")
def engine() -> Iterator[SQLiteEngine]:
    with SQLiteEngine() as engine:
        judge_batch([*recordings(), *others()], engine)
        yield engine


def test_each_key_identifies_one_row(engine: SQLiteEngine) -> None:
    for statement in STATEMENTS:
        key = ", ".join(statement.key)
        twice = f"SELECT {key} FROM {statement.name} GROUP BY {key} HAVING count(*) > 1"
        assert engine.rows(twice) == [], statement.name


def unchanged(engine: SQLiteEngine) -> set[str]:
    """Return the columns of feature rows, as table.column, that have their default in every row."""
    return {f"{table}.{name}" for table, kind in TABLES.items() for name in _unchanged(engine, table, kind)}


def _unchanged(engine: SQLiteEngine, table: str, kind: type[WideRow]) -> list[str]:
    counts = ", ".join(f"count(*) FILTER (WHERE {_changed(column.name, column.default)})" for column in fields(kind))
    (found,) = engine.rows(f"SELECT {counts} FROM {table}")
    return [column.name for column, count in zip(fields(kind), found, strict=True) if not count]


def _changed(name: str, default: object) -> str:
    return f"{name} IS NOT NULL" if default is None else f"{name} <> {default!r}"


def test_recordings_change_every_column(engine: SQLiteEngine) -> None:
    """Find columns that never change: they are not needed, or their expression is wrong."""
    assert unchanged(engine) - EXEMPT.keys() == set()


def test_exempt_columns_stay_at_their_default(engine: SQLiteEngine) -> None:
    """Keep the list current."""
    assert EXEMPT.keys() - unchanged(engine) == set()


def test_columns_are_never_null(engine: SQLiteEngine) -> None:
    """Allow NULL in `*_failure` only, because rules read the other columns without COALESCE."""
    for table, kind in TABLES.items():
        names = [column.name for column in fields(kind) if column.default is not None]
        counts = ", ".join(f"count(*) FILTER (WHERE {name} IS NULL)" for name in names)
        (found,) = engine.rows(f"SELECT {counts} FROM {table}")
        assert [name for name, count in zip(names, found, strict=True) if count] == [], table
