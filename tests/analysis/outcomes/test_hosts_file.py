"""Test verdicts about names that the user's own hosts file answers, and about censors of names beside it."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import FORGED, GENUINE, Lines

HOST = "web.telegram.org"
URL = f"https://{HOST}:443/"
NXDOMAIN, TIMEOUT = "dns_nxdomain_error", "generic_timeout_error"


def hosts_file(answer: str, *, own: list[str] | str = GENUINE, marked: bool = True, truth: str = "ok") -> Lines:
    """Return a false answer of the library that stands in the hosts file, and the answer to our own query.

    `truth` is what an attempt at the real address shows.
    """
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, answer)
    for _, entry in lines.probe.entries:
        entry.x_in_hosts_file = marked or None  # type: ignore[attr-defined]
    lines.own_udp(HOST, [own] if own == GENUINE else own)  # type: ignore[list-item]
    lines.first(URL, answer, f"tcp:{TIMEOUT}")
    lines.encrypted(HOST, GENUINE)
    lines.alternative(URL, GENUINE, truth)
    lines.public_udp(HOST, [GENUINE])
    return lines


def conclusion(lines: Lines) -> tuple[Any, ...]:
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["rule_id"], record["cause_place"]


@pytest.mark.parametrize("answer", ["0.0.0.0", "127.0.0.1", FORGED])
def test_a_false_address_of_the_hosts_file_is_filtered_on_this_computer(answer: str) -> None:
    assert conclusion(hosts_file(answer)) == ("filtered_locally", "name_in_hosts_file", "this_computer")
    assert conclusion(hosts_file(answer, marked=False))[0] == "blocked"  # other sources of the system have no proof


def test_the_true_address_in_the_hosts_file_is_fine() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, GENUINE)
    for _, entry in lines.probe.entries:
        entry.x_in_hosts_file = True  # type: ignore[attr-defined]
    lines.encrypted(HOST, GENUINE)
    lines.first(URL, GENUINE)
    assert conclusion(lines)[0] == "ok"


@pytest.mark.parametrize("own", [[FORGED], NXDOMAIN])
def test_a_censor_of_the_name_is_not_hidden_by_the_hosts_file(own: list[str] | str) -> None:
    assert conclusion(hosts_file("0.0.0.0", own=own))[0] == "blocked"


def test_an_injector_at_public_resolvers_is_not_hidden_by_the_hosts_file() -> None:
    lines = hosts_file(FORGED)
    lines.public_udp(HOST, [FORGED])
    assert conclusion(lines)[0] == "blocked"


def test_a_block_behind_the_true_address_is_not_hidden_by_the_hosts_file() -> None:
    lines = hosts_file("0.0.0.0", truth="tls:connection_reset")
    lines.twice(URL, GENUINE, "tls:connection_reset")
    lines.innocuous(URL, GENUINE)
    lines.neutral(URL, "tls:connection_reset")
    lines.control(URL, GENUINE)
    assert conclusion(lines)[0] in {"blocked", "likely_blocked", "degraded"}


def test_without_another_source_nothing_is_said_about_the_hosts_file() -> None:
    lines = Lines({"web": [URL]})
    lines.lookup(HOST, FORGED)
    for _, entry in lines.probe.entries:
        entry.x_in_hosts_file = True  # type: ignore[attr-defined]
    assert conclusion(lines)[0] == "insufficient"
