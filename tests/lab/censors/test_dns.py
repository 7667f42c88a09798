"""Test on the lab's wire that the censors of DNS do what their keys say, with a client like dig."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from probe.cli.run.consent import VERSION
from probe.lab.censors import Middlebox
from probe.lab.censors.address_censors import SYNProxy
from probe.lab.censors.dns_censors import BOGON, FOREIGN, DNSDrop, DNSInjection, DNSIntercept, DNSLie
from probe.lab.net.dns_packets import NOERROR, NXDOMAIN
from probe.lab.run import run_command
from probe.lab.scenario.scenario import Scenario
from probe.lab.scenario.scenario_keys import PathKeys
from probe.lab.world.emulated_world import build_world
from probe.lab.world.hosts import HELPER_V4, PROVIDERS_RESOLVER
from probe.targets.target import family_of
from probe.targets.target_files import bundled_targets
from tests.support.lab import dig
from tests.support.lab.dig import AAAA

pytestmark = pytest.mark.lab

DARK, PUBLIC = "170.247.170.2", "8.8.8.8"
MANY, COPIED, SIXTH, TRUE, HELD, LISTENING = (
    *("web.telegram.org", "web.whatsapp.com", "mail.google.com", "x.com", "www.snapchat.com", "chat.signal.org"),
)
FORGED = "108.160.165.53"
BEFORE, AFTER = 3, 2  # hops before and after the censors, which are on hop 4
FAR = 64 - (BEFORE + 1 + AFTER)  # received TTL of a server's packets
NEAR = BEFORE  # hops from the censor to the user


def dig_answers(tmp_path: Path, censors: tuple[Middlebox, ...], calls: list[dict[str, Any]]) -> list[Any]:
    """Return the answers that a client like dig gets at the user's position behind these censors, call by call."""
    out, asked = tmp_path / "answers.json", tmp_path / "calls.json"
    asked.write_text(json.dumps(calls))
    scenario = Scenario("mine", "A test", censors=censors, path=PathKeys(before=BEFORE, after=AFTER))
    command = ["sh", "-c", f"exec {sys.executable} {dig.__file__} {out} < {asked}", str(out)]
    assert run_command(scenario, bundled_targets(), command, consent=VERSION) == 0
    return list(json.loads(out.read_text()))


def real_addresses(name: str, family: int = 4) -> set[str]:
    zone = build_world(bundled_targets(), Scenario("mine", "A test"), 0).zone
    return {address for address in zone[name] if family_of(address) == family}


def asked(server: str, name: str, **more: Any) -> dict[str, Any]:
    return {"server": server, "name": name, "more": more}


def test_injector_answers_as_its_keys_say(tmp_path: Path) -> None:
    censors = (
        DNSInjection(names=[MANY], answers="foreign", count=3, ttl=101),
        DNSInjection(names=[COPIED], answers="foreign", copies_ttl=True),
        DNSInjection(names=[SIXTH], kinds=["AAAA"]),
        DNSInjection(names=[TRUE], answers="true", on_path=False, ttl=99),
        DNSInjection(names=[HELD], answers="foreign", on_path=False, authoritative=True),
        DNSInjection(names=[LISTENING], answers=[FORGED]),
        SYNProxy(addresses=[FORGED], ports=[], resets=True),
    )
    calls = [
        *(asked(PUBLIC, MANY), asked(PUBLIC, COPIED), asked(PUBLIC, COPIED, ttl=50)),
        *(asked(PUBLIC, SIXTH), asked(PUBLIC, SIXTH, kind=AAAA)),
        *(asked(PUBLIC, TRUE), asked(DARK, TRUE), asked(DARK, "teams.live.com"), asked(HELPER_V4, TRUE)),
        *(asked(HELPER_V4, "teams.live.com"), asked(PROVIDERS_RESOLVER, HELD), asked(PROVIDERS_RESOLVER, MANY)),
        {"say": FORGED, "port": 443},
    ]
    many, copied, copied_50, a, aaaa, true, dark, dark_other, closed, closed_other, held, provider, tcp = dig_answers(
        tmp_path, censors, calls
    )
    assert [answer["ttl"] for answer in many] == [101 - NEAR] * 3 + [FAR]
    assert len({answer["addresses"][0] for answer in many[:3]}) == 3
    assert {answer["addresses"][0] for answer in many[:3]} <= set(FOREIGN)
    assert set(many[3]["addresses"]) == real_addresses(MANY)
    assert many[0]["ms"] < many[3]["ms"]
    assert len(provider) == 4  # the provider's resolver too
    # The home router and each hop decrement the TTL. The copied rest is decremented again on the way back.
    assert [answer["ttl"] for answer in copied] == [64 - 2 * NEAR, FAR]
    assert [answer["ttl"] for answer in copied_50] == [50 - 2 * NEAR, FAR]
    assert [len(answers) for answers in (a, aaaa)] == [1, 2]
    assert set(a[0]["addresses"]) == real_addresses(SIXTH)
    assert set(aaaa[1]["addresses"]) == real_addresses(SIXTH, 6)
    assert [(set(answer["addresses"]), answer["ttl"]) for answer in true] == [(real_addresses(TRUE), 99 - NEAR)]
    assert set(dark[0]["addresses"]) == real_addresses(TRUE)
    assert [answer["addresses"] for answer in dark_other] == [[]]  # a root server gives a referral
    assert set(closed[0]["addresses"]) == real_addresses(TRUE)
    assert [set(one) for one in closed_other] == [{"errno"}]  # no server listens there
    assert [(answer["aa"], answer["ra"]) for answer in held] == [(True, False)]
    assert tcp == "ConnectionResetError"


