"""Test a helper with OONI's protocol as control: questions, usable answers, and verdicts with it."""

import asyncio
import json
import time
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.measurement_reader import read_measurement
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.control import ControlClient, health, ooni
from probe.control.attempt_times import since
from probe.control.ooni import OONIHelper
from probe.control.ooni_answer import proven_families, test_keys
from probe.control.ooni_request import questions
from probe.resolution.lookup import control_addresses
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.steps.tls.certificate_checks import load_roots
from probe.targets.target import NeutralHosts, Service, Target, parse_endpoint
from tests.support.loop_clock import LoopClock
from tests.support.measurements.certificates import certificate
from tests.support.measurements.lines import GENUINE, SECOND, Lines
from tests.support.ooni.helper import SimulatedHelper, serving_helper

test_keys.__test__ = False  # type: ignore[attr-defined]  # the name is OONI's, and no test

HOST, OTHER = "web.telegram.org", "chat.example"
WEB, TLS, NOISE, DC, CALLS = (
    f"https://{HOST}:443/",
    f"tls://{OTHER}:5222",
    f"noise://{OTHER}:443",
    "mtproto://149.154.167.51:443",
    "stun://stun.example:3478",
)
NEUTRAL_ENDPOINT = parse_endpoint("https://neutral.example:443/")
NEUTRAL_IP = "9.9.9.10"
TIMEOUT, RESET = "generic_timeout_error", "connection_reset"


def target(*urls: str, roots: str = "") -> Target:
    endpoints = tuple(map(parse_endpoint, urls))
    services = {"web": Service("web", "all", endpoints)}
    return Target("chat", "endpoint_reachability", "Chat", "x", date(2026, 11, 24), services, "00", roots=roots)


def session(*urls: str, neutral: bool = True) -> Session:
    hosts = NeutralHosts(("www.example.com",), "no.invalid", (NEUTRAL_ENDPOINT,), (), None, "00")
    run = Session("run", RunSettings(control=urls), Pace(), hosts, target(WEB))
    run.neutral_addresses = [(NEUTRAL_IP, NEUTRAL_ENDPOINT)] if neutral else []
    return run


def helper(**finds: Any) -> SimulatedHelper:
    return SimulatedHelper(**{"names": {HOST: [GENUINE], OTHER: [SECOND]}, "pages": {HOST: 200}, **finds})


async def asked(
    found: SimulatedHelper, wanted: Target, addresses: dict[str, list[str]] | None = None
) -> dict[str, Any]:
    async with serving_helper(found) as url:
        return await OONIHelper(url, session(), load_roots()).ask(wanted, addresses or {HOST: [GENUINE]})


def without_fragment(body: dict[str, Any]) -> str:
    """Return the URL of a question without the fragment that makes it unique."""
    return str(body["http_request"]).partition("#")[0]


def rows(control: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], str | None]]:
    """Return (endpoint, address, successful steps, failure) of every attempt, without lookups."""
    records = control["test_keys"]["x_transactions"]
    return sorted(
        (record["endpoint"], record["address"], tuple(record["steps"]), record["failure"])
        for record in records
        if record["kind"] != "lookup"
    )


# -- what is asked -------------------------------------------------------------------------------------------------


async def test_helper_gets_every_port_and_only_public_addresses() -> None:
    found = helper()
    mine = {HOST: [GENUINE, "10.0.0.1"], OTHER: ["192.168.1.1", SECOND], "stun.example": [SECOND]}
    await asked(found, target(WEB, TLS, NOISE, DC, CALLS), mine)
    requested = {without_fragment(body): body["tcp_connect"] for body in found.asked}
    assert requested == {
        "https://neutral.example:443/": [f"{NEUTRAL_IP}:443"],
        WEB: [f"{GENUINE}:443"],
        f"https://{OTHER}:5222/": [f"{SECOND}:5222"],
        f"https://{OTHER}:443/": [f"{SECOND}:443", "149.154.167.51:443"],
    }
    assert {name.lower() for body in found.asked for name in body["http_request_headers"]} == {
        *("accept", "accept-language", "user-agent")
    }
    assert {key for body in found.asked for key in body} == {
        *("http_request", "http_request_headers", "tcp_connect", "x_quic_enabled")
    }


