"""The flows that are named decided, and what is said to have changed a verdict would have: both tried on the line."""

from collections.abc import Iterator
from typing import Any, get_args

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.verdicts.counterfactuals import ALTERNATIVES, REMOVALS, UNFIT
from probe.analysis.verdicts.evidence import DecidingFlows
from probe.analysis.verdicts.verdicts import flat_measurement_of, judge_measurement
from probe.formats.facts import Preflight
from probe.formats.transactions import FollowUp
from tests.analysis.verdicts.test_ablation import recorded
from tests.support.measurements.ablation import without_transactions
from tests.support.measurements.cuts import CUTS
from tests.support.measurements.lines import Lines

URL = "https://web.telegram.org:443/"
MECHANISMS = {
    "sni-reset": "telegram/web",
    "sni-allowlist-strict": "snapchat/web",
    "name-and-address": "telegram/web",
    "quic-drop": "facebook/quic",
    "dns-injection": "telegram/web",
    "dns-resolver-lies": "telegram/web",
    "resolvers-filter": "x/links",
    "tls-mitm": "whatsapp/web",
    "ip-blackhole": "telegram/dc_pool",
    "http-blockpage": "wechat/short_link",
    "starttls-stripped": "gmail/smtp",
    "sip-reset": "sip/telnyx",
    "stun-drop": "stun/google",
    "protocol-reset": "telegram/dc_pool",
    "service-down": "gmail/web",
    "clean": "signal/chat",
}
"""A recording for each of many mechanisms, and a service that it touches (and two that no censor touches)."""


@pytest.fixture(scope="module")
def engine() -> Iterator[SQLiteEngine]:
    with SQLiteEngine() as made:
        yield made


def found(scenario: str, service: str, engine: SQLiteEngine) -> tuple[dict[str, Any], dict[str, Any]]:
    """The line of a recording that tells of a service, and the service's record."""
    for line in recorded(scenario):
        for record in judge_measurement(line, file="x.jsonl", number=1, engine=engine):
            if record["service"] == service:
                return line, record
    raise AssertionError(f"{scenario} says nothing of {service}")


def again(line: dict[str, Any], service: str, engine: SQLiteEngine) -> tuple[str, str, list[str]]:
    (one,) = [r for r in judge_measurement(line, file="x.jsonl", number=1, engine=engine) if r["service"] == service]
    return one["state"], one["rule_id"], one["mechanisms"]


def outcomes(scenario: str, service: str, engine: SQLiteEngine) -> dict[str, tuple[str, str]]:
    line, record = found(scenario, service, engine)
    return {
        one.words: (one.state, one.rule_id)
        for one in DecidingFlows(flat_measurement_of(line), record, engine).otherwise()
    }


@pytest.mark.parametrize(("scenario", "service"), MECHANISMS.items(), ids=MECHANISMS)
def test_the_flows_named_suffice_and_none_of_them_can_be_spared(
    scenario: str, service: str, engine: SQLiteEngine
) -> None:
    line, record = found(scenario, service, engine)
    said = (record["state"], record["rule_id"], record["mechanisms"])
    deciding = DecidingFlows(flat_measurement_of(line), record, engine).deciding()
    named = {number for part in record["endpoints"] for number in part["transactions"]}
    assert deciding and set(deciding) <= named
    alone = without_transactions(line, named.difference(deciding))
    assert again(alone, service, engine) == said
    for number in deciding:
        assert again(without_transactions(alone, [number]), service, engine) != said


CHANGES = [
    ("sni-reset", "telegram/web", "without harmless names there", "likely_blocked", "tls_reset_here_again"),
    ("sni-reset", "telegram/web", "had harmless names failed too", "likely_blocked", "tls_reset_again_for_any_name"),
    ("sni-reset", "telegram/web", "had the repeats worked", "ok", "http_answers"),
    ("ip-blackhole", "whatsapp/registration", "without the repeats", "impaired", "tcp_unconfirmed"),
    ("ip-blackhole", "whatsapp/registration", "without the helper", "impaired", "tcp_no_control"),
    ("ip-blackhole", "whatsapp/registration", "had the helper failed too", "down", "tcp_fails_everywhere"),
    ("service-down", "whatsapp/registration", "had the helper got through", "likely_blocked", "tcp_timeout_here"),
    ("http-blockpage", "wechat/short_link", "without the name at a neutral host", "ok", "http_answers"),
    ("stun-drop", "stun/google", "without the echo pair at the helper", "likely_blocked", "stun_silent_here"),
    ("resolvers-filter", "x/links", "without encrypted resolvers", "impaired", "address_unproven_fails"),
    (
        "dns-injection-alone",
        "telegram/web",
        "without addresses that run no resolver",
        "impaired",
        "address_unproven_fails",
    ),
    ("vpn", "telegram/web", "had preflight found nothing amiss", "ok", "http_answers"),
    ("clean", "signal/chat", "had what worked drawn no answer", "likely_blocked", "http_timeout_here_again"),
]


@pytest.mark.parametrize(("scenario", "service", "words", "state", "rule"), CHANGES)
def test_what_would_have_changed_a_verdict(
    scenario: str, service: str, words: str, state: str, rule: str, engine: SQLiteEngine
) -> None:
    assert outcomes(scenario, service, engine).get(words) == (state, rule)


@pytest.mark.parametrize(
    ("scenario", "service", "words", "kinds"),
    [
        ("sni-reset", "telegram/web", "harmless names there", ("innocuous", "other_name_same_address")),
        ("ip-blackhole", "telegram/dc_pool", "the repeats", ("confirm",)),
        ("service-down", "gmail/web", "the helper", ("x_control",)),
        ("http-blockpage", "wechat/short_link", "the name at a neutral host", ("same_name_neutral_host",)),
        ("stun-drop", "stun/uls", "the echo pair at the helper", ("same_payload_echo", "other_payload_echo")),
    ],
)
def test_what_is_supposed_of_the_rows_holds_of_the_line(
    scenario: str, service: str, words: str, kinds: tuple[str, ...], engine: SQLiteEngine
) -> None:
    line, _ = found(scenario, service, engine)
    cut = line
    for kind in kinds:
        cut = CUTS[kind](cut)
    state, rule, _ = again(cut, service, engine)
    assert outcomes(scenario, service, engine)[f"without {words}"] == (state, rule)


def test_what_stands_all_the_same_is_told_and_only_of_evidence_that_is_there(engine: SQLiteEngine) -> None:
    line, record = found("sni-reset", "telegram/web", engine)
    spared = DecidingFlows(flat_measurement_of(line), record, engine).spared()
    assert {"the helper", "the repeats", "the name at a neutral host"} <= set(spared)
    assert not {"harmless names there", "bytes of no protocol", "second answers to one question"} & set(spared)


def test_every_kind_of_follow_up_but_those_that_only_locate_can_be_taken_away() -> None:
    lines = Lines({"web": [URL]})
    kinds = sorted(set(get_args(FollowUp)) - {"", "path_sweep", "limited_payload"})
    for kind in kinds:
        lines.probe.open(kind="followup", followup=kind, endpoint=URL)
    facts = flat_measurement_of(lines.line())
    encrypted = {"resolver_dot", "resolver_doh"}  # told by their questions, and not by their label
    gone = {row.followup for suppose in REMOVALS.values() for row in facts.rows if row not in suppose(facts).rows}
    assert gone == set(kinds) - encrypted


def test_what_makes_a_line_useless_is_in_preflight() -> None:
    assert set(Preflight.model_fields) > UNFIT
    assert not set(ALTERNATIVES) & set(REMOVALS)
