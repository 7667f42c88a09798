"""Test the texts of rules: both sentences read whole, and their placeholders are filled."""

import re
from string import Formatter

import pytest

from probe.analysis.phenomena import PHENOMENA
from probe.analysis.rules.rule import Rule
from probe.analysis.rules.variant import VARIANT
from probe.analysis.ruleset.tables import RULES
from probe.analysis.verdicts.plain_sentences import INVALID_SENTENCES, plain_sentence
from probe.analysis.verdicts.validity import INVALIDITIES

TARGET = {"name": "skype", "title": "Skype", "retired": "2025-05-05", "successor": "teams"}
PLACEHOLDERS = {"app", "service", "host"}
OF_THROUGHPUT = {rule.rule_id for rule in PHENOMENA["throughput"].rules}
THROUGHPUT_FIGURES = {"slow_low", "slow_high"}
CALL_FIGURES = {"low", "high", "late_low", "late_high", "seconds", "rate"}


def verdict(rule: Rule, *endpoints: str) -> dict[str, object]:
    variant = {name: getattr(rule, name) for name in VARIANT}
    decided = [{"endpoint": endpoint, **variant} for endpoint in endpoints]
    return {"target": "skype", "service": "skype/group_calls", **variant, "endpoints": decided}


def sentences(text: str) -> list[str]:
    return re.split(r"(?<=[.?!]) (?=[A-Z{])", text)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.key)
@pytest.mark.parametrize("kind", ["because", "plain"])
def test_sentences_are_whole(rule: Rule, kind: str) -> None:
    for sentence in sentences(getattr(rule, kind)):
        assert sentence[0].isupper() or sentence.startswith("{")
        assert sentence.endswith(".") and ";" not in sentence


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.key)
def test_technical_sentence_has_no_placeholder(rule: Rule) -> None:
    assert "{" not in rule.because


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.key)
def test_plain_sentence_is_filled_from_the_record(rule: Rule) -> None:
    known = PLACEHOLDERS | (
        CALL_FIGURES
        if rule.mechanism.startswith(("media.", "udp.throttle")) or rule.mechanism == "flow.freeze"
        else set()
    )
    known |= THROUGHPUT_FIGURES if rule.rule_id in OF_THROUGHPUT else set()
    known |= {"cut_low", "cut_high"} if rule.mechanism == "flow.cutoff.time" else set()
    assert {name for _, name, _, _ in Formatter().parse(rule.plain) if name is not None} <= known | dict(
        rule.words
    ).keys()
    for record in (verdict(rule, "https://web.skype.com:443/"), verdict(rule)):
        for target in (None, TARGET):
            text = plain_sentence(record, target)
            assert text and not set("{}") & set(text) and "None" not in text and "  " not in text


def test_plain_sentence_names_service_and_hosts() -> None:
    rule = RULES["failure_follows_name:tls:reset"]
    one, two = "https://web.skype.com:443/", "tls://[2001:db8::1]:443"
    assert "reach web.skype.com by name" in plain_sentence(verdict(rule, one), TARGET)
    assert "reach web.skype.com and 2001:db8::1 by name" in plain_sentence(verdict(rule, one, two), TARGET)
    more = verdict(rule, "stun://stun.skype.com:3478;transport=udp", "https://[broken/")
    text = plain_sentence(verdict(rule, one), TARGET, alike=[more, more | {"service": "skype/web"}])
    assert "reach web.skype.com and 2 more by name" in text
    assert "Skype (group calls, web)" in text


def test_hosts_of_other_rules_are_not_named() -> None:
    record = verdict(RULES["failure_follows_name:tls:reset"], "https://web.skype.com:443/")
    record["endpoints"] = [*record["endpoints"], {"endpoint": "https://a.example/", "rule_id": "tls_completes"}]  # type: ignore[misc]
    assert "reach web.skype.com by name" in plain_sentence(record)


def test_web_address_is_named_without_a_service() -> None:
    record = verdict(RULES["http_shows_blockpage"], "http://a.example:80/x") | {
        "target": "http://a.example/x",
        "service": "http://a.example/x/web",
    }
    assert plain_sentence(record).endswith("Access to http://a.example/x is blocked.")


def test_role_with_a_slash_is_named_whole() -> None:
    record = verdict(RULES["address_unproven_fails"], "https://dns.google:443/dns-query") | {
        "target": "resolvers",
        "service": "resolvers/https://dns.google/dns-query",
    }
    assert "resolvers (https://dns.google/dns-query)" in plain_sentence(record)


@pytest.mark.parametrize("target", [TARGET, TARGET | {"successor": None}, TARGET | {"retired": None}, {}])
def test_retired_app_is_named_with_what_is_known(target: dict[str, str | None]) -> None:
    text = plain_sentence(verdict(RULES["service_retired"]), target)
    assert ("on 2025-05-05" in text) == bool(target.get("retired"))
    assert ("teams" in text) == bool(target.get("retired") and target.get("successor"))


def test_rule_of_another_ruleset_shows_its_technical_sentence() -> None:
    assert plain_sentence({"rule_id": "of_old", "because": "It was so."}) == "It was so."


def test_every_reason_of_invalidity_has_a_plain_sentence() -> None:
    assert INVALID_SENTENCES.keys() == {each.reason for each in INVALIDITIES}
    for reason, sentence in INVALID_SENTENCES.items():
        assert plain_sentence({"valid": False, "invalid_reason": reason}) == sentence
    assert plain_sentence({"valid": False, "invalid_reason": "of_old"}) == "This run cannot be used."