async def test_attempts_begin_when_their_question_is_sent() -> None:
    before = time.monotonic()
    answer = await asked(helper(), target(WEB))
    begins = [each["began"] for each in answer["test_keys"]["x_transactions"]]
    assert begins and all(before <= began <= time.monotonic() for began in begins)


async def test_endpoints_that_failed_are_asked_about_alone() -> None:
    found = helper()
    async with serving_helper(found) as url:
        await OONIHelper(url, session(), load_roots()).ask(target(WEB, TLS), {HOST: [GENUINE]}, fresh=[TLS])
    assert [without_fragment(body) for body in found.asked[1:]] == [f"https://{OTHER}:5222/"]


async def test_neutral_host_is_requested_once_a_minute() -> None:
    found = helper()
    async with serving_helper(found) as url:
        one = OONIHelper(url, session(), load_roots())
        await one.ask(target(WEB), {})
        await one.ask(target(TLS), {})
    assert [without_fragment(body) for body in found.asked].count("https://neutral.example:443/") == 1


async def test_untestable_endpoint_is_not_requested() -> None:
    found = helper()
    control = await asked(found, target(CALLS))
    assert control == {"failure": "unknown_failure: helper: it can try none of these endpoints"} and not found.asked


def test_many_names_at_one_port_are_one_request() -> None:
    urls = [f"noise://e{number}.example:443" for number in range(40)]
    (question,) = questions(target(*urls), {f"e{number}.example": [f"9.9.9.{number}"] for number in range(40)})
    assert len(question.at) == 40 and [endpoint.url for _, endpoint in question.at["9.9.9.7"]] == [urls[7]]


# -- what counts ---------------------------------------------------------------------------------------------------


async def test_attempt_has_only_steps_of_helper() -> None:
    control = await asked(helper(), target(WEB, TLS, NOISE, DC), {HOST: [GENUINE], OTHER: [SECOND]})
    assert control["preflight"] == {"ipv4": True, "ipv6": False, "udp": False}
    assert control["software_version"] == "oohelperd/3.20.0" and control["failure"] is None
    assert rows(control) == [
        (WEB, "", ("http_round_trip",), None),  # the helper does not report the address
        (WEB, GENUINE, ("connect", "tls_handshake"), None),
        (DC, "149.154.167.51", ("connect",), None),
        (NOISE, SECOND, ("connect",), None),
        (TLS, SECOND, ("connect",), None),  # it performs TLS on port 443 only
    ]
    assert control_addresses(control) == {HOST: [GENUINE], OTHER: [SECOND]}


async def test_failures_get_current_names() -> None:
    found = helper(
        names={HOST: [GENUINE, SECOND, "9.9.9.11"], OTHER: []},
        tcp={f"{GENUINE}:443": TIMEOUT, f"{SECOND}:443": "connection_refused_error"},
        tls={"9.9.9.11:443": "ssl_invalid_hostname"},
        pages={},
    )
    control = await asked(found, target(WEB, TLS))
    assert rows(control) == sorted(
        [
            (WEB, GENUINE, (), TIMEOUT),
            (WEB, SECOND, (), "connection_refused"),
            (WEB, "9.9.9.11", ("connect",), "ssl_invalid_hostname"),
        ]
    )
    lookups = [record for record in control["test_keys"]["x_transactions"] if record["kind"] == "lookup"]
    assert [(record["hostname"], record["failure"]) for record in lookups] == [
        (HOST, None),
        (OTHER, "dns_no_answer"),
    ]


@pytest.mark.parametrize(("failure", "known"), [("dns_name_error", True), ("unknown_error", False)])
async def test_only_missing_name_is_failed_lookup(failure: str, known: bool) -> None:
    control = await asked(helper(names={}, dns_failures={HOST: failure}), target(WEB))
    failures = [query["failure"] for query in control["test_keys"]["x_endpoints"]["queries"]]
    assert failures == (["dns_nxdomain_error"] if known else [])


