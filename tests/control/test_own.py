"""Test the client of our helper: it always returns a bounded x_control object without our address."""

import asyncio
import gzip
import hashlib
import json
import socket
import ssl
import time
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from probe.control import ControlClient
from probe.control import own as control
from probe.control.attempt_times import since
from probe.control.http_client import LONGEST_ANSWER
from probe.control.sendable_addresses import sendable
from probe.followups.helper_offer import CallOffers, EchoOffer, FlowOffers, MediaOffer, TransferOffer
from probe.helper.media.media_reflector import Media
from probe.http_client.foreign_servers import _unpacked
from probe.session.session import RunSettings
from probe.steps.tls.certificate_checks import load_roots
from probe.targets.target import Service, Target, parse_endpoint
from probe.targets.url_lists import web_target
from tests.support.world import World

CHAT = Target(
    "chat",
    "endpoint_reachability",
    "Chat",
    "x",
    date(2026, 11, 24),
    {"web": Service("web", "all", (parse_endpoint("https://chat.example:443/"),))},
    "00",
)
GOOD = {
    "software_version": "0.1.0",
    "targets_digest": "00",
    "preflight": {"ipv4": True, "ipv6": False, "udp": True},
    "your_address": "203.0.113.9",
    "test_keys": {"x_transactions": []},
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def helper(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    yield f"http{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}"
    await runner.cleanup()


def sending(body: bytes | str | dict[str, Any], status: int = 200) -> Handler:
    raw = json.dumps(body).encode() if isinstance(body, dict) else body.encode() if isinstance(body, str) else body

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=raw, status=status, content_type="application/json")

    return handler


async def asked(handler: Handler, **more: Any) -> dict[str, Any]:
    async with helper(handler) as url:
        return await control.ask(url, CHAT, {}, roots=load_roots(), **more)


async def test_answer_is_returned_without_own_address() -> None:
    learned: list[str] = []
    answer = await asked(sending(GOOD), learned=learned.append)
    assert answer == {"failure": None, **{key: value for key, value in GOOD.items() if key != "your_address"}}
    assert learned == ["203.0.113.9"]


@pytest.mark.parametrize(
    ("age", "since_asked"),
    [
        (0, (0.0, 30.0)),
        (4.5, (-4.5, 25.5)),
        (45.0, (-45.0, -15.0)),
        # without a usable age the answer may come from the cache
        (None, (-60.0, -60.0)),
        (-1, (-60.0, -60.0)),
        ("4", (-60.0, -60.0)),
        (True, (-60.0, -60.0)),
    ],
)
async def test_age_becomes_a_time_on_our_own_clock(age: Any, since_asked: tuple[float, float]) -> None:
    transaction = {"transaction_id": 1, "t0": 3.0} | ({} if age is None else {"age": age})
    before = time.monotonic()
    answer = await asked(sending({**GOOD, "test_keys": {"x_transactions": [transaction, 7]}}))
    after = time.monotonic()
    (found, other) = answer["test_keys"]["x_transactions"]
    assert other == 7 and "age" not in found
    assert before + since_asked[0] <= found["began"] <= after + min(0.0, since_asked[0])
    expected = round(found["began"] - before, 3)
    assert since(before, answer)["test_keys"]["x_transactions"][0]["began"] == expected


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({**GOOD, "test_keys": []}),
        json.dumps({**GOOD, "software_version": 7}),
        json.dumps(GOOD).replace('"ipv4": true', '"ipv4": NaN'),
        json.dumps(GOOD).replace('"ipv4": true', '"ipv4": 1e999'),
        json.dumps(GOOD).replace('"ipv4": true', '"ipv4": ' + "9" * 4000),
        json.dumps({**GOOD, "test_keys": json.loads('{"a":' * 40 + "1" + "}" * 40)}),
    ],
)
async def test_invalid_answer_is_failure(body: bytes | str) -> None:
    answer = await asked(sending(body))
    assert list(answer) == ["failure"] and answer["failure"].startswith("unknown_failure: helper: the answer")


