"""Test what is said about the calls of an app."""

import pytest

from probe.analysis.run_result.app_words import BAD_UDP, calls_of_app, state_of_app, works_badly
from probe.analysis.run_result.headline_parts import headline_parts
from probe.analysis.verdicts.apps import AppService, AppVerdict, judge_apps


def app(state: str, calls: str | None) -> AppVerdict:
    (made,) = judge_apps([{"target": "telegram", "service": "telegram/dc_pool", "state": state}], {})
    needs = {"messages": state} | ({"calls": calls} if calls else {})
    return {**made, "state": state, "needs": needs}


@pytest.mark.parametrize(
    ("state", "calls", "word"),
    [
        ("ok", "ok", "work"),
        ("ok", "blocked", "blocked"),
        ("blocked", "ok", "-"),  # a call begins with messages to the app's servers
        ("likely_blocked", "degraded", "-"),
        ("blocked", "insufficient", "not tested"),
        ("degraded", "ok", "work"),
        ("blocked", None, "-"),
    ],
)
def test_relays_of_a_blocked_app_say_nothing_about_calls(state: str, calls: str | None, word: str) -> None:
    assert calls_of_app(app(state, calls)) == word


@pytest.mark.parametrize(("mechanism", "word"), [("media.loss", "bad"), ("relay.udp.timeout", "in part")])
def test_calls_whose_packets_are_lost_are_bad(mechanism: str, word: str) -> None:
    found = app("ok", "degraded")
    found["mechanisms"] = [mechanism]
    assert calls_of_app(found) == word


@pytest.mark.parametrize("rule_id", sorted(BAD_UDP))
@pytest.mark.parametrize(("calls", "word"), [("ok", "bad"), ("blocked", "blocked"), ("insufficient", "not tested")])
def test_calls_over_bad_udp_are_bad_and_not_blocked(calls: str, word: str, rule_id: str) -> None:
    found = app("ok", calls)
    found["services"] = [AppService(service="telegram/calls", state=calls, rule_id=rule_id)]
    assert calls_of_app(found) == word


@pytest.mark.parametrize(
    ("state", "mechanisms", "word", "headline"),
    [
        ("degraded", ["tls.throttle.sni"], "WORKS BADLY", "1 slowed down: Telegram"),
        ("degraded", ["http.throttle.host", "quic.throttle.sni"], "WORKS BADLY", "1 slowed down: Telegram"),
        ("degraded", ["flow.cutoff.time"], "WORKS BADLY", "1 works badly: Telegram"),
        ("degraded", ["flow.cutoff.time", "tls.throttle.sni"], "WORKS BADLY", "1 works badly: Telegram"),
        ("degraded", ["flow.cutoff.time", "flow.freeze"], "PARTLY BLOCKED", "1 partly blocked: Telegram"),
        ("degraded", ["tls.throttle.sni", "tls.reset.sni"], "PARTLY BLOCKED", "1 partly blocked: Telegram"),
        ("degraded", ["media.throttle"], "PARTLY BLOCKED", "1 partly blocked: Telegram"),
        ("degraded", [], "PARTLY BLOCKED", "1 partly blocked: Telegram"),
        ("blocked", ["tls.throttle.sni"], "BLOCKED", "1 of 1 app blocked: Telegram"),
    ],
)
def test_app_that_works_badly_is_not_called_blocked(
    state: str, mechanisms: list[str], word: str, headline: str
) -> None:
    found = app(state, None)
    found["title"], found["mechanisms"] = "Telegram", mechanisms
    assert state_of_app(found) == word and works_badly(found) == (word == "WORKS BADLY")
    assert list(headline_parts([found], lambda kind, apps: apps[0]["title"])) == [headline]