def test_false_answers_and_their_receivers_follow_the_keys(tmp_path: Path) -> None:
    censors = (
        DNSInjection(names=[MANY], on_path=False, asked=[PUBLIC, "9.9.9.0/24"]),
        DNSLie(names=[SIXTH], answers=[COPIED, "2001:db8::1"], authoritative=True),
        DNSLie(names=[TRUE], answers=[]),
        DNSLie(names=[HELD], answers=[], edns=False),
        DNSLie(names=[LISTENING], answers=[], edns=True),
        DNSLie(names=["*.signal.org"], spare=[LISTENING], answers=[]),
    )
    calls = [
        *(asked(server, MANY) for server in (PUBLIC, "9.9.9.9", "1.1.1.1", PROVIDERS_RESOLVER)),
        *(asked(PROVIDERS_RESOLVER, SIXTH), asked(PUBLIC, SIXTH), asked(PROVIDERS_RESOLVER, TRUE)),
        *(asked(PROVIDERS_RESOLVER, name) for name in ("x.com", HELD, LISTENING, "cdn.signal.org")),
    ]
    *most, plain, with_edns, denied = dig_answers(tmp_path, censors, calls)
    public, quad9, cloudflare, provider, elsewhere, spared, empty, other = most
    assert [set(one["addresses"]) <= set(BOGON) for (one,) in (public, quad9)] == [True, True]
    assert [set(one["addresses"]) for (one,) in (cloudflare, provider)] == [real_addresses(MANY)] * 2
    assert [(set(one["addresses"]) <= real_addresses(COPIED), one["aa"], one["ra"]) for one in elsewhere] == [
        (True, True, False)
    ]
    assert [set(one["addresses"]) for one in spared] == [real_addresses(SIXTH)]
    assert [(one["rcode"], one["addresses"]) for one in empty] == [(NOERROR, [])]
    assert [one["addresses"] for one in plain] == [[]]  # the client sends no EDNS
    assert [set(one["addresses"]) for one in with_edns] == [real_addresses(LISTENING)]
    assert [(one["aa"], one["ra"]) for one in other] == [(False, True)]
    assert [one["addresses"] for one in denied] == [[]]  # LISTENING is spared


def test_interceptor_answers_for_every_address(tmp_path: Path) -> None:
    calls = [
        *(asked(server, TRUE) for server in (PUBLIC, DARK, HELPER_V4, "198.51.100.1")),
        *(asked(server, MANY) for server in (PUBLIC, DARK)),
        asked(PUBLIC, "nobody.example.org"),
    ]
    *real, forged, forged_too, unknown = dig_answers(
        tmp_path, (DNSIntercept(names=[MANY], answers=["10.10.34.35"], ttl=90),), calls
    )
    for answers in real:
        assert [(set(one["addresses"]), one["ttl"]) for one in answers] == [(real_addresses(TRUE), 90 - NEAR)]
    assert [[one["addresses"] for one in answers] for answers in (forged, forged_too)] == [[["10.10.34.35"]]] * 2
    assert [one["rcode"] for one in unknown] == [NXDOMAIN]


def test_dropped_queries_get_no_answer_from_the_resolvers_that_were_asked(tmp_path: Path) -> None:
    calls = [*(asked(server, MANY) for server in (PUBLIC, "9.9.9.9", "1.1.1.1")), asked(PUBLIC, TRUE)]
    public, quad9, spared, other = dig_answers(tmp_path, (DNSDrop(names=[MANY], asked=[PUBLIC, "9.9.9.0/24"]),), calls)
    assert (public, quad9) == ([], [])
    assert [set(one["addresses"]) for (one,) in (spared, other)] == [real_addresses(MANY), real_addresses(TRUE)]


def test_interceptor_cannot_be_on_path() -> None:
    with pytest.raises(ValidationError):
        DNSIntercept.model_validate({"on_path": True})


def test_unknown_query_type_is_an_error() -> None:
    with pytest.raises(ValidationError):
        DNSInjection.model_validate({"names": ["x"], "kinds": ["TXT"]})
