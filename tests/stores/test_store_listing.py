"""Test the nettest store_listing against a store server on loopback."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from probe.formats import failures as f
from probe.formats.store_keys import Store
from probe.results.validation import problems
from probe.stores.apple import Unreadable, parse
from probe.stores.google import is_listed
from probe.stores.store_client import StoreClient, StoreRefuses
from probe.stores.store_listing import countries_of, measure, storefronts_of
from probe.targets.store_file import Stores
from tests.support.servers.app_store import FakeStore

SIGNAL = 874139669


async def measured(
    client: StoreClient, stores: Stores, storefronts: Sequence[str], store: Store = "apple", **more: Any
) -> dict[str, dict[str, Any]]:
    found = {}
    async for document in measure(client, stores, {store: storefronts}, **more):
        found[document["test_keys"]["storefront"]] = document
    return found


def entry(document: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in document["test_keys"]["apps"] if one["app"] == name)


async def test_one_request_per_storefront_names_the_country_and_ids_only(
    client: StoreClient, stores: Stores, store: FakeStore
) -> None:
    await measured(client, stores, ["us", "cn"])
    assert [query["country"] for query in store.asked] == [["us"], ["cn"]]
    everything = {str(app.id) for app in (*stores.basket, *stores.apps)}
    assert all(set(query["id"][0].split(",")) == everything for query in store.asked)
    assert not any("bundleId" in query for query in store.asked)


async def test_measurement_says_what_the_storefront_lists(
    client: StoreClient, stores: Stores, store: FakeStore
) -> None:
    store.missing["cn"] = {SIGNAL}
    found = await measured(client, stores, ["us", "cn"], country="DE")
    signal = entry(found["cn"], "signal")
    assert (signal["listed"], signal["found_bundle_id"], signal["target"]) == (False, None, "signal")
    assert entry(found["us"], "signal")["listed"] is True
    whatsapp = entry(found["cn"], "whatsapp")
    assert (whatsapp["found_bundle_id"], whatsapp["found_storefront"]) == ("net.whatsapp.WhatsApp", "cn")
    assert (whatsapp["version"], whatsapp["released"]) == ("26.39.75", "2026-11-20T08:15:00Z")
    assert all(one["listed"] for one in found["cn"]["test_keys"]["basket"])
    assert found["cn"]["probe_cc"] == "DE" and found["cn"]["input"] == "apple/cn"
    assert found["cn"]["test_keys"]["run_id"] == found["us"]["test_keys"]["run_id"]


async def test_measurements_fit_the_schema(client: StoreClient, stores: Stores, store: FakeStore) -> None:
    store.faults["ru"] = "redirect"
    for document in (await measured(client, stores, ["us", "ru"])).values():
        assert list(problems(json.loads(json.dumps(document)))) == []
    for document in (await measured(client, stores, ["us"], "google")).values():
        assert list(problems(json.loads(json.dumps(document)))) == []
    document["test_keys"]["guess"] = 1
    assert [place for place, *_ in problems(document)] == ["test_keys.guess"]


@pytest.mark.parametrize(
    ("fault", "status", "failure"),
    [
        ("html", 200, f"{f.UNKNOWN}: store: the answer is not JSON"),
        ("torn", 200, f"{f.UNKNOWN}: store: the answer is not JSON"),
        ("redirect", 302, f"{f.UNKNOWN}: store: status 302"),
        ("busy", 503, f"{f.UNKNOWN}: store: status 503"),
        ("limited", 429, f"{f.UNKNOWN}: store: status 429"),
        ("reset", None, f.EOF),
    ],
)
async def test_without_a_readable_answer_no_app_is_absent(
    client: StoreClient, stores: Stores, store: FakeStore, fault: str, status: int | None, failure: str
) -> None:
    store.faults["ru"] = fault
    keys = (await measured(client, stores, ["ru"]))["ru"]["test_keys"]
    assert {one["listed"] for one in (*keys["apps"], *keys["basket"])} == {None}
    assert [(one["status"], one["failure"]) for one in keys["requests"]] == [(status, failure)]


async def test_refusals_end_the_run(client: StoreClient, stores: Stores, store: FakeStore) -> None:
    store.burst = 1
    seen = []
    with pytest.raises(StoreRefuses):
        async for document in measure(client, stores, {"apple": ["us", "gb", "de", "jp", "br", "cn"]}):
            seen.append(document["test_keys"]["storefront"])
    assert seen == ["us", "gb", "de", "jp"] and len(store.asked) == 4


async def test_answer_of_another_storefront_is_visible(client: StoreClient, stores: Stores, store: FakeStore) -> None:
    store.faults["cn"] = "other"
    found = await measured(client, stores, ["cn"])
    assert {one["found_storefront"] for one in found["cn"]["test_keys"]["apps"]} == {"us"}


def test_controls_are_asked_first_and_once(stores: Stores) -> None:
    assert storefronts_of(stores, ["cn", "us"]) == [*stores.controls, "cn"]
    assert storefronts_of(stores, []) == list(stores.storefronts) and len(stores.storefronts) == 175
    assert countries_of(stores, ["ru"]) == [*stores.controls[:4], "ru"]


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b'{"results": []}',
        b'{"resultCount": 2, "results": [{"trackId": 1}]}',
        b'{"resultCount": 1, "results": [{"trackId": "1"}]}',
        b'{"resultCount": 1, "results": [1]}',
        b'{"errorMessage": "Invalid value(s) for key(s): [country]"}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_list_of_results_is_unreadable(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        parse(raw)


def test_texts_of_another_form_are_not_kept() -> None:
    row = {"trackId": 5, "bundleId": "a b", "version": "1 <b>", "trackViewUrl": "https://evil.example/us/app/", "x": 1}
    assert set(parse(json.dumps({"resultCount": 1, "results": [row]}).encode())[5]) == {None}


# -- Google Play ----------------------------------------------------------------------------------------------------


async def test_play_pages_are_weak_and_one_request_each(client: StoreClient, stores: Stores, store: FakeStore) -> None:
    store.missing["ru"] = {"com.whatsapp"}
    store.unavailable["ru"] = {"org.telegram.messenger"}
    found = await measured(client, stores, ["ru"], "google", country="RU")
    keys = found["ru"]["test_keys"]
    assert keys["weak"] is True and found["ru"]["probe_cc"] == "RU"
    assert [entry(found["ru"], name)["listed"] for name in ("whatsapp", "telegram", "signal")] == [False, False, True]
    assert all(query["gl"] == ["RU"] and query["hl"] == ["en"] for query in store.asked)
    assert len(store.asked) == len(keys["requests"]) == len(keys["apps"]) + len(stores.play_basket)
    assert all(one["id"] != "imo" for one in keys["apps"])


async def test_play_without_its_basket_asks_for_nothing_else(
    client: StoreClient, stores: Stores, store: FakeStore
) -> None:
    store.faults["cn"] = "redirect"
    keys = (await measured(client, stores, ["cn"], "google"))["cn"]["test_keys"]
    assert {one["listed"] for one in keys["apps"]} == {None} and len(store.asked) == len(stores.play_basket)


async def test_page_of_another_app_or_form_says_nothing(client: StoreClient, store: FakeStore) -> None:
    query = {"id": "com.whatsapp", "gl": "US"}
    answer = await client.get(store.page, query)
    assert is_listed(answer, "com.whatsapp") == (True, None)
    assert is_listed(answer, "com.viber.voip")[0] is None
    store.faults["us"] = "html"
    assert is_listed(await client.get(store.page, query), "com.whatsapp")[0] is None
