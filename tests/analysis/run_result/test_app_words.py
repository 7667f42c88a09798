"""Test what is said about the calls of an app."""

import pytest

from probe.analysis.run_result.app_words import (
    BAD_UDP,
    BASICS,
    BY_USERS,
    CALLING,
    UNTESTABLE_CALLS,
    calls_of_app,
    state_of_app,
    works_badly,
)
from probe.analysis.run_result.headline_parts import headline_parts
from probe.analysis.verdicts.app_verdicts import AppService, AppVerdict, judge_apps
from probe.targets.needs import essential_of
from probe.targets.target_files import bundled_targets, load_target, target_names


def app(state: str, calls: str | None) -> AppVerdict:
    (made,) = judge_apps([{"target": "telegram", "service": "telegram/dc_pool", "state": state}], {})
    needs = {"messages": state} | ({"calls": calls} if calls else {})
    return {**made, "state": state, "needs": needs}


@pytest.mark.parametrize(
    ("state", "calls", "word"),
    [
        ("ok", "ok", "work"),
        ("ok", "blocked", "blocked"),
        ("ok", "insufficient", "not tested"),
        ("ok", None, "not tested"),  # its calls were not measured
        ("blocked", "ok", "no (app blocked)"),  # a call begins with messages to the app's servers
        ("blocked", "blocked", "blocked"),
        ("likely_blocked", "degraded", "probably no (app)"),
        ("blocked", "insufficient", "no (app blocked)"),
        ("blocked", None, "no (app blocked)"),
        ("impaired", "ok", "unclear"),
        ("down", "ok", "down"),
        ("insufficient", "ok", "not tested"),
        ("degraded", "ok", "work"),
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
        ("blocked", ["tls.throttle.sni"], "BLOCKED", "Telegram is blocked"),
    ],
)
def test_app_that_works_badly_is_not_called_blocked(
    state: str, mechanisms: list[str], word: str, headline: str
) -> None:
    found = app(state, None)
    found["title"], found["mechanisms"] = "Telegram", mechanisms
    assert state_of_app(found) == word and works_badly(found) == (word == "WORKS BADLY")
    assert list(headline_parts([found], lambda kind, apps: apps[0]["title"])) == [headline]


# -- the first line ----------------------------------------------------------------------------------------------------


def other(name: str, title: str, **needs: str) -> AppVerdict:
    state = needs.get("messages") or needs["calls"]
    return {**app(state, None), "app": name, "title": title, "needs": dict(needs)}


def first_line(*apps: AppVerdict) -> str:
    return " · ".join(headline_parts(apps, lambda kind, some: ", ".join(each["title"] for each in some)))


def test_what_does_not_work_comes_first_with_or_without_a_cause() -> None:
    blocked = [other(name, name.title(), messages="blocked") for name in ("signal", "telegram", "whatsapp")]
    unclear = [other(name, name.title(), messages="impaired") for name in ("gmail", "wechat")]
    works = [other(f"a{number}", f"A{number}", messages="ok") for number in range(4)]
    assert first_line(*blocked, *works) == (
        "3 of 7 apps do not work: Whatsapp, Telegram, Signal are blocked · 4 work"  # in the order of BY_USERS
    )
    assert first_line(*unclear, *works[:1]) == "2 of 3 apps do not work: Wechat, Gmail fail, cause unclear · 1 works"
    assert first_line(*works) == "4 of 4 apps work"


def test_nothing_reassuring_is_said_about_apps_that_were_not_tested() -> None:
    untested = [other(name, name, messages="insufficient") for name in ("signal", "telegram")]
    assert first_line(*untested) == "2 not tested to their end"


def test_calls_are_told_in_one_clause_and_not_for_apps_that_fail() -> None:
    apps = [
        other("whatsapp", "WhatsApp", messages="ok", calls="blocked"),
        other("signal", "Signal", messages="ok", calls="degraded"),
        other("telegram", "Telegram", messages="blocked", calls="blocked"),
        other("teams", "Teams", messages="ok", calls="ok"),
    ]
    clauses = [part for part in first_line(*apps).split(" · ") if "calls" in part]
    assert clauses == ["calls blocked or bad: WhatsApp, Signal"]


def test_servers_for_all_apps_are_no_apps() -> None:
    stun = other("stun", "Public STUN servers", calls="blocked")
    assert first_line(stun, other("signal", "Signal", messages="ok")) == "1 works · basics failing: Public STUN servers"
    assert first_line(stun) == "Public STUN servers is blocked"  # nothing else was asked for


def test_every_app_with_calls_has_a_word_for_them() -> None:
    found = set()
    for name in target_names(bundled_targets()):
        services = load_target(bundled_targets() / f"{name}.toml").services.values()
        needs = frozenset(need for service in services for need in service.needs)
        found |= {name} if "calls" in needs - essential_of(needs) else set()
    assert found == CALLING


def test_names_in_the_tables_are_those_of_targets() -> None:
    assert {*BY_USERS, *BASICS, *UNTESTABLE_CALLS} <= set(target_names(bundled_targets()))
    assert not set(BY_USERS) & BASICS
