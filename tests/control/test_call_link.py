"""Test how a helper is asked for calls: every failure has a name, and new tokens come without a measurement."""

import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from probe.control.own import CallLink
from probe.followups.helper_offer import FlowOffers
from probe.formats import failures as f
from probe.session.classify import LocalFailure, RemoteError
from probe.steps.tls.certificate_checks import load_roots
from tests.control.test_own import Handler, helper, sending

QUESTION = {"token": "0f" * 12, "ufrag": "abcd", "pwd": "a" * 22, "fingerprint": "AB"}
ANSWER = {"ufrag": "efgh", "pwd": "b" * 22, "fingerprint": "CD", "ports": {"4": [40000], "6": []}}


async def opened(handler: Handler, **more: Any) -> Mapping[str, Any] | RemoteError | LocalFailure:
    """Return the helper's answer, or what was raised."""
    async with helper(handler) as url:
        try:
            return await CallLink(url + "/", load_roots(), None, {}, **more).open_call(QUESTION)
        except (RemoteError, LocalFailure) as error:
            return error


async def test_answer_is_returned_as_it_came() -> None:
    seen: list[tuple[str, str, Any]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.method, request.path, await request.json()))
        return web.json_response(ANSWER)

    assert await opened(handler) == ANSWER
    assert seen == [("POST", "/v1/webrtc", QUESTION)]


@pytest.mark.parametrize("status", [429, 503])
async def test_helper_without_a_place_is_a_local_failure(status: int) -> None:
    found = await opened(sending({"error": "full"}, status))
    assert isinstance(found, LocalFailure) and found.failure == f.HELPER_BUSY


@pytest.mark.parametrize(
    ("handler", "failure"),
    [
        (sending({"error": "unknown token"}, 404), f"{f.UNKNOWN}: helper: status 404"),
        (sending("{"), f"{f.UNKNOWN}: helper: the answer is not JSON"),
        (sending("[1]"), f"{f.UNKNOWN}: helper: the answer is no object"),
        (sending(json.dumps([ANSWER] * 60_000)), f"{f.UNKNOWN}: helper: the answer is longer than 4194304 bytes"),
    ],
)
async def test_answer_that_breaks_the_protocol_is_named(handler: Handler, failure: str) -> None:
    found = await opened(handler)
    assert isinstance(found, RemoteError) and found.failure == failure


async def test_call_follows_no_redirect() -> None:
    async def handler(request: web.Request) -> web.StreamResponse:
        if request.path == "/elsewhere":
            return web.json_response(ANSWER)
        return web.Response(status=307, headers={"Location": "/elsewhere"})

    found = await opened(handler)
    assert isinstance(found, RemoteError) and found.failure == f"{f.UNKNOWN}: helper: status 307"


async def test_silent_helper_is_a_timeout() -> None:
    async def handler(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(5.0)
        return web.json_response(ANSWER)

    found = await opened(handler, seconds=0.2)
    assert isinstance(found, RemoteError) and found.failure == f.TIMEOUT


async def test_closed_port_is_connection_refused() -> None:
    async with helper(sending(ANSWER)) as url:
        pass
    with pytest.raises(RemoteError) as refused:
        await CallLink(url, load_roots(), None, {}).open_call(QUESTION)
    assert refused.value.failure == f.REFUSED


async def test_new_tokens_are_offers_of_the_same_helper() -> None:
    seen: list[tuple[str, Any]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, await request.json()))
        return web.json_response({"sip": {"token": "0f" * 12, "port": 5060}, "webrtc": {"token": 7}})

    async with helper(handler) as url:
        (sip,) = (await CallLink(url, load_roots(), None, {}).renew()).values()
    assert (sip.token, sip.ports, sip.addresses) == (bytes([15]) * 12, (5060,), ("127.0.0.1",))
    assert seen == [("/v1/tokens", {})] and sip.outlives(50.0)


async def test_new_token_of_transfers_is_an_offer_that_can_be_renewed() -> None:
    said = {"token": "0f" * 12, "port": 443, "sha256": "ab" * 32}
    async with helper(sending({"transfer": said})) as url:
        first = await CallLink(url, load_roots(), None, {}).renew_transfers()
        assert first is not None and first.renew is not None
        second = await first.renew()
    assert second is not None and (second.token, second.ports, second.pairs_left) == (bytes([15]) * 12, (443,), 2)


@pytest.mark.parametrize("handler", [sending({}, 404), sending({}, 503), sending("["), sending({"transfer": 1})])
async def test_helper_without_a_new_token_offers_no_transfers(handler: Handler) -> None:
    async with helper(handler) as url:
        assert await CallLink(url, load_roots(), None, {}).renew_transfers() is None
    assert await CallLink(url, load_roots(), None, {}).renew_transfers() is None  # nothing listens any more


@pytest.mark.parametrize("handler", [sending({}, 404), sending({}, 503), sending("["), sending({"sip": 1})])
async def test_helper_without_new_tokens_offers_nothing(handler: Handler) -> None:
    async with helper(handler) as url:
        assert await CallLink(url, load_roots(), None, {}).renew() == {}
    assert await CallLink(url, load_roots(), None, {}).renew() == {}  # nothing listens any more


async def test_offers_to_the_run_come_before_any_measurement() -> None:
    said = {
        "media": {"token": "0f" * 12, "port": 50000, "shapes": ["rtp"]},
        "sip": {"token": "1f" * 12, "port": 5060},
        "transfer": {"token": "2f" * 12, "port": 443, "sha256": "ab" * 32},
    }
    async with helper(sending(said)) as url:
        offers = await CallLink(url, load_roots(), None, {}).early()
    assert offers.media is not None and (offers.media.ports, offers.media.shapes) == ((50000,), ("rtp",))
    assert set(offers.calls) == {"sip"} and offers.transfers is not None


@pytest.mark.parametrize("handler", [sending({}, 404), sending({}, 503), sending("["), sending({"media": 1})])
async def test_helper_that_offers_nothing_early_is_no_failure(handler: Handler) -> None:
    async with helper(handler) as url:
        assert await CallLink(url, load_roots(), None, {}).early() == FlowOffers()
    assert await CallLink(url, load_roots(), None, {}).early() == FlowOffers()  # nothing listens any more
