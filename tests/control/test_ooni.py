"""Test a helper with OONI's protocol as control: questions, usable answers, and verdicts with it."""

import asyncio
import json
from collections.abc import Iterable
from datetime import date
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from probe.analysis.observations.rows import read_measurement
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.control import Control, health, ooni
from probe.control.ooni import OONIHelper
from probe.control.ooni_answer import proven_families, test_keys
from probe.control.ooni_request import questions
from probe.resolution.lookup import control_addresses
from probe.session.pacing import Pace
from probe.session.session import Session, Settings
from probe.steps.tls.certificates import load_roots
from probe.targets.target import Neutral, Service, Target, parse_endpoint
from tests.support.loop_clock import LoopClock
from tests.support.measurements.certificates import certificate
from tests.support.measurements.lines import GENUINE, SECOND, Lines
from tests.support.ooni.helper import Pretender, pretending

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
    hosts = Neutral(("www.example.com",), "no.invalid", (NEUTRAL_ENDPOINT,), (), None, "00")
    run = Session("run", Settings(control=urls), Pace(), hosts, target(WEB))
    run.neutral_addresses = [(NEUTRAL_IP, NEUTRAL_ENDPOINT)] if neutral else []
    return run


def helper(**finds: Any) -> Pretender:
    return Pretender(**{"names": {HOST: [GENUINE], OTHER: [SECOND]}, "pages": {HOST: 200}, **finds})


async def asked(found: Pretender, wanted: Target, addresses: dict[str, list[str]] | None = None) -> dict[str, Any]:
    async with pretending(found) as url:
        return await OONIHelper(url, session(), load_roots()).ask(wanted, addresses or {HOST: [GENUINE]})


def rows(control: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...], str | None]]:
    """Return (endpoint, address, successful steps, failure) of every attempt, without lookups."""
    records = control["test_keys"]["x_transactions"]
    return sorted(
        (record["endpoint"], record["address"], tuple(record["steps"]), record["failure"])
        for record in records
        if record["kind"] != "lookup"
    )


# -- what is asked -------------------------------------------------------------------------------------------------


async def test_it_is_asked_for_every_port_and_told_nothing_but_public_addresses() -> None:
    found = helper()
    mine = {HOST: [GENUINE, "10.0.0.1"], OTHER: ["192.168.1.1", SECOND], "stun.example": [SECOND]}
    await asked(found, target(WEB, TLS, NOISE, DC, CALLS), mine)
    said = {body["http_request"]: body["tcp_connect"] for body in found.asked}
    assert said == {
        "https://neutral.example:443/": [f"{NEUTRAL_IP}:443"],
        WEB: [f"{GENUINE}:443"],
        f"https://{OTHER}:5222/": [f"{SECOND}:5222"],
        f"http://{OTHER}:443/": [f"{SECOND}:443", "149.154.167.51:443"],
    }
    assert {name.lower() for body in found.asked for name in body["http_request_headers"]} == {
        *("accept", "accept-language", "user-agent")
    }
    assert {key for body in found.asked for key in body} == {
        *("http_request", "http_request_headers", "tcp_connect", "x_quic_enabled")
    }


async def test_a_neutral_host_is_asked_about_once_a_minute() -> None:
    found = helper()
    async with pretending(found) as url:
        one = OONIHelper(url, session(), load_roots())
        await one.ask(target(WEB), {})
        await one.ask(target(TLS), {})
    assert [body["http_request"] for body in found.asked].count("https://neutral.example:443/") == 1


async def test_what_it_cannot_try_is_not_asked() -> None:
    found = helper()
    control = await asked(found, target(CALLS))
    assert control == {"failure": "unknown_failure: helper: it can try none of these endpoints"} and not found.asked


def test_dozens_of_names_at_one_port_are_one_question() -> None:
    urls = [f"noise://e{number}.example:443" for number in range(40)]
    (question,) = questions(target(*urls), {f"e{number}.example": [f"9.9.9.{number}"] for number in range(40)})
    assert len(question.at) == 40 and [endpoint.url for _, endpoint in question.at["9.9.9.7"]] == [urls[7]]


# -- what counts ---------------------------------------------------------------------------------------------------


async def test_an_attempt_holds_what_the_helper_did_and_no_more() -> None:
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