async def test_certificate_failure_with_own_authority_of_target_is_ignored() -> None:
    found = helper(tls={f"{GENUINE}:443": "ssl_unknown_authority"}, pages={})
    assert rows(await asked(found, target(WEB, roots="PEM"))) == [(WEB, GENUINE, ("connect",), None)]
    assert rows(await asked(found, target(WEB))) == [(WEB, GENUINE, ("connect",), "ssl_unknown_authority")]


@pytest.mark.parametrize(
    "spoil",
    [
        {"tls_handshake": {f"{GENUINE}:443": {"server_name": "other.example", "status": True, "failure": None}}},
        {"tls_handshake": {f"{GENUINE}:443": {"server_name": HOST, "status": True, "failure": RESET}}},
        {"tls_handshake": {f"{GENUINE}:443": {"server_name": HOST, "status": False, "failure": None}}},
        {"tls_handshake": {f"{GENUINE}:443": {"server_name": HOST, "status": False, "failure": "interrupted"}}},
        {"tls_handshake": {}},
        {"tls_handshake": []},
    ],
)
def test_contradictory_handshake_is_ignored(spoil: dict[str, Any]) -> None:
    (question,) = questions(target(WEB), {HOST: [GENUINE]})
    answer = helper(pages={}).answer(question.body()) | spoil
    assert rows({"test_keys": test_keys([(question, answer)])}) == [(WEB, GENUINE, ("connect",), None)]


def test_unrequested_address_is_ignored() -> None:
    (question,) = questions(target(WEB), {HOST: [GENUINE]})
    answer = helper(pages={}).answer(question.body())
    answer["tcp_connect"]["9.9.9.9:443"] = answer["tcp_connect"]["10.0.0.1:443"] = {"status": True, "failure": None}
    answer["dns"]["addrs"] += ["10.0.0.1"]
    keys = test_keys([(question, answer)])
    assert [row[1] for row in rows({"test_keys": keys})] == [GENUINE]
    assert control_addresses({"test_keys": keys}) == {HOST: [GENUINE]}


WORDS = st.text(max_size=8) | st.sampled_from([GENUINE, f"{GENUINE}:443", HOST])
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
PARTS = ("tcp_connect", "tls_handshake", "quic_handshake", "http_request", "dns", "ip_info")
SAID = st.fixed_dictionaries({"server_name": st.just(HOST) | ANYTHING, "status": ANYTHING, "failure": ANYTHING})
NEARLY = st.dictionaries(st.just(f"{GENUINE}:443") | st.text(max_size=9), SAID | ANYTHING, max_size=3)
PAGE = st.dictionaries(st.sampled_from(["failure", "status_code", "addrs"]), ANYTHING)


@settings(deadline=None)  # the first example builds the engine
@given(st.dictionaries(st.sampled_from(PARTS), NEARLY | PAGE | ANYTHING))
def test_any_answer_can_be_written_and_evaluated(answer: dict[str, Any]) -> None:
    (question,) = questions(target(WEB), {HOST: [GENUINE]})
    keys = test_keys([(question, answer)])
    assert proven_families([(question, answer)]) <= {4, 6}
    lines = Lines({"web": [WEB]})
    lines.twice(WEB, GENUINE, f"tls:{RESET}")
    line = lines.line()
    line["test_keys"]["x_control"] = json.loads(
        json.dumps({"failure": None, "preflight": {"ipv4": True}, "test_keys": keys})
    )
    assert read_measurement(line).rows and judge_measurement(line, file="a.jsonl", number=1)