def packed(body: bytes, coding: str = "gzip") -> Handler:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": coding})

    return handler


async def test_compressed_answer_is_requested_and_decompressed() -> None:
    wanted: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        wanted.append(request.headers["Accept-Encoding"])
        return await packed(gzip.compress(json.dumps(GOOD).encode()))(request)  # type: ignore[return-value]

    assert (await asked(handler))["test_keys"] == GOOD["test_keys"]
    assert wanted == ["gzip"]


BOMB = gzip.compress(b" " * (LONGEST_ANSWER + 1))


@pytest.mark.parametrize(
    ("body", "coding", "text"),
    [
        (BOMB, "gzip", "is longer than 4194304 bytes"),
        (gzip.compress(json.dumps(GOOD).encode())[:-9], "gzip", "breaks off"),
        (gzip.compress(json.dumps(GOOD).encode()) + b"x", "gzip", "goes on behind its end"),
        (b"no gzip", "gzip", "cannot be unpacked"),
        (zlib.compress(json.dumps(GOOD).encode()), "deflate", "is packed otherwise than asked"),
    ],
)
async def test_undecompressable_answer_is_failure(body: bytes, coding: str, text: str) -> None:
    assert (await asked(packed(body, coding)))["failure"] == f"unknown_failure: helper: the answer {text}"


def test_decompression_stops_at_limit() -> None:
    assert len(_unpacked(zlib.decompressobj(16 + zlib.MAX_WBITS), BOMB, 10)) == 10


async def test_echo_offer_is_read_and_token_is_not_written() -> None:
    offered: list[EchoOffer] = []
    echo = {"token": "0f" * 12, "ports": [3478, 5060]}
    answer = await asked(sending({**GOOD, "echo": echo}), offered=offered.append)
    (offer,) = offered
    assert (offer.token, offer.ports, offer.addresses) == (b"\x0f" * 12, (3478, 5060), ("127.0.0.1",))
    assert 0 < offer.until - asyncio.get_running_loop().time() < 60
    assert answer["echo"] == {"ports": [3478, 5060]} and "0f0f" not in json.dumps(answer)


def keeping(kind: str, found: list[Any]) -> Callable[[FlowOffers], None]:
    """Return a receiver of offers that keeps those of one kind."""

    def keep(offers: FlowOffers) -> None:
        found.extend(filter(None, [getattr(offers, kind)]))

    return keep


async def test_media_offer_is_read_and_nothing_of_it_is_written() -> None:
    offered: list[MediaOffer] = []
    async with helper(sending({**GOOD, "media": {"token": "0f" * 12, "port": 50000, "more": 1}})) as url:
        named = url.replace("127.0.0.1", "localhost")
        answer = await control.ask(named, CHAT, {}, roots=load_roots(), flows_offered=keeping("media", offered))
    (offer,) = offered
    assert (offer.token, offer.ports, offer.addresses) == (bytes([15]) * 12, (50000,), ("127.0.0.1",))
    assert offer.outlives(50.0) and not offer.outlives(60.0) and offer.shapes == ("rtp",)
    assert "media" not in answer and "0f0f" not in json.dumps(answer)


async def test_media_offer_names_the_shapes_that_the_helper_reflects() -> None:
    offered: list[MediaOffer] = []
    own = Media(50000).offer()
    assert (await asked(sending({**GOOD, "media": own}), flows_offered=keeping("media", offered)))["failure"] is None
    assert [offer.shapes for offer in offered] == [("rtp", "whatsapp", "reflector")]


