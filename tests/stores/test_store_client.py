"""Test requests to stores: pace, refusals, redirects, faults, and which addresses are contacted."""

import asyncio
from itertools import pairwise

import aiohttp
import pytest

from probe.formats import failures as f
from probe.http_client.foreign_servers import GZIP, open_foreign
from probe.steps.tls.certificate_checks import Roots
from probe.stores import store_client as module
from probe.stores.store_client import GuardedResolver, StoreClient, StoreRefuses, open_client
from probe.targets.address_guard import Contacts
from tests.support.servers.app_store import FakeStore


async def test_every_request_has_its_own_parameter_so_that_no_cache_answers(
    client: StoreClient, store: FakeStore
) -> None:
    for _ in range(3):
        assert (await client.get(store.lookup, {"id": "1,2", "country": "cn"})).status == 200
    assert all(query["id"] == ["1,2"] and query["country"] == ["cn"] for query in store.asked)
    assert len({query["_cb"][0] for query in store.asked}) == 3


async def test_requests_keep_their_distance(store: FakeStore) -> None:
    async with open_foreign(aiohttp.TCPConnector(), packing=GZIP) as servers:
        slow = StoreClient(servers, interval=0.2, rest=0.0)
        for _ in range(3):
            await slow.get(store.lookup, {"id": "1"})
    assert all(later - earlier > 0.19 for earlier, later in pairwise(store.times))


def test_usual_pace_is_below_the_documented_limit() -> None:
    assert 60 / module.INTERVAL <= 20 and module.REST >= 60


async def test_a_refusal_is_followed_by_a_rest(store: FakeStore) -> None:
    store.faults["ru"] = "limited"
    async with open_foreign(aiohttp.TCPConnector(), packing=GZIP) as servers:
        patient = StoreClient(servers, interval=0.0, rest=0.3)
        assert (await patient.get(store.lookup, {"country": "ru"})).status == 429
        assert (await patient.get(store.lookup, {"country": "us"})).status == 200
    assert store.times[1] - store.times[0] > 0.29


async def test_nothing_is_asked_after_three_refusals_in_a_row(client: StoreClient, store: FakeStore) -> None:
    store.burst = 2
    statuses = [(await client.get(store.lookup, {"id": "1"})).status for _ in range(5)]
    assert statuses == [200, 200, 403, 403, 403]
    with pytest.raises(StoreRefuses):
        await client.get(store.lookup, {"id": "1"})
    assert len(store.asked) == 5


async def test_an_answer_between_refusals_starts_the_count_anew(client: StoreClient, store: FakeStore) -> None:
    store.faults["ru"] = "busy"
    for country in ("ru", "ru", "us", "ru", "ru", "us"):
        await client.get(store.lookup, {"country": country})
    assert len(store.asked) == 6


async def test_a_redirect_is_recorded_and_not_followed(client: StoreClient, store: FakeStore) -> None:
    store.faults["cn"] = "redirect"
    answer = await client.get(store.lookup, {"country": "cn"})
    assert (answer.status, answer.location) == (302, "consent.example")  # and not the address in its query
    assert answer.failure == f"{f.UNKNOWN}: store: status 302" and len(store.asked) == 1


async def test_a_broken_connection_is_a_failure_string(client: StoreClient, store: FakeStore) -> None:
    store.faults["cn"] = "reset"
    answer = await client.get(store.lookup, {"country": "cn"})
    assert (answer.status, answer.failure) == (None, f.EOF)


async def test_a_refused_connection_is_a_failure_string(client: StoreClient) -> None:
    assert (await client.get("http://127.0.0.1:1/lookup", {})).failure == f.REFUSED


async def test_a_long_answer_is_cut(client: StoreClient, store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LONGEST", 10)
    answer = await client.get(store.lookup, {"id": "310633997", "country": "us"})
    assert (answer.status, answer.body) == (None, b"") and answer.failure is not None


async def test_a_name_that_leads_to_a_private_address_is_not_contacted(store: FakeStore) -> None:
    port = store.url.rpartition(":")[2]
    async with open_client(Roots()) as guarded:
        answer = await guarded.get(f"http://localhost:{port}/lookup", {})
    assert answer.failure == f.NOT_CONTACTED and store.asked == []
    found = await GuardedResolver(Contacts.LAB).resolve("localhost", int(port))
    assert {one["host"] for one in found} <= {"127.0.0.1", "::1"} and found


async def test_no_proxy_is_used(store: FakeStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    async with open_client(Roots(), Contacts.LAB) as direct:
        assert (await direct.get(store.lookup, {"id": "1"})).status == 200


async def test_a_store_with_another_certificate_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(*_: object, **__: object) -> None:
        raise aiohttp.ClientConnectorCertificateError(None, Exception("self-signed"))  # type: ignore[arg-type]

    async with open_foreign(aiohttp.TCPConnector(), packing=GZIP) as servers:
        monkeypatch.setattr(aiohttp.ClientSession, "_request", refuse)
        answer = await asyncio.wait_for(StoreClient(servers, 0.0, 0.0).get("https://store.example/", {}), 5)
    assert answer.failure == f.SSL_INVALID_CERTIFICATE