def test_quic_results_of_helper_are_read() -> None:
    url = f"quic://{HOST}:443"
    (question,) = questions(target(url), {HOST: [GENUINE]})
    answer = helper(pages={}).answer(question.body())
    assert question.body()["x_quic_enabled"] and not rows({"test_keys": test_keys([(question, answer)])})
    handshake = {"server_name": HOST, "status": True, "failure": None}
    keys = test_keys([(question, answer | {"quic_handshake": {f"{GENUINE}:443": handshake}})])
    assert rows({"test_keys": keys}) == [(url, GENUINE, ("quic_handshake",), None)]


# -- what proves that it reaches anything --------------------------------------------------------------------------


async def test_helper_that_reaches_nothing_is_no_control() -> None:
    found = helper(tcp={f"{GENUINE}:443": TIMEOUT, f"{NEUTRAL_IP}:443": TIMEOUT}, pages={})
    assert await asked(found, target(WEB)) == {
        "failure": "unknown_failure: helper: it reached nothing, not even a neutral host"
    }


async def test_reachable_neutral_host_makes_failure_count() -> None:
    found = helper(tcp={f"{GENUINE}:443": TIMEOUT}, pages={})
    control = await asked(found, target(WEB))
    assert control["preflight"]["ipv4"] and rows(control) == [(WEB, GENUINE, (), TIMEOUT)]


async def test_working_endpoint_proves_its_family_only() -> None:
    found = helper(names={HOST: [GENUINE, "2a01::1"]}, tcp={f"{NEUTRAL_IP}:443": TIMEOUT, "[2a01::1]:443": TIMEOUT})
    assert (await asked(found, target(WEB)))["preflight"] == {"ipv4": True, "ipv6": False, "udp": False}


# -- several of them -----------------------------------------------------------------------------------------------


async def through(urls: Iterable[str]) -> list[dict[str, Any]]:
    control = ControlClient(session(*urls), load_roots(), lambda address: None)
    return [await control.ask(target(WEB), {HOST: [GENUINE]}, lambda offer: None) for _ in range(2)]


async def test_answer_of_a_helper_counts_if_the_other_is_busy() -> None:
    broken, good = helper(busy=99), helper()
    async with serving_helper(broken) as one, serving_helper(good) as two:
        answers = await through([f"ooni+{one}", f"ooni+{two}"])
        assert [answer["failure"] for answer in answers] == [None, None]


@pytest.mark.parametrize("failure", [None, "connection_refused_error"])
async def test_contradiction_of_two_helpers_leaves_no_control(failure: str | None) -> None:
    one, two = helper(), helper(tcp={f"{GENUINE}:443": failure} if failure else {})
    async with serving_helper(one) as first, serving_helper(two) as second:
        answers = await through([f"ooni+{first}", f"ooni+{second}"])
    assert one.asked and two.asked
    for answer in answers:
        about = [row for row in answer["test_keys"]["x_transactions"] if row["endpoint"] == WEB and row["address"]]
        assert answer.get("contradicted") == ([WEB] if failure else None)
        assert bool(about) is (failure is None)


async def test_failure_is_reported_if_no_helper_answers() -> None:
    async with serving_helper(helper(busy=99)) as one:
        assert {answer["failure"] for answer in await through([f"ooni+{one}"])} == {
            "unknown_failure: helper: status 503"
        }
    assert {answer["failure"] for answer in await through([f"ooni+{one}"])} == {"connection_refused"}


async def test_busy_helper_is_requested_once_more() -> None:
    assert (await asked(helper(busy=1), target(WEB)))["failure"] is None


