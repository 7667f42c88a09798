"""Test the verdicts about the beginning of DTLS: by form, by protocol, and look-alikes that accuse nothing."""

from typing import Any

import pytest

from tests.analysis.outcomes.test_connections import TIMEOUT, conclusion, judged
from tests.support.measurements.lines import GENUINE, Lines

URL = f"dtls://{GENUINE}:5684"
SILENCE, UNREACHABLE = f"payload:{TIMEOUT}", "payload:host_unreachable"
FORMS = {"firefox_dtls_hello": "firefox", "dtls13_hello": "dtls13", "same_dtls_hello_again": "openssl"}


def server(outcome: str = SILENCE, *, control: str | None = "ok", **more: Any) -> Lines:
    """Return a DTLS server that fails twice here, with this result at the helper."""
    lines = Lines({"calls": [URL]})
    lines.twice(URL, GENUINE, outcome, **more)
    if control is not None:
        lines.control(URL, GENUINE, control)
    return lines


def with_hellos(*hellos: tuple[str, str], hello: str | None = None, **more: Any) -> Lines:
    """Add follow-ups with these results. `hello` is the form that their entries show, if it is not their own."""
    lines = server(**more)
    for followup, outcome in hellos:
        lines.other_hello(followup, URL, GENUINE, outcome, hello=hello or FORMS[followup])
    return lines


def echoed(other: dict[str, Any], same: dict[str, Any], lines: Lines | None = None) -> Lines:
    lines = lines or server()
    lines.echo(URL, **other)
    lines.echo(URL, payload="dtls", **same)
    return lines


def verdict(lines: Lines) -> tuple[str, list[str], str]:
    record = judged(lines)
    return record["state"], record["mechanisms"], record["rule_id"]


FIREFOX, AGAIN = ("firefox_dtls_hello", "ok"), ("same_dtls_hello_again", SILENCE)
NEWER = ("dtls13_hello", "ok")
BY_FORM = ("degraded", ["dtls.timeout.fingerprint"], "dtls_silent_in_one_form")
OTHER = ("likely_blocked", ["dtls.timeout.other"])


def test_answer_is_ok_and_names_its_proof() -> None:
    lines = Lines({"calls": [URL]})
    lines.first(URL, GENUINE)
    record = judged(lines)
    assert (record["state"], record["proof"], record["rule_id"]) == ("ok", "dtls", "call_answered")


def test_form_that_is_silent_between_two_answers_to_another_is_a_fingerprint() -> None:
    assert verdict(with_hellos(FIREFOX, AGAIN, FIREFOX)) == BY_FORM
    failed = ("firefox_dtls_hello", SILENCE)
    assert verdict(with_hellos(failed, NEWER, AGAIN, NEWER)) == BY_FORM


@pytest.mark.parametrize(
    "hellos",
    [
        (FIREFOX, FIREFOX),  # the first form was not sent again
        (FIREFOX, AGAIN),  # the other form passed once
        (FIREFOX, AGAIN, NEWER),  # two forms passed once
        (FIREFOX, ("same_dtls_hello_again", "ok"), FIREFOX),  # an outage has ended
        (("firefox_dtls_hello", SILENCE), ("dtls13_hello", SILENCE)),
    ],
)
def test_less_evidence_is_no_fingerprint(hellos: tuple[tuple[str, str], ...]) -> None:
    assert conclusion(with_hellos(*hellos)) == OTHER


def test_fingerprint_needs_the_helpers_answer_to_the_same_form() -> None:
    """Test a server that answers the other form alone, from everywhere."""
    assert verdict(with_hellos(FIREFOX, AGAIN, FIREFOX, control=SILENCE)) == (
        *("insufficient", []),
        "unknown_callers_unanswered",
    )
    assert conclusion(with_hellos(FIREFOX, AGAIN, FIREFOX, control=None)) == ("impaired", [])


def test_entry_that_contradicts_its_label_counts_for_nothing() -> None:
    assert conclusion(with_hellos(FIREFOX, AGAIN, FIREFOX, hello="openssl")) == OTHER


def test_hello_that_is_lost_to_the_echo_too_is_blocked() -> None:
    lost = {"outcome": f"echo:{TIMEOUT}"}
    assert verdict(echoed({}, lost)) == ("blocked", ["dtls.timeout.payload"], "call_lost_at_echo_too")
    assert conclusion(echoed({}, {})) == OTHER
    assert conclusion(echoed(lost, lost)) == ("likely_blocked", ["udp.timeout"])


def test_form_comes_before_the_loss_at_the_echo() -> None:
    """Test a form that is dropped everywhere: the echo loses it too, and calls of other programs pass."""
    lines = echoed({}, {"outcome": f"echo:{TIMEOUT}"}, with_hellos(FIREFOX, AGAIN, FIREFOX))
    assert verdict(lines) == BY_FORM


def test_exchanged_ends_of_the_hello_alone_are_tampering() -> None:
    assert verdict(echoed({}, {"swapped": 3})) == ("blocked", ["dtls.tampering"], "call_tampered")
    for other in ({"changed": True}, {"swapped": 3}):
        assert verdict(echoed(other, {"swapped": 3})) == ("impaired", [], "call_datagrams_changed")


def test_server_that_is_silent_everywhere_is_accused_of_nothing() -> None:
    assert verdict(server(control=SILENCE)) == ("insufficient", [], "unknown_callers_unanswered")


def test_alert_proves_nothing_and_accuses_nothing() -> None:
    outcome = "payload:unknown_failure: dtls: alert 40"
    assert verdict(server(outcome, response="alert")) == ("impaired", [], "call_answers_otherwise")


def test_silence_here_alone_is_likely_blocked() -> None:
    assert verdict(server()) == (*OTHER, "call_silent_here")
    assert verdict(server(control=None)) == ("impaired", [], "no_control")
    assert conclusion(server(UNREACHABLE)) == ("likely_blocked", ["ip.unreachable"])
