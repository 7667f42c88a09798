"""Test addresses that only the control supports: they make no accusation, and no forged answer true."""

from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.formats.entries import DNSQuery
from tests.support.measurements.lines import FORGED, GENUINE, SECOND, Lines

URL = "https://web.telegram.org:443/"
HOST = "web.telegram.org"
SILENT = "tcp:generic_timeout_error"


def judged(made: Lines) -> dict[str, Any]:
    (record,) = judge_measurement(made.line(), file="x.jsonl", number=1)
    return record


def lines() -> Lines:
    return Lines({"web": [URL]})


def honest(made: Lines) -> Lines:
    """Let the control tell the truth."""
    made.control_lookup(HOST, GENUINE)
    made.control(URL, GENUINE)
    return made


def confirmed(made: Lines) -> Lines:
    """Let the control support the forged answer, and claim that all works there."""
    made.control_lookup(HOST, FORGED)
    made.control(URL, FORGED)
    made.control(URL, GENUINE)
    return made


def forged(*datagrams: list[str], works: str = SILENT) -> Lines:
    """Return a forged answer of the system resolver. The encrypted resolver's address shows a valid certificate."""
    made = lines()
    made.lookup(HOST, FORGED)
    if datagrams:
        made.own_udp(HOST, *datagrams)
    made.encrypted(HOST, GENUINE)
    made.first(URL, FORGED, works, address_sources=["system"])
    made.alternative(URL, GENUINE)
    return made


def test_confirmed_forgery_is_neither_ok_nor_blocked() -> None:
    record = judged(confirmed(forged()))
    assert (record["state"], record["endpoints"][0]["rule_id"]) == ("impaired", "name_contested")


@pytest.mark.parametrize("works", [SILENT, "tls:ssl_unknown_authority"])
def test_confirmed_forgery_that_is_refuted_here_stays_accused(works: str) -> None:
    """Check an answer beside which the true one arrived, and a server without a certificate for the name."""
    race = [[FORGED], [GENUINE]] if works == SILENT else []
    told, true = judged(confirmed(forged(*race, works=works))), judged(honest(forged(*race, works=works)))
    assert told["state"] == true["state"] == "blocked"


def test_confirmed_answer_that_works_is_ok() -> None:
    """Check an honest control that was sent to the same one of two networks."""
    assert judged(confirmed(forged(works="ok")))["state"] == "ok"


@pytest.mark.parametrize("here", [False, True])
def test_dead_address_that_only_the_control_names_accuses_nothing(here: bool) -> None:
    made = lines()
    made.lookup(HOST, GENUINE, *([SECOND] if here else []))
    made.twice(URL, GENUINE, SILENT)
    made.twice(URL, SECOND, SILENT, address_sources=["system" if here else "control"])
    made.control_lookup(HOST, GENUINE, SECOND)
    made.control(URL, GENUINE, SILENT)
    made.control(URL, SECOND)
    assert judged(made)["state"] == ("likely_blocked" if here else "down")


def test_control_cannot_move_an_address_to_another_network() -> None:
    """Check a stale address in the service's own network. The control says in another answer that it is elsewhere."""
    made = lines()
    made.lookup(HOST, SECOND)
    made.encrypted(HOST, GENUINE)
    made.first(URL, SECOND, SILENT, address_sources=["system"])
    made.alternative(URL, GENUINE)
    made.control_lookup("other.example", SECOND)
    for _, entry in made.at_control.entries:
        assert isinstance(entry, DNSQuery)
        entry.answers[0].asn = 64500
    assert judged(made)["endpoints"][0]["rule_id"] == "dns_stale_answer_here"