async def test_silent_helper_delays_all_targets_once(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client stops reading
        writer.close()

    monkeypatch.setattr(ooni, "NEUTRAL_SECONDS", 0.5)
    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    one = OONIHelper(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", session(), load_roots())
    clock = LoopClock()
    answers = await asyncio.gather(*(one.ask(target(WEB), {}) for _ in range(8)))
    assert {answer["failure"] for answer in answers} == {TIMEOUT} and await clock.stop() < 2
    server.close()
    await server.wait_closed()


async def test_health_check_reads_greeting() -> None:
    async with serving_helper(helper()) as one, serving_helper(helper(greeting="It works!")) as other:
        assert await health(f"ooni+{one}", roots=load_roots()) is None
        assert await health(f"ooni+{other}", roots=load_roots()) == "unknown_failure: this is no helper"
        assert await health(one, roots=load_roots()) is not None  # there is no /health


# -- verdicts with this control -----------------------------------------------------------------------------------


async def verdict_with(lines: Lines, found: SimulatedHelper, *urls: str) -> tuple[str, str, list[str]]:
    line, zero = lines.line(), time.monotonic()
    answer = since(zero, await asked(found, target(*urls), {OTHER: [SECOND]}))
    line["test_keys"]["x_control"] = json.loads(json.dumps(answer))
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record["state"], record["rule_id"], record["mechanisms"]


def failing(url: str, ip: str, outcome: str, host: str = "", **more: Any) -> Lines:
    lines = Lines({"web": [url]})
    if host:
        lines.lookup(host, ip)
        lines.innocuous(url, ip)
    lines.twice(url, ip, outcome, **more)
    return lines


async def test_name_reset_only_by_own_network_is_blocked() -> None:
    lines = failing(WEB, GENUINE, f"tls:{RESET}", HOST)
    assert await verdict_with(lines, helper(), WEB) == ("blocked", "failure_follows_name", ["tls.reset.sni"])


async def test_failed_page_of_helper_does_not_change_verdict() -> None:
    """Check a reset that OONI discards (https://github.com/ooni/probe/issues/2881). The name is reset here anyway."""
    lines = failing(WEB, GENUINE, f"tls:{RESET}", HOST)
    assert await verdict_with(lines, helper(pages={}), WEB) == ("blocked", "failure_follows_name", ["tls.reset.sni"])


async def test_endpoint_that_fails_for_helper_is_down() -> None:
    lines = failing(WEB, GENUINE, f"tcp:{TIMEOUT}", HOST)
    found = helper(tcp={f"{GENUINE}:443": TIMEOUT}, pages={})
    assert await verdict_with(lines, found, WEB) == ("down", "fails_everywhere", [])


@pytest.mark.parametrize("url", [DC, "http://149.154.167.51:80/"])
async def test_address_reachable_only_for_helper_is_likely_blocked(url: str) -> None:
    lines = failing(url, "149.154.167.51", f"tcp:{TIMEOUT}")
    assert await verdict_with(lines, helper(), url) == ("likely_blocked", "tcp_fails_alike_here", ["tcp.timeout"])


async def test_tcp_control_does_not_prove_failed_protocol() -> None:
    lines = failing(DC, "149.154.167.51", f"payload:{RESET}")
    assert await verdict_with(lines, helper(), DC) == ("impaired", "no_control", [])


async def test_untried_handshake_is_no_control() -> None:
    lines = failing(TLS, SECOND, f"tls:{RESET}", OTHER)
    assert (await verdict_with(lines, helper(), TLS))[:2] == ("impaired", "no_control")


async def test_redirect_to_other_domain_accuses_nothing() -> None:
    url = f"http://{HOST}:80/"
    lines = Lines({"web": [url]})
    lines.lookup(HOST, GENUINE)
    for attempt in (lines.first, lines.confirm):
        attempt(url, GENUINE, redirect="elsewhere.example")
    assert (await verdict_with(lines, helper(), url))[:2] == ("impaired", "http_redirected")


async def test_certificate_valid_only_for_helper_is_interception() -> None:
    lines = failing(WEB, GENUINE, "tls:ssl_unknown_authority", HOST, cert=certificate(HOST, "Ministry"))
    state, _, mechanisms = await verdict_with(lines, helper(), WEB)
    assert state == "blocked" and mechanisms[0].startswith("tls.mitm")


async def test_controls_and_their_successes_are_counted() -> None:
    line = failing(WEB, GENUINE, f"tls:{RESET}", HOST).line()
    line["test_keys"]["x_control"] = await asked(helper(), target(WEB))
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    assert (record["controls"], record["control_successes"]) == (2, 2)  # the handshake, and the page