async def test_transfer_offer_is_read_and_nothing_of_it_is_written() -> None:
    offered: list[TransferOffer] = []
    said = {
        "token": "0f" * 12,
        "port": 443,
        "sha256": "ab" * 32,
        "http_port": 80,
        "upload": "0e" * 12,
        "fast": "0d" * 12,
    }
    answer = await asked(sending({**GOOD, "transfer": said}), flows_offered=keeping("transfers", offered))
    (offer,) = offered
    assert (offer.token, offer.ports, offer.addresses) == (bytes([15]) * 12, (443,), ("127.0.0.1",))
    assert (offer.sha256, offer.pairs_left, offer.http_port) == ("ab" * 32, 2, 80)
    assert (offer.upload, offer.fast) == (bytes([14]) * 12, bytes([13]) * 12)
    assert offer.outlives(50.0) and not offer.outlives(60.0)
    assert "transfer" not in answer and "0f0f" not in json.dumps(answer)
    assert not any(token in json.dumps(answer) for token in ("0e0e", "0d0d"))


@pytest.mark.parametrize(
    "changed",
    [
        {"token": None},
        {"token": "0F" * 12},
        {"port": 0},
        {"port": "443"},
        {"sha256": None},
        {"sha256": "ab" * 31},
        {"sha256": "AB" * 32},
        {"sha256": 5},
        {"http_port": 0},
        {"http_port": "80"},
    ],
)
async def test_invalid_transfer_offer_is_ignored(changed: dict[str, Any]) -> None:
    said = {"token": "0f" * 12, "port": 443, "sha256": "ab" * 32} | changed
    offered: list[TransferOffer] = []
    for each in (said, None, [], "x"):
        answer = await asked(sending({**GOOD, "transfer": each}), flows_offered=keeping("transfers", offered))
        assert answer["failure"] is None and not offered


@pytest.mark.parametrize(
    "media",
    [
        None,
        [],
        {},
        {"token": "0f" * 12},
        {"port": 50000},
        {"token": "0f" * 11, "port": 50000},
        {"token": "0F" * 12, "port": 50000},
        {"token": 7, "port": 50000},
        {"token": "0f" * 12, "port": 0},
        {"token": "0f" * 12, "port": 65536},
        {"token": "0f" * 12, "port": True},
        {"token": "0f" * 12, "port": "50000"},
        {"token": "0f" * 12, "port": 50000, "shapes": None},
        {"token": "0f" * 12, "port": 50000, "shapes": "whatsapp"},
        {"token": "0f" * 12, "port": 50000, "shapes": ["rtp", 1]},
    ],
)
async def test_invalid_media_offer_is_ignored(media: Any) -> None:
    offered: list[MediaOffer] = []
    answer = await asked(sending({**GOOD, "media": media}), flows_offered=keeping("media", offered))
    assert offered == [] and answer["failure"] is None and "media" not in answer


async def test_call_offers_are_read_and_nothing_of_them_is_written() -> None:
    offered: list[CallOffers] = []
    calls = {"sip": {"token": "0f" * 12, "port": 5060, "more": 1}, "webrtc": {"token": "ab" * 12, "more": 1}}
    async with helper(sending({**GOOD, **calls})) as url:
        named = url.replace("127.0.0.1", "localhost")
        answer = await control.ask(named, CHAT, {}, roots=load_roots(), flows_offered=keeping("calls", offered))
        (offers,) = offered
        webrtc = offers["webrtc"]
        assert webrtc.signal is not None and offers["sip"].signal is None
        assert await webrtc.signal({"token": "x"}) == {**GOOD, **calls}  # asked at the same helper
        assert (await webrtc.renew()).keys() == {"sip", "webrtc"}
    assert (offers["sip"].token, offers["sip"].ports) == (bytes([15]) * 12, (5060,))
    assert (webrtc.token, webrtc.ports) == (bytes([0xAB]) * 12, ())
    assert all(each.addresses == ("127.0.0.1",) and each.outlives(50.0) for each in offers.values())
    assert not {"sip", "webrtc"} & answer.keys() and "0f0f" not in json.dumps(answer)


