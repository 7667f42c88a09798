"""Test what runs over days conclude about a storefront: a removal, and everything that only looks like one."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from probe.analysis.listings.answers import Answers, answers_of, runs_of
from probe.analysis.listings.listing_records import Listed, decided, history_of
from probe.formats.measurement import ooni_date
from probe.formats.store_keys import Store
from probe.stores.store_client import StoreClient
from probe.stores.store_listing import countries_of, measure, storefronts_of
from probe.targets.store_file import Stores
from tests.support.servers.app_store import FakeStore

SIGNAL, PAGES, PACKAGE = 874139669, 361309726, "org.thoughtcrime.securesms"
START = datetime(2026, 11, 1, tzinfo=UTC)
Change = Callable[[FakeStore], None]


async def seen(
    client: StoreClient,
    stores: Stores,
    store: FakeStore,
    changes: Sequence[tuple[float, Change]],
    kind: Store = "apple",
) -> dict[tuple[str, str], Listed]:
    """Measure once per change, at these hours, and return what the last run concludes."""
    found: list[Answers] = []
    asked = storefronts_of(stores, ["cn", "ru"]) if kind == "apple" else countries_of(stores, ["cn"])
    for hour, change in changes:
        change(store)
        at = {"measurement_start_time": ooni_date(START + timedelta(hours=hour))}
        documents = [document | at async for document in measure(client, stores, {kind: asked})]
        found += [answers for document in documents if (answers := answers_of(document)) is not None]
    runs = list(runs_of(found))
    assert len(runs) == len(changes)
    rows = decided(runs[-1], history_of(runs, runs[-1]))
    return {(row.answers.storefront, row.entry.app): row for row in rows}


def without(*storefronts: str) -> Change:
    """Return a change after which Signal is missing in these storefronts only."""

    def change(store: FakeStore) -> None:
        store.faults.clear()
        store.silent.clear()
        store.bundles.clear()
        store.missing = {storefront: {SIGNAL, PACKAGE} for storefront in storefronts}

    return change


def faulty(fault: str) -> Change:
    """Return a change after which China's storefront has a fault and Signal is missing there."""

    def change(store: FakeStore) -> None:
        without("cn")(store)
        store.faults["cn"] = fault

    return change


def without_basket(*storefronts: str) -> Change:
    """Return a change after which Signal is missing in China, and the basket is incomplete in these storefronts."""

    def change(store: FakeStore) -> None:
        without("cn")(store)
        for storefront in storefronts:
            store.missing[storefront] = {PAGES, *store.missing.get(storefront, set())}

    return change


def silent(store: FakeStore) -> None:
    without()(store)
    store.silent.add("cn")


def other_app(store: FakeStore) -> None:
    without()(store)
    store.bundles["cn"] = {SIGNAL: "com.example.fake"}


everywhere = without()
gone = without("cn")


async def test_a_removal_is_seen_after_three_tests_over_more_than_six_hours(
    client: StoreClient, stores: Stores, store: FakeStore
) -> None:
    rows = await seen(client, stores, store, [(0, everywhere), (2, gone), (5, gone), (9, gone)])
    signal = rows["cn", "signal"]
    assert (signal.rule.rule_id, signal.rule.mechanism) == ("store_delisted", "store.delisted")
    record = signal.record()
    assert record["state"] == "delisted" and record["absent_tests"] == 3
    assert record["last_listed"] == "2026-11-01T00:00:00Z" and record["absent_since"] == "2026-11-01T02:00:00Z"
    assert record["elsewhere"] == {"listed": 7, "absent": 1, "unknown": 0} and record["controls_listing"] == 6
    assert rows["us", "signal"].row.controls_listing == 5  # a control is none of its own
    assert {row.rule.rule_id for key, row in rows.items() if key != ("cn", "signal")} == {"store_listed"}


