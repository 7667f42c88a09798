"""Test the evidence of verdicts by removing the listed transactions, and by applying the listed changes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any, get_args

import pytest

from probe.analysis.engines.sql_engine import Engine, SQLiteEngine
from probe.analysis.rules.variant import shown_rule
from probe.analysis.verdicts import deciding_evidence as evidence
from probe.analysis.verdicts.counterfactuals import ALTERNATIVES, REMOVALS, UNFIT, Known
from probe.analysis.verdicts.deciding_evidence import Alternative, MeasurementEvidence
from probe.analysis.verdicts.verdict_records import Record
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch, judge_measurement
from probe.formats.facts import Preflight
from probe.formats.followups import FollowUp
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.analysis.verdicts.test_ablation import recorded
from tests.support.measurements.ablation import without_transactions
from tests.support.measurements.cuts import CUTS, UNREAD
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
"""Recordings of many mechanisms with an affected service, and two recordings without interference."""


@pytest.fixture(scope="module")
def engine() -> Iterator[SQLiteEngine]:
    with SQLiteEngine() as made:
        yield made


def found(scenario: str, service: str, engine: SQLiteEngine) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the measurement of a recording that contains a service, and the service's record."""
    for line in recorded(scenario):
        for record in judge_measurement(line, file="x.jsonl", number=1, engine=engine):
            if record["service"] == service:
                return line, record
    raise AssertionError(f"{scenario} says nothing of {service}")


def evidence_of(
    line: dict[str, Any],
    records: list[dict[str, Any]],
    engine: SQLiteEngine,
    may_go_on: Callable[[], bool] = lambda: True,
) -> MeasurementEvidence:
    return MeasurementEvidence(flat_measurement_of(line), records, engine, may_go_on)


def alternatives(line: dict[str, Any], record: dict[str, Any], engine: SQLiteEngine) -> list[Alternative]:
    return list(evidence_of(line, [record], engine).alternatives(record["service"]))


def again(line: dict[str, Any], service: str, engine: SQLiteEngine) -> tuple[str, str, list[str]]:
    (one,) = [r for r in judge_measurement(line, file="x.jsonl", number=1, engine=engine) if r["service"] == service]
    return one["state"], shown_rule(one), one["mechanisms"]


def outcomes(scenario: str, service: str, engine: SQLiteEngine) -> dict[str, tuple[str, str]]:
    line, record = found(scenario, service, engine)
    return {one.change: (one.state, one.rule) for one in alternatives(line, record, engine)}


@pytest.mark.parametrize(("scenario", "service"), MECHANISMS.items(), ids=MECHANISMS)
def test_deciding_transactions_are_minimal_and_sufficient(scenario: str, service: str, engine: SQLiteEngine) -> None:
    line, record = found(scenario, service, engine)
    expected = (record["state"], shown_rule(record), record["mechanisms"])
    deciding = evidence_of(line, [record], engine).deciding(service)
    named = {number for part in record["endpoints"] for number in part["transactions"]}
    assert deciding and set(deciding) <= named
    alone = without_transactions(line, named.difference(deciding))
    assert again(alone, service, engine) == expected
    for number in deciding:
        assert again(without_transactions(alone, [number]), service, engine) != expected


def test_role_with_a_slash_is_found(engine: SQLiteEngine) -> None:
    """Judge a resolver that OONI tested again. Its role is a URL."""
    line = SAMPLES["dnscheck-ok"]
    (record,) = judge_measurement(line, file="x.jsonl", number=1, engine=engine)
    assert record["service"] == "resolvers/https://dns.google/dns-query"
    changes = {one.change: one.rule for one in alternatives(line, record, engine)}
    assert changes == {"the attempts had timed out": "no_control, resolver"}


@pytest.mark.parametrize("scenario", ["sni-reset"])
def test_services_are_judged_together_as_alone(scenario: str, engine: SQLiteEngine) -> None:
    """Compare the evidence of all services with that of measurements which name one service only."""
    for line in recorded(scenario):
        records = judge_measurement(line, file="x.jsonl", number=1, engine=engine)
        together = evidence_of(line, records, engine)
        for record in records:
            service = record["service"]
            alone = evidence_of(with_service(line, service.partition("/")[2]), [record], engine)
            assert together.deciding(service) == alone.deciding(service)
            assert list(together.alternatives(service)) == list(alone.alternatives(service))
            assert together.unneeded(service) == alone.unneeded(service)


def with_service(line: dict[str, Any], role: str) -> dict[str, Any]:
    target = line["test_keys"]["x_target"]
    services = {role: target["services"][role]}
    return line | {"test_keys": line["test_keys"] | {"x_target": target | {"services": services}}}


