"""Test the count of hops in accusing verdicts, with made-up verdicts."""

from typing import Any

import pytest

from probe.lab.scenario.expectations import Expectation
from probe.lab.scoring.places import by_mechanisms, totals
from probe.lab.scoring.score import Tally, Trial, tally
from probe.lab.scoring.score_files import Score
from probe.lab.scoring.score_table import against_aims, sentences

SNI = ["tls.reset.sni"]


def verdict(mechanisms: list[str], hop: int | None = None, reason: str | None = None, **keys: Any) -> dict[str, Any]:
    where = None if hop is None else {"ttl": hop, "address": None, "asn": None}
    record = {"service": "a/web", "state": "blocked", "mechanisms": mechanisms, "hop": where, "hop_reason": reason}
    return record | keys


def counted(*records: dict[str, Any], hops: tuple[int, ...] = (4,), expect: dict[str, Any] | None = None) -> Tally:
    expectation = Expectation.model_validate({"state": "blocked"} if expect is None else expect)
    return tally(Trial("made", 0, records), {"a/web": expectation}, ["a/web"], censor_hop=4, censor_hops=hops)


EVERY = counted(
    verdict(SNI, 4),
    verdict(SNI, 5),
    verdict(SNI, reason="not_searched"),
    verdict(["tls.policing"], reason="rate"),
    verdict(["dns.nxdomain"], reason="resolver"),
    verdict(["dns.nxdomain"], 4),
    verdict(["dns.nxdomain", "tls.reset.sni"], reason="not_found"),
    verdict(SNI, 4, state="impaired"),
    verdict([]),
)


def test_outcomes_are_right_wrong_or_the_reason() -> None:
    known, placeless = totals(EVERY.places)
    assert known == {"right": 2, "wrong": 1, "not_searched": 1, "not_found": 1}
    assert placeless == {"rate": 1, "resolver": 1}


def test_table_has_a_row_for_each_set_of_mechanisms() -> None:
    assert by_mechanisms(EVERY.places)[1:] == [
        ("dns.nxdomain", "2", "1", "0", "resolver 1"),
        ("dns.nxdomain, tls.reset.sni", "1", "0", "0", "not_found 1"),
        ("tls.policing", "1", "0", "0", "rate 1"),
        ("tls.reset.sni", "3", "1", "1", "not_searched 1"),
    ]


@pytest.mark.parametrize(
    ("hops", "expect", "found", "outcome"),
    [
        ((4,), None, 4, "right"),
        ((4, 5), None, 4, None),  # the verdict may be about either censor
        ((), None, 4, None),
        ((4, 5), {"hop": 5}, 5, "right"),
        ((5,), {"hop": "censor"}, 4, "right"),
        ((4,), {"hop": "none"}, 4, "wrong"),
        ((4,), {"hop": "none"}, None, "none expected"),
        ((4,), {"state": ["likely_blocked", "down"]}, 4, None),  # perhaps no censor
        ((4,), {"state": ["likely_blocked", "impaired"]}, 4, "right"),
        ((4,), {}, None, "not_found"),
    ],
)
def test_truth_is_the_expected_hop_or_that_of_the_only_censor(
    hops: tuple[int, ...], expect: dict[str, Any] | None, found: int | None, outcome: str | None
) -> None:
    places = counted(verdict(SNI, found, None if found else "not_found"), hops=hops, expect=expect).places
    assert places == ({} if outcome is None else {"tls.reset.sni": {outcome: 1}})


def test_tallies_add_up() -> None:
    whole = counted(verdict(SNI, 4))
    whole += counted(verdict(SNI, 4), verdict(SNI, 3))
    assert whole.places == {"tls.reset.sni": {"right": 2, "wrong": 1}}


def test_sentences_and_aims_have_the_figures() -> None:
    score = Score("abc", "1", {"made": "standard"}, {"made": EVERY})
    printed = list(sentences(score))
    assert "accusing verdicts under a censor: 2 of 5 have the right hop (40.00%), 1 a wrong one" in printed
    assert "without a hop: not_found 1, not_searched 1" in printed
    assert "verdicts whose interference shows no place: rate 1, resolver 1" in printed
    rows = against_aims(score)
    assert [row for row in rows if "hop" in row[0] and "missed" in row[2]] == [
        ("accusing verdicts under a censor with the right hop", "2 of 5 (40.00%)", "at least 90%: **missed**"),
        ("wrong hops among those named", "1 of 3", "at most 3%: **missed**"),
    ]


def test_score_without_places_prints_none() -> None:
    score = Score("abc", "1", {"made": "standard"}, {"made": Tally(1)})
    assert not [line for line in sentences(score) if "hop (" in line or "without a hop" in line]
    assert not [row for row in against_aims(score) if "censor" in row[0]]
