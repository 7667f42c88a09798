"""Test the reason that a verdict without a hop gives."""

import gzip
import json
from typing import Any

import pytest

from probe.analysis.ruleset.mechanisms import ALL
from probe.analysis.verdicts.located_hops import SENTENCES, hop_reason, search_results
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.analysis.verdicts.test_hops import line, quoted

SEEN = {"abilities": {"icmp_errors": True}}


def reason(*mechanisms: str, measured: dict[str, Any] | None = None, run: dict[str, Any] = SEEN) -> str | None:
    return hop_reason("web", mechanisms, search_results(measured or {}), run)


@pytest.mark.parametrize(
    ("mechanism", "expected"),
    [
        ("dns.nxdomain", "resolver"),
        ("dns.injection.bogon", "resolver"),
        ("dns", "resolver"),
        ("dns.timeout", "resolver"),
        ("tls.throttle.sni", "rate"),
        ("quic.throttle.sni", "rate"),
        ("tls.policing", "rate"),
        ("media.loss", "rate"),
        ("smtp.starttls_stripped", "answers_changed"),
        ("tls.reset.ech", "not_searched"),
        ("flow.freeze.packets", "not_searched"),
        ("tls.reset.sni", "not_searched"),
        ("sip.timeout.payload", "not_searched"),
        ("stun.tampering", "not_searched"),
        ("smtp.injection", "not_searched"),
    ],
)
def test_reason_without_a_search_follows_the_mechanism(mechanism: str, expected: str) -> None:
    assert reason(mechanism) == expected


def test_stops_over_quic_alone_have_no_search() -> None:
    stops = {"flow.freeze.packets", "flow.freeze"}
    assert {hop_reason("quic", [one], (), SEEN, stops) for one in stops} == {"no_search"}
    assert hop_reason("quic", ["quic.timeout.sni"], (), SEEN, {"quic.timeout.sni"}) == "not_searched"
    recorded = gzip.decompress((RECORDED / "freeze-quic-packets.jsonl.gz").read_bytes()).decode().splitlines()
    records = [one for each in recorded for one in judge_measurement(json.loads(each), file="a", number=1)]
    assert [one["hop_reason"] for one in records if one["mechanisms"]] == ["no_search"]


def test_search_without_a_clear_place_says_so() -> None:
    contradicting = line({3: "reset"}, {5: "expired"})
    assert reason("tls.reset.sni", measured=contradicting) == "not_found"
    assert reason("http.reset.host", measured=contradicting) == "not_searched"


def test_search_that_finds_changed_answers_says_so() -> None:
    measured = quoted({6: "same"}, {6: "same"}, answered=7)
    assert reason("stun.tampering", measured=measured) == "answers_changed"
    assert reason("sip.tampering", measured=measured) == "not_searched"


def test_system_without_icmp_errors_is_named() -> None:
    blind = {"abilities": {"icmp_errors": False}}
    assert reason("tls.reset.sni", run=blind) == "no_icmp_errors"
    assert reason("dns.nxdomain", run=blind) == "resolver"
    assert reason("tls.reset.sni", run={}) == "not_searched"


def test_reason_that_says_most_comes_first() -> None:
    assert reason("dns.nxdomain", "tls.reset.sni") == "not_searched"
    assert reason() is None


def test_every_mechanism_has_a_reason() -> None:
    assert {reason(mechanism) for mechanism in ALL} <= set(SENTENCES)


@pytest.mark.parametrize(
    ("scenario", "service", "expected"),
    [
        ("sni-reset", "telegram/web", None),
        ("ttl-copied", "telegram/web", "at_server"),
        ("server-hello-drop", "telegram/web", "at_server"),
        ("dns-nxdomain", "telegram/web", "resolver"),
        ("throttled-shaped", "x/web", "rate"),
    ],
)
def test_recorded_verdict_has_hop_or_reason(scenario: str, service: str, expected: str | None) -> None:
    with gzip.open(RECORDED / f"{scenario}.jsonl.gz", "rt", encoding="utf-8") as lines:
        records = [record for text in lines for record in judge_measurement(json.loads(text), file="a", number=1)]
    (found,) = [record for record in records if record["service"] == service]
    assert found["hop_reason"] == expected and (found["hop"] is None) == (expected is not None)
    for record in records:
        assert (record["hop_reason"] is None) == (not record["mechanisms"] or record["hop"] is not None)
