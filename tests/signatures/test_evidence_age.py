"""Test every limit of evidence_age.py with a moved clock: evidence that is a little younger counts, older does not."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from types import SimpleNamespace
from typing import Any

import pytest

from probe.analysis.report.reference import rules_page
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.control import ooni
from probe.control.offers import call_offers, echo_offer, media_offer, transfer_offer
from probe.control.ooni import OONIHelper
from probe.followups.helper_offer import CallOffers, EchoOffer, HelperOffer
from probe.formats import failures as f
from probe.helper import helper_measure as of_helper
from probe.helper.state import load_state
from probe.signatures import evidence_age
from probe.signatures.evidence_age import LIMITS, AgeLimit
from probe.steps.tls.certificate_checks import load_roots
from probe.targets.target_files import bundled_targets
from tests.control.test_ooni import WEB as ASKED
from tests.control.test_ooni import helper, session, target
from tests.support.measurements.lines import FORGED, GENUINE, NEUTRAL, Lines
from tests.support.ooni.helper import serving_helper

HOST = "web.telegram.org"
WEB, PAGE = f"https://{HOST}:443/", f"http://{HOST}:80/"
AT = 100.0  # seconds since the measurement began, when the attempts here begin
FIRST: dict[str, Any] = {"t0": AT, "t": AT + 1.0}
CONFIRMED: dict[str, Any] = {"t0": AT + 1.5, "t": AT + 2.0}
MARGIN = 0.1
ACCUSING = {"blocked", "likely_blocked", "degraded"}


def network_check(began: float, *neutral: dict[str, Any]) -> dict[str, Any]:
    facts = {"portal": None, "clock_skew": 0.0, "vpn": False, "tls_interception": None, "udp_public": True}
    return facts | {"began": began, "neutral": list(neutral)}


def neutral(address: str = "192.0.2.9", failure: str | None = None) -> dict[str, Any]:
    host = {"endpoint": "https://other.example:443/", "address": address, "family": 4, "trusted_by_machine": None}
    return host | {"failure": failure} | ({"failed_operation": "connect"} if failure else {})


def failing(outcome: str, url: str = WEB) -> Lines:
    """Return an endpoint that fails twice at a verified address, beside a good check of the network."""
    lines = Lines({"web": [url]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(url, GENUINE, outcome, **FIRST)
    lines.confirm(url, GENUINE, outcome, **CONFIRMED)
    lines.preflight["began"] = -3.0
    lines.run["network_checks"] = [network_check(AT, neutral())]
    return lines


def judged(lines: Lines, began: float | None = None) -> dict[str, Any]:
    """Return the verdict. `began`: when the control's attempts began."""
    line = lines.line()
    for record in (line["test_keys"]["x_control"] or {}).get("test_keys", {}).get("x_transactions", ()):
        record["began"] = AT if began is None else began
    (record,) = judge_measurement(line, file="a.jsonl", number=1)
    return record


def state(lines: Lines, began: float | None = None) -> str:
    return str(judged(lines, began)["state"])


async def control_attempt(age: float) -> bool:
    lines = failing(f"tcp:{f.REFUSED}")
    lines.control(WEB, GENUINE)
    return state(lines, AT - age) in ACCUSING