async def test_failures_get_their_modern_names() -> None:
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
async def test_only_a_name_that_is_not_there_is_a_failed_lookup(failure: str, known: bool) -> None:
    control = await asked(helper(names={}, dns_failures={HOST: failure}), target(WEB))
    said = [query["failure"] for query in control["test_keys"]["x_endpoints"]["queries"]]
    assert said == (["dns_nxdomain_error"] if known else [])


async def test_a_refusal_of_certificates_of_the_targets_own_authority_says_nothing() -> None:
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
def test_a_handshake_that_contradicts_itself_was_none(spoil: dict[str, Any]) -> None:
    (question,) = questions(target(WEB), {HOST: [GENUINE]})
    answer = helper(pages={}).answer(question.body()) | spoil
    assert rows({"test_keys": test_keys([(question, answer)])}) == [(WEB, GENUINE, ("connect",), None)]


def test_unrequested_address_is_not_an_address_of_the_endpoints() -> None:
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
def test_whatever_it_answers_can_be_written_and_judged(answer: dict[str, Any]) -> None:
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


def test_a_helper_that_knows_quic_tells_of_it() -> None:
    url = f"quic://{HOST}:443"
    (question,) = questions(target(url), {HOST: [GENUINE]})
    answer = helper(pages={}).answer(question.body())
    assert question.body()["x_quic_enabled"] and not rows({"test_keys": test_keys([(question, answer)])})
    said = {"server_name": HOST, "status": True, "failure": None}
    keys = test_keys([(question, answer | {"quic_handshake": {f"{GENUINE}:443": said}})])
    assert rows({"test_keys": keys}) == [(url, GENUINE, ("quic_handshake",), None)]


# -- what proves that it reaches anything --------------------------------------------------------------------------


async def test_a_helper_that_reaches_nothing_is_no_control() -> None:
    found = helper(tcp={f"{GENUINE}:443": TIMEOUT, f"{NEUTRAL_IP}:443": TIMEOUT}, pages={})
    assert await asked(found, target(WEB)) == {
        "failure": "unknown_failure: helper: it reached nothing, not even a neutral host"
    }


async def test_a_neutral_host_proves_that_a_failure_is_not_the_helpers() -> None:
    found = helper(tcp={f"{GENUINE}:443": TIMEOUT}, pages={})
    control = await asked(found, target(WEB))
    assert control["preflight"]["ipv4"] and rows(control) == [(WEB, GENUINE, (), TIMEOUT)]


async def test_an_endpoint_that_works_proves_its_family_and_no_other() -> None:
    found = helper(names={HOST: [GENUINE, "2a01::1"]}, tcp={f"{NEUTRAL_IP}:443": TIMEOUT, "[2a01::1]:443": TIMEOUT})
    assert (await asked(found, target(WEB)))["preflight"] == {"ipv4": True, "ipv6": False, "udp": False}


# -- several of them -----------------------------------------------------------------------------------------------


async def through(urls: Iterable[str]) -> list[dict[str, Any]]:
    control = Control(session(*urls), load_roots(), lambda address: None)
    return [await control.ask(target(WEB), {HOST: [GENUINE]}, lambda offer: None) for _ in range(2)]


async def test_the_next_one_is_asked_until_one_answers_and_then_that_one_first() -> None:
    broken, good = helper(busy=99), helper()
    async with pretending(broken) as one, pretending(good) as two:
        for _ in range(6):  # the order is random
            before = len(broken.asked)
            answers = await through([f"ooni+{one}", f"ooni+{two}"])
            assert [answer["failure"] for answer in answers] == [None, None]
            assert len(broken.asked) - before in {0, 2}  # asked once more when busy, never for the second target


async def test_where_none_answers_the_failure_is_told() -> None:
    async with pretending(helper(busy=99)) as one:
        assert {answer["failure"] for answer in await through([f"ooni+{one}"])} == {
            "unknown_failure: helper: status 503"
        }
    assert {answer["failure"] for answer in await through([f"ooni+{one}"])} == {"connection_refused"}


async def test_one_that_is_busy_for_a_moment_is_asked_once_more() -> None:
    assert (await asked(helper(busy=1), target(WEB)))["failure"] is None


