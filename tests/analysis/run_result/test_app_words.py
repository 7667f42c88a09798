"""Test what is said about the calls of an app."""

import pytest

from probe.analysis.run_result.app_words import AppState, calls_of_app


def app(state: str, calls: str | None) -> AppState:
    needs = {"messages": state} | ({"calls": calls} if calls else {})
    return AppState(app="telegram", title="Telegram", state=state, valid=True, needs=needs)


@pytest.mark.parametrize(
    ("state", "calls", "word"),
    [
        ("ok", "ok", "work"),
        ("ok", "blocked", "blocked"),
        ("blocked", "ok", "-"),  # a call begins with messages to the app's servers
        ("likely_blocked", "degraded", "in part"),
        ("blocked", "insufficient", "not tested"),
        ("degraded", "ok", "work"),
        ("blocked", None, "-"),
    ],
)
def test_relays_of_a_blocked_app_say_nothing_about_calls(state: str, calls: str | None, word: str) -> None:
    assert calls_of_app(app(state, calls)) == word