@pytest.mark.parametrize("offer", [None, [], {}, {"port": 5060}, {"token": "0F" * 12, "port": 5060}, {"token": 7}])
async def test_invalid_call_offers_are_ignored(offer: Any) -> None:
    offered: list[CallOffers] = []
    answer = await asked(sending({**GOOD, "sip": offer, "webrtc": offer}), flows_offered=keeping("calls", offered))
    assert offered == [] and answer["failure"] is None and not {"sip", "webrtc"} & answer.keys()


async def test_call_over_sip_needs_a_port() -> None:
    offered: list[CallOffers] = []
    await asked(sending({**GOOD, "sip": {"token": "0f" * 12, "port": 65536}}), flows_offered=keeping("calls", offered))
    assert offered == []


async def test_echo_has_address_of_control_connection() -> None:
    offered: list[EchoOffer] = []
    async with helper(sending({**GOOD, "echo": {"token": "0f" * 12, "ports": [1]}})) as url:
        named = url.replace("127.0.0.1", "localhost")
        answer = await control.ask(named, CHAT, {}, roots=load_roots(), offered=offered.append)
    assert "127.0.0.1" in offered[0].addresses
    assert "127.0.0.1" not in json.dumps(answer)


@pytest.mark.parametrize(
    "echo",
    [
        None,
        [],
        {},
        {"token": "0f" * 12},
        {"token": "0f" * 12, "ports": []},
        {"token": "0f" * 12, "ports": [0]},
        {"token": "0f" * 12, "ports": [True]},
        {"token": "0f" * 12, "ports": [65536]},
        {"token": "0f" * 12, "ports": ["3478"]},
        {"token": "0f" * 12, "ports": list(range(1, 18))},
        {"token": "0f" * 11, "ports": [1]},
        {"token": "0F" * 12, "ports": [1]},
        {"token": "0f" * 12 + "\n", "ports": [1]},
        {"token": 7, "ports": [1]},
    ],
)
async def test_invalid_echo_offer_is_ignored(echo: Any) -> None:
    offered: list[EchoOffer] = []
    answer = await asked(sending({**GOOD, "echo": echo}), offered=offered.append)
    assert offered == [] and answer["failure"] is None and "echo" not in answer


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_other_status_is_failure(status: int) -> None:
    assert (await asked(sending("x", status)))["failure"] == f"unknown_failure: helper: status {status}"


async def test_invalid_own_address_is_ignored() -> None:
    learned: list[str] = []
    await asked(sending({**GOOD, "your_address": "<script>"}), learned=learned.append)
    assert learned == []


async def test_endless_answer_is_failure() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b" " * 100_000)
        except ConnectionError:
            return response

    assert "longer than" in (await asked(endless))["failure"]


async def test_slow_helper_is_timeout() -> None:
    async def slow(_: web.Request) -> web.Response:
        await asyncio.sleep(5)
        return web.Response()

    assert (await asked(slow, seconds=0.2))["failure"] == "generic_timeout_error"


async def test_closed_port_is_connection_refused() -> None:
    async with helper(sending("x")) as url:
        gone = url
    assert (await control.ask(gone, CHAT, {}, roots=load_roots()))["failure"] == "connection_refused"


@pytest.mark.parametrize("statuses", [[503, 200], [429, 503, 429, 200]])
async def test_busy_helper_is_requested_again(statuses: list[int]) -> None:

    async def busy(_: web.Request) -> web.Response:
        status = statuses.pop(0)
        return web.json_response(GOOD, status=status, headers={"Retry-After": "0"})

    assert (await asked(busy))["failure"] is None and statuses == []


@pytest.mark.parametrize("status", [429, 503])
async def test_busy_helper_is_requested_at_most_four_times(status: int) -> None:
    tries: list[int] = []

    async def busy(_: web.Request) -> web.Response:
        tries.append(status)
        return web.json_response({"error": "later"}, status=status, headers={"Retry-After": "0"})

    assert (await asked(busy))["failure"] == f"unknown_failure: helper: status {status}"
    assert len(tries) == control.TRIES


