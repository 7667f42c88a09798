"""Test what is said about the calls of an app."""

import pytest

from probe.analysis.run_result.app_words import AppState, calls_of_app


def app(state: str, calls: str | None) -> AppState:
    needs = {"messages": state} | ({"calls": calls} if calls else {})
    return AppState(app="telegram", title="Telegram", state=state, valid=True, needs=needs, mechanisms=[])


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
