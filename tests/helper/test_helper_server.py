"""Test the helper's server: statuses, sentences, cache, limits, and that it never logs or keeps its peers."""

import asyncio
import http.client
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, date, datetime
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from probe.cli.helper import _serve as start
from probe.cli.helper import echo_ports, one_port
from probe.cli.screen import UsageError
from probe.helper import HelperState, client_admission, listening
from probe.helper import helper_measure as measuring
from probe.helper import state as helper_state
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.webrtc import WebRTC
from probe.helper.dtls_port import DTLSPort
from probe.helper.media.media_reflector import Media
from probe.helper.transfer.port import TransferPort
from probe.helper.udp_echo import EchoResponder
from probe.platforms import abilities
from probe.run.measurement_keys import Measured
from probe.session.session import Session
from probe.steps.tls.client_hello import accepting_anything
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint

ROOT = Path(__file__).parents[2]
ENDPOINTS = (parse_endpoint("https://chat.example:443/"),)
CHAT = Target(
    "chat", "endpoint_reachability", "Chat", "x", date(2026, 11, 24), {"web": Service("web", "all", ENDPOINTS)}, "00"
)
NEUTRAL = NeutralHosts(("harmless.example",), "no.invalid", ENDPOINTS, (), None, "00")

Ask = Callable[..., Any]


def new_state(**more: Any) -> HelperState:
    return HelperState({"chat": CHAT}, NEUTRAL, CHAT, **more)