LOOK_ALIKES: dict[str, tuple[list[tuple[float, Change]], str]] = {
    "the developer never offered it there": ([(hour, gone) for hour in (0, 5, 10, 30)], "store_absent"),
    "removed in the last hours only": ([(0, everywhere), (2, gone), (2.1, gone), (2.2, gone)], "store_absent"),
    "two tests": ([(0, everywhere), (2, gone), (20, gone)], "store_absent"),
    "listed again in between": (
        [(0, everywhere), (2, gone), (5, gone), (9, everywhere), (12, gone), (20, gone)],
        "store_absent",
    ),
    "withdrawn everywhere": (
        [(0, everywhere), *((hour, without("cn", "ru", "us", "gb", "de", "jp", "br", "za")) for hour in (2, 5, 9))],
        "store_not_confirmed",
    ),
    "absent tests without controls do not count": (
        [
            (0, everywhere),
            (2, without("cn", "us", "gb", "de", "jp")),
            (5, without("cn", "us", "gb", "de", "jp")),
            (9, gone),
        ],
        "store_absent",
    ),
    "the storefront answers no query": (
        [(0, everywhere), (2, silent), (5, silent), (9, silent)],
        "store_basket_incomplete",
    ),
    "a page in place of an answer": (
        [(0, everywhere), *((hour, faulty("html")) for hour in (2, 5, 9))],
        "store_no_answer",
    ),
    "redirected": ([(0, everywhere), *((hour, faulty("redirect")) for hour in (2, 5, 9))], "store_no_answer"),
    "refused": ([(0, everywhere), *((hour, faulty("limited")) for hour in (2, 5, 9))], "store_no_answer"),
    "void tests do not count": (
        [(0, everywhere), (2, gone), (5, faulty("html")), (9, faulty("torn")), (12, gone)],
        "store_absent",
    ),
    "an incomplete basket does not count": (
        [(0, everywhere), (2, gone), (5, without_basket("cn")), (9, gone)],
        "store_absent",
    ),
    "controls with an incomplete basket do not count": (
        [(0, everywhere), *((hour, without_basket("us", "gb", "de", "jp")) for hour in (2, 5, 9))],
        "store_not_confirmed",
    ),
    "another storefront answers": (
        [(0, everywhere), *((hour, faulty("other")) for hour in (2, 5, 9))],
        "store_other_storefront",
    ),
    "the id belongs to another app": (
        [(0, everywhere), (2, other_app), (5, other_app), (9, other_app)],
        "store_other_app",
    ),
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
async def test_what_looks_like_a_removal_is_none(
    client: StoreClient, stores: Stores, store: FakeStore, name: str
) -> None:
    changes, expected = LOOK_ALIKES[name]
    rows = await seen(client, stores, store, changes)
    assert rows["cn", "signal"].rule.rule_id == expected
    assert not [row for row in rows.values() if row.rule.state == "delisted"]


async def test_pages_of_google_play_are_never_enough_for_a_removal(
    client: StoreClient, stores: Stores, store: FakeStore
) -> None:
    rows = await seen(client, stores, store, [(0, everywhere), (2, gone), (9, gone), (20, gone)], "google")
    assert rows["cn", "signal"].rule.rule_id == "store_absent" and rows["cn", "signal"].record()["weak"] is True


async def test_artificial_answers_and_later_ones_are_no_history(
    client: StoreClient, stores: Stores, store: FakeStore
) -> None:
    """Count only runs of the same origin that began before."""
    documents: list[dict[str, Any]] = []
    for hour, change in [(0, everywhere), (2, gone), (5, gone), (9, gone)]:
        change(store)
        marks = {"lab": "store"} if hour == 0 else {}
        at = {"measurement_start_time": ooni_date(START + timedelta(hours=hour)), "annotations": marks}
        documents += [d | at async for d in measure(client, stores, {"apple": storefronts_of(stores, ["cn"])})]
    runs = list(runs_of(answers for d in documents if (answers := answers_of(d)) is not None))
    states = []
    for run in runs[1:]:
        rows = decided(run, history_of(runs, run))
        states += [row.rule.rule_id for row in rows if row.entry.app == "signal" and row.answers.storefront == "cn"]
        assert all(row.row.absent_tests <= len(states) for row in rows)
    assert states == ["store_absent"] * 3


@pytest.mark.parametrize(
    "damaged",
    [
        {"test_keys": None},
        {"test_name": "telegram"},
        {"measurement_start_time": "soon"},
        {"test_keys": {"store": "apple", "storefront": 7}},
    ],
)
def test_what_is_no_answer_of_a_store_is_left_out(damaged: dict[str, Any]) -> None:
    whole = {
        "test_name": "store_listing",
        "measurement_start_time": "2026-11-01 00:00:00",
        "test_keys": {"store": "apple", "storefront": "cn", "apps": [1, {"app": []}], "requests": "none"},
    }
    assert answers_of(whole | damaged) is None
    kept = answers_of(whole)
    assert kept is not None and kept.entries == () and not kept.usable