async def control_page(age: float) -> bool:
    away: dict[str, Any] = {"redirect": "warning.example"}
    lines = Lines({"web": [PAGE]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(PAGE, GENUINE, **FIRST, **away)
    lines.confirm(PAGE, GENUINE, **CONFIRMED, **away)
    lines.control(PAGE, GENUINE)
    return state(lines, AT - age) in ACCUSING


async def control_lookup(age: float) -> bool:
    lines = Lines({"web": [WEB]})
    lines.lookup(HOST, failure=f.DNS_NXDOMAIN)
    lines.probe.records[-1].t0 = lines.probe.records[-1].t = AT
    lines.control_lookup(HOST, GENUINE)
    return state(lines, AT - age) in ACCUSING


async def echo_token(age: float) -> bool:
    return _is_valid(echo_offer({"echo": {"token": "00" * 12, "ports": [3478]}}, "http://192.0.2.1", []), age)


async def media_token(age: float) -> bool:
    return _is_valid(media_offer({"media": {"token": "00" * 12, "port": 50000}}, "http://192.0.2.1", []), age)


async def call_token(age: float) -> bool:
    async def signal(question: Mapping[str, Any]) -> Mapping[str, Any]:
        raise AssertionError("no call is opened")

    async def renew() -> CallOffers:
        raise AssertionError("no offer is renewed")

    answer = {"sip": {"token": "00" * 12, "port": 5060}, "webrtc": {"token": "00" * 12}}
    offers = call_offers(answer, "http://192.0.2.1", [], signal, renew)
    (valid,) = {_is_valid(offers[protocol], age) for protocol in ("sip", "webrtc")}
    return valid


async def transfer_token(age: float) -> bool:
    said = {"token": "00" * 12, "port": 443, "sha256": "00" * 32}
    return _is_valid(transfer_offer({"transfer": said}, "http://192.0.2.1", []), age)


def _is_valid(offer: EchoOffer | HelperOffer | None, age: float) -> bool:
    loop = asyncio.get_running_loop()
    assert offer is not None
    now = loop.time
    loop.time = lambda: now() + age  # type: ignore[method-assign]
    try:
        return offer.outlives(0.0)
    finally:
        loop.time = now  # type: ignore[method-assign]


async def helpers_network(age: float) -> bool:
    """Return whether neither our own helper nor one with OONI's protocol proves its network again."""
    return await _own_preflight_is_kept(age) and await _neutral_answer_is_kept(age)


async def _own_preflight_is_kept(age: float) -> bool:
    kept, now, made = load_state(bundled_targets()), 1000.0, 0

    async def preflight(*_: Any) -> None:
        nonlocal made
        made += 1

    kept.clock = lambda: now
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(of_helper, "preflight", preflight)
        await of_helper._recent_session(kept)
        now += age
        await of_helper._recent_session(kept)
    return made == 1


async def _neutral_answer_is_kept(age: float) -> bool:
    found, now = helper(), 1000.0
    async with serving_helper(found) as url:
        one = OONIHelper(url, session(), load_roots())
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ooni, "time", SimpleNamespace(monotonic=lambda: now))
            await one.ask(target(ASKED), {})
            now += age
            await one.ask(target(ASKED), {})
    asked = [body["http_request"].partition("#")[0] for body in found.asked]
    return asked.count("https://neutral.example:443/") == 1


async def check_of_network(age: float) -> bool:
    lines = failing(f"tcp:{f.REFUSED}")
    lines.control(WEB, GENUINE)
    lines.run["network_checks"] = [network_check(AT - age, neutral())]
    return state(lines) in ACCUSING


async def neutral_proof(age: float) -> bool:
    lines = failing(f"tls:{f.RESET}")
    lines.innocuous(WEB, GENUINE, t0=AT - 1.0, t=AT)
    lines.neutral(WEB, f"tls:{f.RESET}", t0=AT, t=AT + 1.0)
    lines.run["network_checks"].insert(0, network_check(AT - age, neutral(NEUTRAL)))
    return state(lines) in ACCUSING


async def facts_of_network(age: float) -> bool:
    lines = Lines({"web": [PAGE]})
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.first(PAGE, GENUINE, **FIRST)
    lines.preflight["began"] = AT - age
    return state(lines) == "ok"


async def facts_of_resolver(age: float) -> bool:
    lines = Lines({"web": [WEB]})
    lines.lookup(HOST, FORGED)
    lines.own_udp(HOST, [FORGED], ttls=(99,))
    lines.encrypted(HOST, GENUINE)
    lines.first(WEB, FORGED, f"tls:{f.SSL_INVALID_CERTIFICATE}")
    for record in lines.probe.records:
        record.t0 = record.t = AT
    lines.run["network_checks"] = [network_check(AT, neutral())]
    lines.preflight |= {"began": AT - age, "resolver": {"ip_ttl": 58, "flags": ["QR", "RD", "RA"]}}
    return bool(judged(lines)["rule_id"] == "dns_answer_of_another_device")


async def resolver_works(age: float) -> bool:
    lines = Lines({"web": [WEB]})
    lines.compared = False
    lines.lookup(HOST, failure=f.DNS_REFUSED)
    lines.encrypted(HOST, GENUINE)
    lines.alternative(WEB, GENUINE)
    for record in lines.probe.records:
        record.t0 = record.t = AT
    lines.resolver_answers(t0=AT - age, t=AT - age)
    lines.run["network_checks"] = [network_check(AT, neutral())]
    return state(lines) in ACCUSING


COUNTS: dict[str, Callable[[float], Coroutine[Any, Any, bool]]] = {
    "CONTROL_ATTEMPT": control_attempt,
    "CONTROL_PAGE": control_page,
    "CONTROL_LOOKUP": control_lookup,
    "ECHO_TOKEN": echo_token,
    "MEDIA_TOKEN": media_token,
    "CALL_TOKEN": call_token,
    "TRANSFER_TOKEN": transfer_token,
    "HELPERS_NETWORK": helpers_network,
    "NETWORK_CHECK": check_of_network,
    "NEUTRAL_PROOF": neutral_proof,
    "NETWORK_FACTS": facts_of_network,
    "RESOLVER_FACTS": facts_of_resolver,
    "RESOLVER_WORKS": resolver_works,
}
"""By limit: whether evidence of an age counts."""


def limit(name: str) -> AgeLimit:
    found: AgeLimit = getattr(evidence_age, name)
    return found


@pytest.mark.parametrize("name", COUNTS)
async def test_evidence_counts_up_to_its_limit(name: str) -> None:
    seconds = limit(name).seconds
    assert await COUNTS[name](seconds - MARGIN)
    assert not await COUNTS[name](seconds + MARGIN)


def test_every_limit_has_a_test_and_stands_in_the_reference() -> None:
    assert [limit(name) for name in COUNTS] == list(LIMITS)
    page = "\n".join(rules_page())
    for each in LIMITS:
        assert f"| {each.evidence} | {each.seconds:g} | {each.counted} | {each.beyond} |" in page