@asynccontextmanager
async def asking(state: HelperState) -> AsyncIterator[Ask]:
    """Run a helper and yield a function (method, path, body) that returns (status, document, headers)."""
    async with listening(state, "127.0.0.1", 0) as port, aiohttp.ClientSession() as client:

        async def ask(
            body: Any = None,
            *,
            method: str = "POST",
            path: str = "/v1/measure",
            headers: Mapping[str, str] | None = None,
        ) -> tuple[int, Any, Any]:
            raw = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
            url = f"http://127.0.0.1:{port}{path}"
            async with client.request(method, url, data=raw, headers=headers) as response:
                return response.status, await response.json(), response.headers

        yield ask


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Replace measuring and the preflight. The list holds the arguments of measure()."""
    calls: list[dict[str, Any]] = []

    async def measure(target: Target, session: Session, **options: Any) -> Measured:
        calls.append({"target": target.name, "session": session, **options})
        return Measured(
            {"seen": len(calls), "x_transactions": [{"transaction_id": 1, "t0": 2.0}]},
            "x",
            "0.1.0",
            datetime.now(UTC),
            0.1,
        )

    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight, session.ipv4, session.ipv6 = {"network": True, "udp": True}, True, False

    monkeypatch.setattr(measuring, "measure", measure)
    monkeypatch.setattr(measuring, "preflight", preflight)
    return calls


async def test_health_page_is_ok() -> None:
    async with asking(new_state()) as ask:
        assert (await ask(method="GET", path="/health"))[:2] == (200, {"status": "ok"})


async def test_query_is_answered(measured: list[dict[str, Any]]) -> None:
    async with asking(new_state()) as ask:
        status, answer, headers = await ask({"target": "chat", "addresses": {"chat.example": ["93.184.216.34"]}})
    assert status == 200
    assert "Content-Encoding" in headers  # 90 kB would fill a narrow access line for six seconds
    assert sorted(answer) == ["preflight", "software_version", "targets_digest", "test_keys", "your_address"]
    assert answer["preflight"] == {"ipv4": True, "ipv6": False, "udp": True}
    assert answer["your_address"] is None  # loopback is not global
    assert re.fullmatch("[0-9a-f]{64}", answer["targets_digest"])
    assert measured[0]["addresses"] == {"chat.example": ["93.184.216.34"]}
    assert measured[0]["session"].as_control and not measured[0]["session"].settings.followups


async def test_measurements_use_the_segment_sizes_of_the_helpers_own_preflight(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def preflight(session: Session, roots: Any = None) -> None:
        session.preflight, session.pace.segment_sizes[6] = {"network": True}, 1200

    monkeypatch.setattr(measuring, "preflight", preflight)
    async with asking(new_state()) as ask:
        await ask({"target": "chat"})
    assert measured[0]["session"].pace.segment_sizes == {6: 1200}


async def test_measurements_have_the_abilities_of_the_helpers_own_preflight(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = list[bool]()
    monkeypatch.setattr(abilities, "may_capture", lambda: looks.append(True) or True)
    async with asking(new_state()) as ask:
        await ask({"target": "chat"})
        await ask({"target": "chat", "addresses": {"chat.example": ["93.184.216.34"]}})
    first, second = (call["session"] for call in measured)
    assert first.abilities == second.abilities and first.abilities["raw_packets"]
    assert looks == [True]


@pytest.mark.parametrize("lab", [False, True])
async def test_web_address_is_measured_at_public_addresses_only(measured: list[dict[str, Any]], lab: bool) -> None:
    async with asking(new_state(lab=lab)) as ask:
        status, _, _ = await ask({"url": "https://page.example/"})
    assert status == 200 and measured[0]["target"] == "https://page.example/"
    assert measured[0]["session"].public_only is not lab


async def test_cached_answer_has_new_echo_token(
    measured: list[dict[str, Any]],
) -> None:
    echo = EchoResponder([3478, 5060])
    async with asking(new_state(echo=echo)) as ask:
        offers = [(await ask({"target": "chat"}))[1]["echo"] for _ in range(2)]
    assert len(measured) == 1 and offers[0]["token"] != offers[1]["token"]
    assert [offer["ports"] for offer in offers] == [[3478, 5060]] * 2
    assert all(echo.tokens.admits(bytes.fromhex(offer["token"])) for offer in offers)


async def test_each_answer_has_a_new_media_token(measured: list[dict[str, Any]]) -> None:
    media = Media(50000)
    async with asking(new_state(media=media)) as ask:
        offers = [(await ask({"target": "chat"}))[1]["media"] for _ in range(2)]
    assert len(measured) == 1 and [offer["port"] for offer in offers] == [50000] * 2
    assert len({offer["token"] for offer in offers}) == 2
    assert all(media.reflector.tokens.take(bytes.fromhex(offer["token"])) for offer in offers)


async def test_each_answer_has_a_new_token_for_calls(measured: list[dict[str, Any]]) -> None:
    sip = SIPPorts(5060)
    async with asking(new_state(sip=sip)) as ask:
        offers = [(await ask({"target": "chat"}))[1]["sip"] for _ in range(2)]
    assert len(measured) == 1 and [offer["port"] for offer in offers] == [5060] * 2
    assert all(sip.agent.tokens.take(bytes.fromhex(offer["token"])) for offer in offers)
    assert offers[0]["token"] != offers[1]["token"]


async def test_each_answer_has_a_new_token_for_transfers(measured: list[dict[str, Any]]) -> None:
    transfer = TransferPort(8443)
    async with asking(new_state(transfer=transfer)) as ask:
        offers = [(await ask({"target": "chat"}))[1]["transfer"] for _ in range(2)]
    assert len(measured) == 1 and [offer["port"] for offer in offers] == [8443] * 2
    assert all(transfer.tokens.take(bytes.fromhex(offer["token"])) for offer in offers)
    assert offers[0]["token"] != offers[1]["token"] and offers[0]["sha256"] == transfer.digest


async def test_answer_names_the_dtls_port(measured: list[dict[str, Any]]) -> None:
    async with asking(new_state(dtls=DTLSPort(4433))) as ask:
        answer = (await ask({"target": "chat"}))[1]
    assert len(measured) == 1 and answer["dtls"] == {"port": 4433} and not {"echo", "media"} & answer.keys()


async def test_call_over_webrtc_is_opened_for_an_offered_token(measured: list[dict[str, Any]]) -> None:
    webrtc = WebRTC()
    ours = {"ufrag": "abcd", "pwd": "a" * 22, "fingerprint": ":".join(["AB"] * 32)}
    try:
        async with asking(new_state(webrtc=webrtc)) as ask:
            token = (await ask({"target": "chat"}))[1]["webrtc"]["token"]
            status, answer, _ = await ask({**ours, "token": token}, path="/v1/webrtc")
            assert status == 200 and set(answer) == {"ufrag", "pwd", "fingerprint", "ports"}
            assert (await ask(b"{", path="/v1/webrtc"))[0] == 400
            assert (await ask({**ours, "token": "ab" * 12}, path="/v1/webrtc"))[0] == 404
            assert "POST /v1/webrtc" in (await ask({}, path="/nothing"))[1]["error"]
    finally:
        await webrtc.close()


async def test_new_tokens_come_without_a_measurement(measured: list[dict[str, Any]]) -> None:
    sip, media = SIPPorts(5060), Media(50000)
    async with asking(new_state(sip=sip, media=media)) as ask:
        answers = [(await ask({}, path="/v1/tokens"))[:2] for _ in range(2)]
        codes = {(await ask({}, path="/v1/tokens"))[0] for _ in range(130)}
    (_, first), (_, second) = answers
    assert [status for status, _ in answers] == [200, 200] and first.keys() == {"sip", "media"} and measured == []
    assert first["sip"]["token"] != second["sip"]["token"] and second["media"]["port"] == 50000
    assert sip.agent.tokens.take(bytes.fromhex(second["sip"]["token"]))
    assert codes == {200, 429}


async def test_helper_without_webrtc_offers_no_call(measured: list[dict[str, Any]]) -> None:
    async with asking(new_state()) as ask:
        assert "webrtc" not in (await ask({"target": "chat"}))[1]
        status, answer, _ = await ask({}, path="/v1/webrtc")
    assert status == 404 and "POST /v1/webrtc" not in answer["error"] and "POST /v1/measure" in answer["error"]


def test_missing_extra_is_named_at_the_start(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "aiortc", None)
    with pytest.raises(UsageError, match=r"--webrtc needs .* pip install '?aiortc") as refused:
        start("127.0.0.1:0", ROOT / "targets", {"lab": True, "webrtc": True})
    assert refused.value.exit_code == 2


@pytest.mark.parametrize(
    ("call", "status"),
    [
        ({"body": b"{"}, 400),
        ({"body": {"target": "chat", "more": 1}}, 400),
        ({"body": {"target": "chap"}}, 404),
        ({"path": "/elsewhere"}, 404),
        ({"method": "GET"}, 405),
        ({"path": "/health"}, 405),
        ({"body": b'{"target": "' + b"x" * 65536 + b'"}'}, 413),
        ({"body": {"target": "chat", "addresses": {"chat.example": ["10.0.0.1"]}}}, 422),
    ],
)
async def test_every_refusal_has_one_message(call: dict[str, Any], status: int) -> None:
    async with asking(new_state()) as ask:
        got, answer, _ = await ask(**call)
    assert got == status and list(answer) == ["error"]
    assert answer["error"] and "\n" not in answer["error"]


async def test_same_query_is_measured_once_a_minute(measured: list[dict[str, Any]]) -> None:
    now = [0.0]
    async with asking(new_state(clock=lambda: now[0])) as ask:
        first, second = await asyncio.gather(ask({"target": "chat"}), ask({"target": "chat"}))
        assert first[1]["test_keys"] == second[1]["test_keys"] and len(measured) == 1
        await ask({"target": "chat", "addresses": {"chat.example": ["8.8.8.8"]}})
        assert len(measured) == 2
        now[0] = 61.0
        await ask({"target": "chat"})
        assert len(measured) == 3


async def test_answers_least_recently_used_are_forgotten(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_state, "CACHE_ENTRIES", 3)
    asked = [{"target": "chat", "addresses": {"chat.example": [f"8.8.8.{number}"]}} for number in range(5)]
    async with asking(new_state()) as ask:
        for number in (0, 1, 2, 0, 3, 4, 0):
            assert (await ask(asked[number]))[0] == 200
        assert len(measured) == 5  # the first was used again and again
        await ask(asked[1])
    assert len(measured) == 6


async def test_answer_that_is_used_again_and_again_is_measured_again_after_a_minute(
    measured: list[dict[str, Any]],
) -> None:
    now = [0.0]
    async with asking(new_state(clock=lambda: now[0])) as ask:
        for now[0] in (0.0, 30.0, 59.0, 61.0):
            await ask({"target": "chat"})
    assert len(measured) == 2


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        ({"X-Forwarded-For": "8.8.4.4"}, "8.8.4.4"),
        ({"Forwarded": 'for="[2001:4860:4860::8844]:1"'}, "2001:4860:4860::8844"),
        ({"X-Forwarded-For": "10.1.2.3"}, None),
        ({"X-Forwarded-For": "192.0.2.1"}, None),
        ({"X-Forwarded-For": "unknown"}, None),
        ({"X-Forwarded-For": "8.8.4.4", "Forwarded": "for=8.8.8.8"}, None),
        ({}, None),
    ],
)
async def test_address_behind_a_trusted_proxy_is_answered_if_global(
    measured: list[dict[str, Any]], headers: dict[str, str], address: str | None
) -> None:
    async with asking(new_state(trusted=[ip_network("127.0.0.0/8")])) as ask:
        assert (await ask({"target": "chat"}, headers=headers))[1]["your_address"] == address
    async with asking(new_state()) as ask:
        assert (await ask({"target": "chat"}, headers=headers))[1]["your_address"] is None


async def test_limits_follow_the_client_behind_a_trusted_proxy(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.helper.state.PER_MINUTE", 2)
    clients = ["8.8.4.4", "2001:db8::1", "2001:db8::2", "2001:db8::3", "8.8.4.4", "8.8.4.4", "8.8.8.8"]
    async with asking(new_state(trusted=[ip_network("127.0.0.1")])) as ask:
        for path, body in (("/v1/measure", {"target": "chat"}), ("/", {"http_request": "x"})):
            got = [(await ask(body, path=path, headers={"X-Forwarded-For": client}))[0] for client in clients]
            refused = [client for client, status in zip(clients, got, strict=True) if status == 429]
            assert refused == (["2001:db8::3", "8.8.4.4"] if path != "/" else clients[:-1])


async def test_too_frequent_queries_are_refused(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("probe.helper.state.PER_MINUTE", 3)
    async with asking(new_state()) as ask:
        got = [await ask({"target": "chat"}) for _ in range(4)]
    assert [status for status, _, _ in got] == [200, 200, 200, 429]
    assert got[-1][2]["Retry-After"].isdigit()


def ages(answer: tuple[int, Any, Any]) -> list[float]:
    assert answer[0] == 200
    return [transaction["age"] for transaction in answer[1]["test_keys"]["x_transactions"]]


async def test_age_counts_from_the_begin_of_a_transaction_to_each_sending(measured: list[dict[str, Any]]) -> None:
    now = [100.0]
    async with asking(new_state(clock=lambda: now[0])) as ask:
        now[0] = 103.0  # the measurement begins, and its transaction 2 s later
        assert ages(await ask({"target": "chat"})) == [0.0]
        now[0] = 150.0
        assert ages(await ask({"target": "chat"})) == [45.0]
    assert len(measured) == 1


async def test_fresh_question_is_measured_anew_and_not_kept(measured: list[dict[str, Any]]) -> None:
    now = [0.0]
    state = new_state(clock=lambda: now[0])
    async with asking(state) as ask:
        await ask({"target": "chat"})
        now[0] = 50.0
        fresh = {"target": "chat", "fresh": True, "endpoints": ["https://chat.example:443/"]}
        assert ages(await ask(fresh)) == [0.0] and ages(await ask(fresh)) == [0.0]
        assert len(measured) == 3
        assert ages(await ask({"target": "chat"})) == [48.0]  # the kept answer is still the first one
    assert len(measured) == 3 and len(state.answers) == 1


async def test_fresh_questions_have_a_limit_of_their_own(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(helper_state, "FRESH_PER_MINUTE", 2)
    now = [0.0]
    async with asking(new_state(clock=lambda: now[0])) as ask:
        got = [await ask({"target": "chat", "fresh": True}) for _ in range(3)]
        assert [status for status, _, _ in got] == [200, 200, 429] and got[-1][2]["Retry-After"].isdigit()
        assert (await ask({"target": "chat"}))[0] == 200
        now[0] = 61.0
        assert (await ask({"target": "chat", "fresh": True}))[0] == 200


async def test_busy_helper_sends_retry_after(measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_admission, "WAIT_SECONDS", 0.0)
    async with asking(new_state(slots=client_admission.MeasurementSlots(0))) as ask:
        status, _, headers = await ask({"target": "chat"})
    assert status == 503 and headers["Retry-After"].isdigit()


async def test_unfinished_measurement_is_answered_in_time(
    measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def stuck(*_: Any, **__: Any) -> Measured:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(measuring, "measure", stuck)
    monkeypatch.setattr(measuring, "HARD_LIMIT", 0.2)
    async with asking(new_state()) as ask:
        status, answer, _ = await ask({"target": "chat"})
    assert status == 200 and answer["test_keys"]["x_transactions"] == []


async def test_bug_is_reported_without_details(measured: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(*_: Any, **__: Any) -> Measured:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(measuring, "measure", broken)
    async with asking(new_state()) as ask:
        status, answer, _ = await ask({"target": "chat"})
    assert status == 500 and "RuntimeError" in answer["error"] and "secret" not in answer["error"]


def free_udp_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def echoes(port: int, datagram: bytes) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(2)
        sock.sendto(datagram, ("127.0.0.1", port))
        return sock.recv(100)


@pytest.mark.parametrize("ports", ["", "3478,", "0", "65536", "3478;5060", "x", "\u0663", "9" * 5000])
def test_invalid_echo_ports_are_refused(ports: str) -> None:
    with pytest.raises(UsageError, match="is no port") as refused:
        echo_ports(ports)
    assert refused.value.exit_code == 2


@pytest.mark.parametrize("port", ["", "0", "65536", "3478,5060", "x", "\u0663", "9" * 5000])
def test_invalid_port_is_refused(port: str) -> None:
    with pytest.raises(UsageError, match=r"--media: .* is no port") as refused:
        one_port("--media", port, "50000")
    assert refused.value.exit_code == 2


def test_port_is_parsed() -> None:
    assert one_port("--sip", "65533", "5060", most=65533) == 65533
    assert (one_port("--dtls", " 4433 ", "4433"), one_port("--dtls", None, "4433")) == (4433, None)


@pytest.mark.parametrize("port", ["", "0", "65534", "5060,5062", "x", "\u0663", "9" * 5000])
def test_invalid_sip_port_is_refused(port: str) -> None:
    with pytest.raises(UsageError, match=r"--sip: .* is no port") as refused:
        one_port("--sip", port, "5060", most=65533)
    assert refused.value.exit_code == 2


def test_echo_ports_are_listed_once() -> None:
    assert echo_ports("3478, 5060,3478") == [3478, 5060] and echo_ports(None) == []


def test_command_prints_address_and_ends_on_sigterm(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "probe", "helper", "--listen", "127.0.0.1:0", "--lab"]
    command += ["--echo", str(port := free_udp_port()), "--media", str(media := free_udp_port())]
    command += ["--sip", str(sip := free_udp_port() & 0xFFFE), "--dtls", str(dtls := free_udp_port())]
    command += ["--transfer", str(transfer := free_udp_port()), "--transfer-http", str(clear := free_udp_port())]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        match = re.fullmatch(r"listening on http://127\.0\.0\.1:(\d+)\n", line)
        assert match, line + process.stderr.read() if process.stderr else ""
        connection = http.client.HTTPConnection("127.0.0.1", int(match[1]), timeout=5)
        connection.request("GET", "/health")
        assert json.loads(connection.getresponse().read()) == {"status": "ok"}
        connection.request("POST", "/v1/measure", json.dumps({"target": "telegram", "services": ["nobody"]}))
        assert connection.getresponse().status == 404
        with (
            socket.create_connection(("127.0.0.1", transfer), timeout=5) as sock,
            accepting_anything(()).wrap_socket(sock, server_hostname="a.example") as tls,
        ):
            assert tls.version() == "TLSv1.3"
        with socket.create_connection(("127.0.0.1", clear), timeout=5) as sock:
            sock.sendall(b"GET / HTTP/1.1\r\n\r\n")
            assert sock.recv(100) == b""
        for reflecting in (port, media, sip, sip + 2, dtls):
            with pytest.raises(TimeoutError):
                echoes(reflecting, secrets.token_bytes(100))
        connection.close()
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
        assert process.returncode == 0 and time.monotonic() - began < 10
        assert out == "" and "127.0.0.1" not in err