async def test_one_that_is_silent_costs_all_targets_together_one_wait(monkeypatch: pytest.MonkeyPatch) -> None:
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


async def test_health_is_its_greeting() -> None:
    async with pretending(helper()) as one, pretending(helper(greeting="It works!")) as other:
        assert await health(f"ooni+{one}", roots=load_roots()) is None
        assert await health(f"ooni+{other}", roots=load_roots()) == "unknown_failure: this is no helper"
        assert await health(one, roots=load_roots()) is not None  # there is no /health


# -- what is said with it ------------------------------------------------------------------------------------------


async def said(lines: Lines, found: Pretender, *urls: str) -> tuple[str, str, list[str]]:
    line = lines.line()
    line["test_keys"]["x_control"] = json.loads(json.dumps(await asked(found, target(*urls), {OTHER: [SECOND]})))
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record["state"], record["rule_id"], record["mechanisms"]


def failing(url: str, ip: str, outcome: str, host: str = "", **more: Any) -> Lines:
    lines = Lines({"web": [url]})
    if host:
        lines.lookup(host, ip)
        lines.innocuous(url, ip)
    lines.twice(url, ip, outcome, **more)
    return lines


async def test_a_name_that_is_reset_here_is_blocked() -> None:
    lines = failing(WEB, GENUINE, f"tls:{RESET}", HOST)
    assert await said(lines, helper(), WEB) == ("blocked", "tls_reset_follows_name", ["tls.reset.sni"])


async def test_its_page_may_fail_where_its_handshake_does_not() -> None:
    """Check a reset that OONI discards (https://github.com/ooni/probe/issues/2881). The name is reset here anyway."""
    lines = failing(WEB, GENUINE, f"tls:{RESET}", HOST)
    assert await said(lines, helper(pages={}), WEB) == ("blocked", "tls_reset_follows_name", ["tls.reset.sni"])


async def test_what_fails_there_too_is_down() -> None:
    lines = failing(WEB, GENUINE, f"tcp:{TIMEOUT}", HOST)
    found = helper(tcp={f"{GENUINE}:443": TIMEOUT}, pages={})
    assert await said(lines, found, WEB) == ("down", "tcp_fails_everywhere", [])


@pytest.mark.parametrize("url", [DC, "http://149.154.167.51:80/"])
async def test_an_address_that_is_silent_here_and_connects_there_is_likely_blocked(url: str) -> None:
    lines = failing(url, "149.154.167.51", f"tcp:{TIMEOUT}")
    assert await said(lines, helper(), url) == ("likely_blocked", "tcp_timeout_here", ["tcp.timeout"])


async def test_a_connection_there_says_nothing_of_a_protocol_that_fails_here() -> None:
    lines = failing(DC, "149.154.167.51", f"payload:{RESET}")
    assert await said(lines, helper(), DC) == ("impaired", "payload_no_control", [])


async def test_a_handshake_that_it_never_tried_is_no_control() -> None:
    lines = failing(TLS, SECOND, f"tls:{RESET}", OTHER)
    assert (await said(lines, helper(), TLS))[:2] == ("impaired", "tls_no_control")


async def test_page_of_another_domain_accuses_nothing() -> None:
    url = f"http://{HOST}:80/"
    lines = Lines({"web": [url]})
    lines.lookup(HOST, GENUINE)
    for attempt in (lines.first, lines.confirm):
        attempt(url, GENUINE, redirect="elsewhere.example")
    assert (await said(lines, helper(), url))[:2] == ("impaired", "http_redirected")


async def test_a_certificate_that_is_refused_here_and_convinces_there_is_another() -> None:
    lines = failing(WEB, GENUINE, "tls:ssl_unknown_authority", HOST, cert=certificate(HOST, "Ministry"))
    state, _, mechanisms = await said(lines, helper(), WEB)
    assert state == "blocked" and mechanisms[0].startswith("tls.mitm")


async def test_how_often_it_tried_is_told() -> None:
    line = failing(WEB, GENUINE, f"tls:{RESET}", HOST).line()
    line["test_keys"]["x_control"] = await asked(helper(), target(WEB))
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    assert (record["controls"], record["control_successes"]) == (2, 2)  # the handshake, and the page