async def test_web_address_is_sent_in_place_of_target() -> None:
    seen: list[Any] = []

    async def keep(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response(GOOD)

    async with helper(keep) as url:
        await control.ask(url, web_target("https://page.example/"), {}, roots=load_roots())
    assert seen == [{"url": "https://page.example/", "addresses": {}}]


async def test_fresh_question_names_endpoints_of_a_target_and_no_web_address() -> None:
    seen: list[Any] = []

    async def keep(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response(GOOD)

    fresh = ["https://chat.example:443/"]
    async with helper(keep) as url:
        await control.ask(url, CHAT, {}, roots=load_roots(), fresh=fresh)
        await control.ask(url, web_target("https://page.example/"), {}, roots=load_roots(), fresh=fresh)
    assert seen == [
        {"target": "chat", "addresses": {}, "fresh": True, "endpoints": fresh},
        {"url": "https://page.example/", "addresses": {}, "fresh": True},
    ]


async def test_only_public_addresses_are_sent_to_helper() -> None:
    seen: list[Any] = []

    async def keep(request: web.Request) -> web.Response:
        seen.append(await request.json())
        return web.json_response(GOOD)

    addresses = {"chat.example": ["10.0.0.1", "93.184.216.34", "::1"], "bogus.example": ["127.0.0.1"]}
    async with helper(keep) as url:
        await control.ask(url, CHAT, addresses, roots=load_roots())
        await control.ask(url, CHAT.only(["web"]), {}, roots=load_roots())
    assert seen[0] == {"target": "chat", "addresses": {"chat.example": ["93.184.216.34"]}}
    # a measurement of one service asks for that service
    assert seen[1] == {"target": "chat", "addresses": {}, "services": ["web"]}
    assert len(sendable({"x": [f"93.184.216.{n}" for n in range(40)]})["x"]) == 16


def self_signed(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """Return a server context with an untrusted certificate, and the certificate's SHA-256."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "helper")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(now).not_valid_after(now + timedelta(days=1))
    certificate = builder.sign(key, hashes.SHA256())
    pem = tmp_path / "helper.pem"
    plain = serialization.NoEncryption()
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


async def test_https_is_verified_by_public_roots_or_pin(tmp_path: Path) -> None:
    context, pin = self_signed(tmp_path)
    async with helper(sending(GOOD), context) as url:
        answers = [await control.ask(url, CHAT, {}, roots=load_roots(), pin=p) for p in (None, "00" * 32, pin)]
    assert [answer["failure"] is None for answer in answers] == [False, False, True]


async def test_health_check_reports_failures() -> None:
    async with helper(sending({"status": "ok"})) as url:
        assert await control.health(url, roots=load_roots()) is None
    assert await control.health(url, roots=load_roots()) == "connection_refused"
    async with helper(sending("[]")) as url:
        assert await control.health(url, roots=load_roots()) == "unknown_failure: this is no helper"


async def test_segment_sizes_of_the_run_hold_for_the_helper_too(tmp_path: Path) -> None:
    """Lower the sizes after the client was made, as the preflight does."""
    longest: list[int] = []

    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        sock = request.transport.get_extra_info("socket")
        longest.append(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG))
        return web.json_response(GOOD | {"status": "ok"})

    async with helper(handler) as url:
        session = World(tmp_path).session
        session.settings = RunSettings(control=(url,))
        asking = ControlClient(session, load_roots(), lambda address: None)
        for sizes in ({}, {6: 1200}, {4: 1200}):
            session.pace.segment_sizes.clear()
            session.pace.segment_sizes.update(sizes)
            assert await asking.check() == [None]
            assert (await asking.ask(CHAT, {}, lambda offer: None))["failure"] is None
    assert [size <= 1200 for size in longest] == [False] * 4 + [True] * 2
