"""Test that a run which ended before a check accuses nothing that this check may explain, and accuses all else."""

from typing import Any

import pytest

from probe.analysis.phenomena.missing_checks import CHECKS
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.followups import FOLLOWUP_KINDS
from tests.analysis.outcomes import test_query_limits as lookups
from tests.analysis.outcomes.calls.test_calls import SILENCE, call, url_of
from tests.analysis.outcomes.test_near_filters import PASSED_ON, URL, failing, near
from tests.support.measurements.lines import GENUINE, Lines

ALL = [check.followup for check in CHECKS.values()]
NOT_MADE = ("impaired", "check_not_made")


def concluded(lines: Lines, checks: list[str] | None = ALL) -> tuple[str, str]:
    lines.run |= {"checks": checks} if checks is not None else {}
    record = judge_measurement(lines.line(), file="a.jsonl", number=1)[0]
    return record["state"], record["rule_id"]


def test_each_check_that_excludes_another_cause_has_its_rule() -> None:
    assert set(ALL) == {kind.name for kind in FOLLOWUP_KINDS.values() if kind.excludes_other_cause}


@pytest.mark.parametrize("failure", ["tcp:connection_refused", "tcp:generic_timeout_error"])
def test_connects_that_fail_accuse_only_after_packets_with_ttl_1(failure: str) -> None:
    assert concluded(failing(failure)) == NOT_MADE
    assert concluded(near(failing(failure), PASSED_ON))[0] == "likely_blocked"


@pytest.mark.parametrize("checks", [None, [], ["datagram_sizes"]])
def test_run_that_does_not_make_the_check_is_judged_as_before(checks: list[str] | None) -> None:
    assert concluded(failing(), checks)[0] == "likely_blocked"


def test_packets_with_ttl_1_to_another_address_of_the_measurement_are_enough() -> None:
    lines = Lines({"web": [URL], "calls": [other := "tcp://149.154.167.92:443"]})
    lines.lookup("web.telegram.org", GENUINE)
    lines.encrypted("web.telegram.org", GENUINE)
    for url, ip in ((URL, GENUINE), (other, "149.154.167.92")):
        lines.twice(url, ip, "tcp:connection_refused")
        lines.control(url, ip)
    lines.near(other, "149.154.167.92", PASSED_ON)
    assert concluded(lines)[0] == "likely_blocked"


def test_failure_past_the_connect_needs_no_packets_with_ttl_1() -> None:
    lines = failing("tls:connection_reset")
    lines.innocuous(URL, GENUINE)
    assert concluded(lines)[0] in {"blocked", "likely_blocked"}


def test_service_that_fails_at_the_control_too_is_down() -> None:
    assert concluded(failing(control="tcp:connection_refused"))[0] == "down"


def long_call(kind: str = "turn", **more: Any) -> Lines:
    lines = call(kind, **more)
    lines.echo_port = 3478
    lines.near(url_of(kind), GENUINE, PASSED_ON)
    return lines


@pytest.mark.parametrize("kind", ["turn", "sip"])
def test_long_datagrams_accuse_only_after_their_sizes_were_tried(kind: str) -> None:
    assert concluded(long_call(kind)) == NOT_MADE
    lines = long_call(kind)
    lines.sizes(url_of(kind), 48, 512, 1232)
    assert concluded(lines)[0] == "likely_blocked"


def test_short_datagrams_and_a_helper_without_echo_need_no_sizes() -> None:
    assert concluded(long_call("stun"))[0] == "likely_blocked"
    lines = long_call("turn")
    lines.echo_port = 0
    assert concluded(lines)[0] == "likely_blocked"


def test_datagram_that_is_lost_at_the_echo_beside_a_random_one_is_blocked() -> None:
    lines = long_call("turn")
    lines.echo(url_of("turn"))
    lines.echo(url_of("turn"), f"echo:{SILENCE.partition(':')[2]}", payload="stun")
    assert concluded(lines)[0] == "blocked"


def test_lookup_that_fails_accuses_only_after_it_was_repeated() -> None:
    repetition = [CHECKS["repetition"].followup]
    assert concluded(lookups.failed(), repetition) == NOT_MADE
    assert concluded(lookups.failed())[0] == "impaired"  # by the first rule of several about checks not made
    lines = lookups.failed()
    lookups.repeated(lines, lookups.REFUSED)
    assert concluded(lines, repetition)[0] == "likely_blocked"
