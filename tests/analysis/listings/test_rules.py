"""Test the rules about app stores: a witness for each, on SQLite and DuckDB, and rows that prove nothing."""

from collections.abc import Iterator
from dataclasses import astuple, fields, replace
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.listings.listing_records import RULES, decide
from probe.analysis.listings.listing_rules import LISTING_RULES, Listing, ListingRow
from probe.analysis.pipeline.input_tables import BOOL, INT
from probe.analysis.rules.rule import first_match
from probe.analysis.ruleset.mechanisms import is_mechanism
from probe.analysis.sql.statement import InputTable
from tests.support.measurements.feature_rows import FillableEngine

USABLE = ListingRow(answered=True, right_storefront=True, basket_size=3, basket_listed=3)
MISSING = replace(USABLE, controls_listing=5, absent_tests=1)
WITNESSES = {
    "store_no_answer": ListingRow(),
    "store_other_storefront": replace(USABLE, right_storefront=False, listed=True, same_bundle=True),
    "store_basket_incomplete": replace(USABLE, basket_listed=2),
    "store_other_app": replace(USABLE, listed=True),
    "store_listed": replace(USABLE, listed=True, same_bundle=True),
    "store_delisted": replace(MISSING, listed_before=True, absent_tests=3, absent_minutes=361),
    "store_absent": MISSING,
    "store_not_confirmed": replace(USABLE, controls_listing=2),
    "store_undecided": replace(USABLE, controls_listing=5),
}
KINDS = {bool: BOOL, int: INT}
TABLE = InputTable("made_listing", "", {one.name: (KINDS[type(one.default)], "") for one in fields(ListingRow)})


@pytest.fixture(scope="module", params=["sqlite", "duckdb"])
def engine(request: pytest.FixtureRequest) -> Iterator[FillableEngine]:
    with SQLiteEngine() if request.param == "sqlite" else DuckDBEngine() as made:
        yield made


def holding(engine: FillableEngine, row: ListingRow) -> set[str]:
    """Return the ids of all rules whose condition the row meets."""
    engine.put(TABLE, [astuple(row)])
    wanted = [rule for rule in LISTING_RULES if rule.when != "TRUE"]
    found = engine.rows(f"SELECT {', '.join(f'({rule.when})' for rule in wanted)} FROM {TABLE.name}")
    return {rule.rule_id for rule, holds in zip(wanted, found[0], strict=True) if holds}


def test_every_rule_has_a_witness() -> None:
    assert set(WITNESSES) == set(RULES) and len(RULES) == len(LISTING_RULES)


@pytest.mark.parametrize("rule_id", WITNESSES)
def test_witness_matches_only_its_rule(engine: FillableEngine, rule_id: str) -> None:
    assert holding(engine, WITNESSES[rule_id]) == ({rule_id} - {"store_undecided"})
    engine.put(TABLE, [astuple(WITNESSES[rule_id])])
    assert engine.rows(f"SELECT {first_match(LISTING_RULES)} FROM {TABLE.name}") == [(rule_id,)]


def test_rows_are_decided_in_their_order() -> None:
    assert [rule.rule_id for rule in decide(list(WITNESSES.values()))] == list(WITNESSES)
    assert decide([]) == []


def test_last_rule_is_unknown_and_mechanisms_exist() -> None:
    assert (LISTING_RULES[-1].when, LISTING_RULES[-1].state) == ("TRUE", Listing.UNKNOWN)
    named = {rule.state: rule.mechanism for rule in LISTING_RULES if rule.mechanism}
    assert named == {Listing.ABSENT: "store.absent", Listing.DELISTED: "store.delisted"}
    assert all(map(is_mechanism, named.values()))


# What a delisting rests on: without any one of these the app is at most absent.
RESTS_ON: dict[str, Any] = {
    "answered": False,
    "right_storefront": False,
    "basket_size": 0,
    "basket_listed": 2,
    "listed": True,
    "controls_listing": 2,
    "listed_before": False,
    "absent_tests": 2,
    "absent_minutes": 360,
    "weak": True,
}


@pytest.mark.parametrize("column", RESTS_ON)
def test_without_one_of_its_grounds_an_app_is_not_delisted(column: str) -> None:
    changed = replace(WITNESSES["store_delisted"], **{column: RESTS_ON[column]})
    assert decide([changed])[0].state is not Listing.DELISTED


@pytest.mark.parametrize("column", ["answered", "right_storefront", "basket_size", "basket_listed", "controls_listing"])
def test_without_a_usable_answer_or_controls_nothing_is_absent(column: str) -> None:
    for witness in ("store_delisted", "store_absent"):
        changed = replace(WITNESSES[witness], **{column: RESTS_ON[column]})
        assert decide([changed])[0].state is Listing.UNKNOWN


def test_empty_rows_prove_nothing() -> None:
    for name in ("listed", "same_bundle", "listed_before"):
        assert decide([replace(ListingRow(), **{name: True})])[0].state is Listing.UNKNOWN
    assert decide([ListingRow(absent_tests=99, absent_minutes=9999, controls_listing=99)])[0].state is Listing.UNKNOWN
