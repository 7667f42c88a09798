"""Test verdicts on handshakes that fail beside other connections to the same network, and pass alone."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.exchanges.tls import ParallelHellos
from probe.formats.transactions import StreamEnd
from tests.support.measurements.lines import GENUINE, Lines

HOST, TIMEOUT, RESET = "web.telegram.org", "tls:generic_timeout_error", "tls:connection_reset"
URL = f"https://{HOST}:443/"
Parts = dict[str, Any]


def beside(
    most: int, elsewhere: int | None = None, crowded: int = 9, answered: int = 4, later: int = 0, in_run: int = 0
) -> Parts:
    """Return what was open beside a hello, to other addresses unless `elsewhere` says less."""
    others = most if elsewhere is None else elsewhere
    about = {"open": most, "most": most, "elsewhere": others, "crowded": crowded, "crowded_answered": answered}
    return {"parallel": ParallelHellos(**about, later=later, most_in_run=in_run)}


def silent(*, acked: bool | None = False) -> Parts:
    """Return what the connection of an unanswered hello of 517 bytes shows. `acked` None: not known."""
    told = {} if acked is None else {"bytes_acked": 518 if acked else 1}
    return {"stream": StreamEnd(bytes_sent=517, silence=4.0, **told)}


CROWDED = beside(8) | silent()
ALONE = beside(0)
PASSED_AT_CONTROL = beside(4)


def side_by_side(**parts: Any) -> Lines:
    """Return a measurement whose own flows failed beside others. `alone` None: it was not repeated alone."""
    lines, failed = Lines({"web": [URL]}), parts.get("failed", TIMEOUT)
    lines.lookup(HOST, GENUINE)
    lines.encrypted(HOST, GENUINE)
    lines.innocuous(URL, GENUINE, parts.get("innocuous", "ok"))
    lines.first(URL, GENUINE, failed, t0=1.0, t=5.0, **parts.get("first", CROWDED))
    lines.confirm(URL, GENUINE, failed, t0=6.0, t=16.0, **parts.get("confirm", CROWDED))
    if (at_neutral := parts.get("neutral", "ok")) is not None:
        lines.neutral(URL, at_neutral, t0=17.0, t=18.0)
    if (alone := parts.get("alone", "ok")) is not None:
        lines.confirm(URL, GENUINE, alone, t0=90.0, t=91.0, **parts.get("beside", ALONE))
    lines.control(URL, GENUINE, parts.get("at_control", "ok"), **parts.get("control", PASSED_AT_CONTROL))
    return lines


def judged(lines: Lines) -> tuple[str, list[str], str]:
    (record,) = judge_measurement(lines.line(), file="f.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]


POLICED = ("degraded", ["tls.policing"], "tls_policed_side_by_side")


def test_handshake_that_passes_alone_only_is_policed() -> None:
    (record,) = judge_measurement(side_by_side().line(), file="f.jsonl", number=1)
    assert (record["state"], record["mechanisms"], record["rule_id"]) == POLICED
    assert record["pass_rate"] == {"estimate": 0.44, "low": 0.19, "high": 0.73, "n": 9, "twin": 1.0}


@pytest.mark.parametrize("innocuous", ["ok", TIMEOUT])
def test_policing_need_not_depend_on_the_name(innocuous: str) -> None:
    assert judged(side_by_side(innocuous=innocuous)) == POLICED


@pytest.mark.parametrize(
    "parts",
    [
        {"first": beside(8) | silent(acked=True), "confirm": beside(8) | silent(acked=True)},
        {"first": beside(8) | silent(acked=None), "confirm": beside(8) | silent(acked=None)},
        {"first": beside(8, elsewhere=2) | silent(), "confirm": beside(8, elsewhere=2) | silent()},
        {"first": beside(2) | silent(), "confirm": beside(2) | silent()},
        {"first": beside(2) | silent()},
        {"control": beside(2)},
        {"control": {}},
        {"beside": beside(0, answered=0), "first": beside(8, answered=0) | silent()},
        {"failed": RESET},
        {"first": silent(), "confirm": silent(), "beside": {}},
    ],
    ids=[
        "a server at its limit acknowledges",
        "this system does not tell acknowledgements",
        "a limit of one server",
        "few others",
        "one failure without others",
        "a limit of all servers",
        "an older helper",
        "no other hello passed",
        "the server may send resets",
        "an older measurement",
    ],
)
def test_other_causes_are_not_accused(parts: Parts) -> None:
    if parts.get("beside") == beside(0, answered=0):
        parts = parts | {"confirm": beside(8, answered=0) | silent()}
    assert judged(side_by_side(**parts))[0] == "ok"


@pytest.mark.parametrize(
    ("parts", "rule_id"),
    [
        ({}, "tls_fails_side_by_side"),
        ({"neutral": None}, "tls_fails_side_by_side"),
        ({"neutral": TIMEOUT}, "failure_follows_name_to_neutral_host"),
        ({"at_control": TIMEOUT}, "fails_everywhere"),
        ({"innocuous": TIMEOUT}, "tls_fails_side_by_side"),
        (
            {"innocuous": TIMEOUT, "confirm": beside(8, later=2) | silent()},
            "fails_again_for_any_name",
        ),
        ({"innocuous": TIMEOUT, "confirm": beside(8, later=2) | silent(acked=True)}, "tls_fails_side_by_side"),
        ({"first": beside(2) | silent()}, "failure_follows_name_at_this_address"),
        ({"alone": TIMEOUT, "beside": beside(0) | silent()}, "failure_follows_name_at_this_address"),
        ({"alone": TIMEOUT, "beside": CROWDED}, "tls_fails_side_by_side"),
    ],
    ids=[
        "not repeated",
        "no neutral host",
        "the name fails elsewhere",
        "the server is down",
        "any name fails",
        "any name fails while other addresses answer",
        "servers at their limit count in another order",
        "one failure without others",
        "fails alone too",
        "not repeated alone",
    ],
)
def test_failures_beside_others_accuse_only_after_a_repetition_alone(parts: Parts, rule_id: str) -> None:
    lines = side_by_side(**{"alone": None} | parts)
    assert judged(lines)[2] == rule_id


FEW_NEAR = {"most": 1, "crowded": 0, "answered": 0}
AT_LIMIT = beside(**FEW_NEAR, in_run=9) | silent(acked=True)
QUIET = beside(**FEW_NEAR, in_run=0) | silent(acked=True)


@pytest.mark.parametrize(
    ("parts", "state", "rule_id"),
    [
        ({"alone": None}, "impaired", "tls_fails_side_by_side"),
        ({"alone": None, "innocuous": TIMEOUT}, "impaired", "tls_fails_side_by_side"),
        ({"alone": TIMEOUT, "beside": AT_LIMIT}, "impaired", "tls_fails_side_by_side"),
        ({"alone": "ok", "beside": QUIET}, "ok", "http_answers"),
        ({"alone": TIMEOUT, "beside": QUIET}, "blocked", "failure_follows_name_at_this_address"),
        ({"alone": None, "neutral": TIMEOUT}, "blocked", "failure_follows_name_to_neutral_host"),
        ({"alone": None, "at_control": TIMEOUT}, "down", "fails_everywhere"),
    ],
    ids=[
        "not repeated",
        "any name fails",
        "repeated, but not alone",
        "passes alone",
        "fails alone too",
        "the name fails at a neutral host",
        "the server is down",
    ],
)
def test_silent_servers_in_several_networks_may_share_a_limit(parts: Parts, state: str, rule_id: str) -> None:
    lines = side_by_side(**{"first": AT_LIMIT, "confirm": AT_LIMIT} | parts)
    assert (judged(lines)[0], judged(lines)[2]) == (state, rule_id)


@pytest.mark.parametrize("parts", [silent(), beside(**FEW_NEAR, in_run=2) | silent(acked=True)])
def test_path_and_lone_connections_are_no_limit_of_servers(parts: Parts) -> None:
    hellos = beside(**FEW_NEAR, in_run=9) | parts
    assert judged(side_by_side(alone=None, first=hellos, confirm=hellos))[0] == "blocked"


def at_once(open_beside: int = 0, not_again: int | None = 0) -> Parts:
    """Return what is beside a hello that did not wait until the network was quiet."""
    beside_it = {"open": open_beside, "most": 8, "elsewhere": 8, "crowded": 9, "crowded_answered": 4}
    return {"parallel": ParallelHellos(**beside_it, not_again=not_again)} | silent()


@pytest.mark.parametrize(
    ("alone", "beside", "rule_id"),
    [
        (TIMEOUT, at_once(), "failure_follows_name_at_this_address"),
        (TIMEOUT, at_once(not_again=1), "tls_fails_side_by_side"),
        (TIMEOUT, at_once(not_again=None), "tls_fails_side_by_side"),
        (TIMEOUT, at_once(open_beside=1), "tls_fails_side_by_side"),
        ("ok", at_once(), "tls_policed_side_by_side"),
    ],
    ids=["fails", "a name was not answered again", "an older measurement", "beside another one", "passes"],
)
def test_repetition_need_not_wait_if_all_names_are_answered_again(alone: str, beside: Parts, rule_id: str) -> None:
    assert judged(side_by_side(alone=alone, beside=beside))[2] == rule_id
