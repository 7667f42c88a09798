"""Test verdicts about a resolver that refuses some queries of a client, and about one that refuses one name."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, SECOND, Lines

HOST, OTHER = "web.telegram.org", "t.me"
URL, OTHER_URL = f"https://{HOST}:443/", f"https://{OTHER}:443/"
REFUSED, SERVFAIL, TIMEOUT, NXDOMAIN = (
    "dns_refused_error",
    "dns_servfail_error",
    "generic_timeout_error",
    "dns_nxdomain_error",
)
LIMITED = ("impaired", "dns_resolver_limits_queries", "own_load")


def failed(failure: str = REFUSED) -> Lines:
    """Return a name that the resolver fails for, while it answers for an innocuous one. Its address is proven."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, failure=failure)
    lines.own_udp(HOST, failure)
    lines.resolver_answers(t0=0.1, t=0.2)
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE)
    lines.public_udp(HOST, [GENUINE])
    return lines


def repeated(lines: Lines, *answer: list[str] | str, host: str = HOST) -> None:
    """Add the query for the name after a rest."""
    about: dict[str, Any] = {"kind": "followup", "followup": "same_name_system_resolver", "hostname": host}
    record = lines.probe.open(sent_name=host, address="system", t0=8.0, t=8.1, **about)
    lines._udp(record, host, "system", answer, ())


def given_after_a_rest() -> Lines:
    lines = failed()
    repeated(lines, [GENUINE])
    return lines


def conclusion(lines: Lines) -> tuple[Any, ...]:
    record = judge_measurement(lines.line(), file="a.jsonl", number=1)[0]
    return record["state"], record["rule_id"], record["way"]


@pytest.mark.parametrize("failure", [REFUSED, SERVFAIL])
def test_a_name_that_is_given_after_a_rest_is_not_accused(failure: str) -> None:
    lines = failed(failure)
    assert conclusion(lines)[0] == "likely_blocked"
    repeated(lines, [GENUINE])
    assert conclusion(lines) == LIMITED


@pytest.mark.parametrize("again", [REFUSED, SERVFAIL, TIMEOUT])
def test_a_name_that_fails_after_a_rest_too_is_still_accused(again: str) -> None:
    lines = failed()
    repeated(lines, *([] if again == TIMEOUT else [again]))
    assert conclusion(lines)[0] == "likely_blocked"


def test_a_denial_is_accused_whatever_comes_after_a_rest() -> None:
    lines = failed(NXDOMAIN)
    lines.resolver_answers([SECOND], name="neutral.example", t0=0.0, t=0.1)
    repeated(lines, [GENUINE])
    assert conclusion(lines)[0] in {"blocked", "likely_blocked"}


@pytest.mark.parametrize("failure", [REFUSED, SERVFAIL, "dns_server_misbehaving"])
def test_an_innocuous_name_that_fails_too_excuses_the_name(failure: str) -> None:
    lines = failed()
    lines.resolver_answers(failure, t0=0.2, t=0.3)
    assert conclusion(lines) == LIMITED


def test_an_innocuous_name_that_fails_much_later_excuses_nothing() -> None:
    lines = failed()
    lines.resolver_answers(REFUSED, t0=30.0, t=30.1)
    assert conclusion(lines)[0] == "likely_blocked"


def test_another_name_that_recovered_excuses_a_name_that_was_not_asked_for_again() -> None:
    lines = failed()
    lines.lookup(OTHER, failure=REFUSED)
    lines.encrypted(OTHER, SECOND)
    repeated(lines, [SECOND], host=OTHER)
    assert conclusion(lines) == LIMITED
    repeated(lines, REFUSED)
    assert conclusion(lines)[0] == "likely_blocked"


@pytest.mark.parametrize("failure", [REFUSED, SERVFAIL, TIMEOUT])
def test_a_lookup_that_fails_at_the_control_too_accuses_nothing(failure: str) -> None:
    lines = failed(SERVFAIL)
    lines.control_lookup(HOST, GENUINE)
    assert conclusion(lines)[0] == "likely_blocked"
    lines.control_lookup(HOST, failure=failure)
    assert conclusion(lines)[0] == "impaired"


def test_without_a_proven_address_nothing_is_said_about_blocking() -> None:
    """Show a country that is cut off: the resolver fails for every name abroad."""
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, failure=REFUSED)
    lines.resolver_answers(REFUSED, t0=0.1, t=0.2)
    lines.control_lookup(HOST, GENUINE)
    assert conclusion(lines)[:2] == ("impaired", "name_fails")


def test_a_forger_on_the_path_is_no_query_limit() -> None:
    lines = failed()
    lines.public_udp(HOST, NXDOMAIN)
    repeated(lines, [GENUINE])
    assert conclusion(lines)[1] != "dns_resolver_limits_queries"