def test_search_ends_when_the_time_is_over(engine: SQLiteEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the time be over after a few looks at the clock, of which there is one before each batch."""
    batches = list[int]()

    def counted(facts: Iterable[Flattened], engine: Engine) -> list[list[Record]]:
        batches.append(1)
        return judge_batch(facts, engine)

    line, record = found("sni-reset", "telegram/web", engine)
    service = record["service"]
    whole = evidence_of(line, [record], engine).deciding(service)
    monkeypatch.setattr(evidence, "judge_batch", counted)
    looks = iter([True] * 5)
    short = evidence_of(line, [record], engine, lambda: next(looks, False))
    assert set(short.deciding(service)) > set(whole)
    assert len(batches) <= 1 + 5
    assert not list(short.alternatives(service)) and not short.unneeded(service)


def test_batches_are_limited_in_rows_and_number() -> None:
    lines = Lines({"web": [URL]})
    for _ in range(evidence.MOST_ROWS // 4):
        lines.probe.open(kind="first", endpoint=URL)
    facts = flat_measurement_of(lines.line())
    huge = replace(facts, rows=facts.rows * 5)
    sizes = [len(batch) for batch in evidence.batches([facts] * 6 + [huge] * 2, 3)]
    assert sizes == [3, 3, 1, 1]
    assert [len(batch) for batch in evidence.batches([facts] * 6, 32)] == [4, 2]


INNOCUOUS = "the innocuous names at the same address"
REACHED = "the test helper had reached the service"
UNFIT_NETWORK = "the network had passed the checks before the measurement"
CHANGES = [
    ("sni-reset", "telegram/web", INNOCUOUS, "likely_blocked", "fails_here_again"),
    (
        "sni-reset",
        "telegram/web",
        "the innocuous names had failed too",
        "likely_blocked",
        "fails_again_for_any_name",
    ),
    ("sni-reset", "telegram/web", "the confirmations had worked", "ok", "http_answers"),
    ("ip-blackhole", "whatsapp/registration", "the confirmations", "impaired", "unconfirmed"),
    ("ip-blackhole", "whatsapp/registration", "the control", "impaired", "no_control"),
    ("ip-blackhole", "whatsapp/registration", "the test helper had failed too", "down", "fails_everywhere"),
    ("service-down", "whatsapp/registration", REACHED, "likely_blocked", "tcp_fails_alike_here"),
    ("http-blockpage", "wechat/short_link", "the name at a neutral host", "ok", "http_answers"),
    ("stun-drop", "stun/google", "the echo pair at the test helper", "likely_blocked", "call_silent_here"),
    ("resolvers-filter", "x/links", "the encrypted resolvers", "impaired", "address_unproven_fails"),
    ("dns-injection-alone", "telegram/web", "the queries to non-resolvers", "impaired", "address_unproven_fails"),
    ("vpn", "telegram/web", UNFIT_NETWORK, "ok", "http_answers"),
    ("clean", "signal/chat", "the attempts had timed out", "likely_blocked", "fails_here_again"),
]


@pytest.mark.parametrize(("scenario", "service", "words", "state", "rule"), CHANGES)
def test_change_gives_other_verdict(
    scenario: str, service: str, words: str, state: str, rule: str, engine: SQLiteEngine
) -> None:
    found_state, found_rule = outcomes(scenario, service, engine)[words]
    assert (found_state, found_rule.partition(",")[0]) == (state, rule)


@pytest.mark.parametrize(
    ("scenario", "service", "words", "kinds"),
    [
        ("sni-reset", "telegram/web", INNOCUOUS, ("innocuous", "other_name_same_address")),
        ("ip-blackhole", "telegram/dc_pool", "the confirmations", ("confirm",)),
        ("service-down", "gmail/web", "the control", ("x_control",)),
        ("http-blockpage", "wechat/short_link", "the name at a neutral host", ("same_name_neutral_host",)),
        ("stun-drop", "stun/uls", "the echo pair at the test helper", ("same_payload_echo", "other_payload_echo")),
    ],
)
def test_removing_rows_equals_removing_entries(
    scenario: str, service: str, words: str, kinds: tuple[str, ...], engine: SQLiteEngine
) -> None:
    line, _ = found(scenario, service, engine)
    cut = line
    for kind in kinds:
        cut = CUTS[kind](cut)
    state, rule, _ = again(cut, service, engine)
    assert outcomes(scenario, service, engine)[words] == (state, rule)


def test_unneeded_evidence_is_listed_if_present(engine: SQLiteEngine) -> None:
    line, record = found("sni-reset", "telegram/web", engine)
    unneeded = set(evidence_of(line, [record], engine).unneeded("telegram/web"))
    assert {"the control", "the confirmations", "the name at a neutral host"} <= unneeded
    assert not {INNOCUOUS, "the random bytes over TCP", "the second answers to one query"} & unneeded


def test_every_follow_up_except_hop_search_can_be_removed() -> None:
    lines = Lines({"web": [URL]})
    kinds = sorted(set(get_args(FollowUp)) - {"", "path_sweep", "limited_payload"})
    for kind in kinds:
        lines.probe.open(kind="followup", followup=kind, endpoint=URL)
    facts = flat_measurement_of(lines.line())
    known = Known(frozenset(), frozenset())
    encrypted = {"resolver_dot", "resolver_doh"}  # found by their queries and not by their label
    gone = {
        row.followup for suppose in REMOVALS.values() for row in facts.rows if row not in suppose(facts, known).rows
    }
    assert gone == set(kinds) - encrypted - UNREAD


def test_reasons_for_invalidity_are_preflight_facts() -> None:
    assert set(Preflight.model_fields) > UNFIT
    assert not set(ALTERNATIVES) & set(REMOVALS)
