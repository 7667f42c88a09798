"""Test what is said of connections that end at one age: by name, at one address, and look-alikes."""

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.measurement_reader import read_measurement
from probe.analysis.verdicts.deciding_evidence import MeasurementEvidence
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.kept_connections import (
    AGAIN,
    BY_NAME,
    ELSEWHERE,
    ELSEWHERE_AGAIN,
    EOF,
    FAST,
    NAME_ELSEWHERE,
    OTHER,
    RESET,
    SLOW,
    TIMEOUT,
    Kept,
    measured,
)

CUTOFF = "flow.cutoff.time"
SAID = {"state": "degraded", "mechanisms": [CUTOFF], "rule_id": "service_name_cut_off"}
NOTED = {"state": "ok", "mechanisms": [], "anomalies": [CUTOFF], "rule_id": "service_connections_end"}
NOTHING = {"state": "ok", "mechanisms": [], "anomalies": [], "cutoff": None}
AT_ADDRESS = (SLOW, FAST, OTHER._replace(age=5.0), ELSEWHERE, AGAIN, NAME_ELSEWHERE._replace(age=None), ELSEWHERE_AGAIN)


def changed(connections: tuple[Kept, ...], **about: object) -> tuple[Kept, ...]:
    """Return the connections of which those that ended have other properties."""
    return tuple(each._replace(**about) if each.age is not None else each for each in connections)  # type: ignore[arg-type]


def without(*left_out: Kept) -> tuple[Kept, ...]:
    return tuple(each for each in BY_NAME if each not in left_out)


def with_(*pairs: tuple[Kept, Kept]) -> tuple[Kept, ...]:
    """Return the connections by name, some of them replaced."""
    return tuple(dict(pairs).get(each, each) for each in BY_NAME)


@pytest.mark.parametrize("failure", [TIMEOUT, RESET, EOF])
def test_connections_that_end_at_one_age_by_name_work_badly(failure: str) -> None:
    (record,) = judge_measurement(measured(*changed(BY_NAME, failure=failure)), file="a", number=1)
    assert {key: record[key] for key in SAID} == SAID
    assert record["cutoff"] == {"estimate": pytest.approx(5.1, abs=0.3), "low": 4.9, "high": 5.4, "connections": 3}
    assert "after 4 to 6 seconds" in plain_sentence(record)


@pytest.mark.parametrize("failure", [TIMEOUT, RESET])
def test_connections_to_one_address_are_noted_with_any_name(failure: str) -> None:
    (record,) = judge_measurement(measured(*changed(AT_ADDRESS, failure=failure)), file="a", number=1)
    assert {key: record[key] for key in NOTED} == NOTED
    assert "the service itself" in plain_sentence(record)


def test_name_that_passes_at_a_neutral_host_is_noted_alone() -> None:
    connections = with_((NAME_ELSEWHERE, NAME_ELSEWHERE._replace(age=None)))
    (record,) = judge_measurement(measured(*connections), file="a", number=1)
    assert {key: record[key] for key in NOTED} == NOTED


@pytest.mark.parametrize(
    "connections",
    [
        (),
        (SLOW, FAST),
        without(AGAIN),  # an outage may have ended
        with_((AGAIN, AGAIN._replace(age=None))),
        with_((AGAIN, AGAIN._replace(age=9.0))),
        with_((AGAIN, AGAIN._replace(age=6.1))),  # too late for one age, and too early to have lasted
        with_((FAST, FAST._replace(age=2.4))),  # an outage ends both at one time, and not at one age
        without(ELSEWHERE, ELSEWHERE_AGAIN),
        with_((ELSEWHERE, ELSEWHERE._replace(age=5.0)), (ELSEWHERE_AGAIN, ELSEWHERE_AGAIN._replace(age=5.0))),
        # the neutral host's connections were not made at that time
        with_((ELSEWHERE, ELSEWHERE._replace(began=90.0)), (ELSEWHERE_AGAIN, ELSEWHERE._replace(began=120.0))),
        # a server that closes a connection after its fourth answer, with a FIN
        (*(each._replace(answers=4, failure=EOF) for each in (SLOW, FAST, AGAIN, OTHER)), ELSEWHERE, ELSEWHERE_AGAIN),
        # a server that limits the time of each connection, with a FIN
        changed(AT_ADDRESS, failure=EOF),
        # a server that stops to answer, and still acknowledges
        changed(AT_ADDRESS, acked=True),
        # all connections have one pace
        with_((FAST, SLOW._replace(began=12.5))),
        # a further connection under the name lasts
        (*BY_NAME, SLOW._replace(began=13.0, age=None)),
        # this computer was too busy
        changed(BY_NAME, failure="interrupted"),
        # after two answers both intervals are too near to each other
        changed(BY_NAME, age=2.0),
    ],
)
def test_look_alikes_are_not_noted(connections: tuple[Kept, ...]) -> None:
    (record,) = judge_measurement(measured(*connections), file="a", number=1)
    assert {key: record[key] for key in NOTHING} == NOTHING, record["rule_id"]


def test_address_that_ends_connections_of_any_name_is_noted_though_the_name_fails_elsewhere_too() -> None:
    for connections in (with_((OTHER, OTHER._replace(age=5.0))), (*BY_NAME, OTHER._replace(age=5.0))):
        (record,) = judge_measurement(measured(*connections), file="a", number=1)
        assert {key: record[key] for key in NOTED} == NOTED


def test_neutral_host_that_ends_its_own_connections_accuses_nothing() -> None:
    other = ELSEWHERE._replace(address="8.8.4.9")
    ended = with_((ELSEWHERE_AGAIN, ELSEWHERE_AGAIN._replace(age=5.0)), (ELSEWHERE, other))
    (record,) = judge_measurement(measured(*ended), file="a", number=1)
    assert record["state"] == "ok" and record["mechanisms"] == []


def test_nothing_is_accused_without_a_control() -> None:
    (record,) = judge_measurement(measured(*BY_NAME, control=False), file="a", number=1)
    assert {key: record[key] for key in NOTED} == NOTED


def test_page_that_breaks_off_is_cut_off_too() -> None:
    (record,) = judge_measurement(measured(*BY_NAME, breaks_off=True), file="a", number=1)
    assert {key: record[key] for key in SAID} == SAID
    (record,) = judge_measurement(measured(*without(NAME_ELSEWHERE), breaks_off=True), file="a", number=1)
    assert (record["state"], record["rule_id"], record["cutoff"]) == ("impaired", "http_stops_midway", None)


def test_engines_agree() -> None:
    found = []
    for engine in (SQLiteEngine(), DuckDBEngine()):
        with engine:
            found.append(judge_measurement(measured(*BY_NAME), file="a", number=1, engine=engine))
    assert found[0] == found[1]


def test_evidence_names_the_connections() -> None:
    measurement = measured(*BY_NAME)
    kept = {each["transaction_id"] for each in measurement["test_keys"]["x_transactions"] if each["kind"] == "followup"}
    with SQLiteEngine() as engine:
        records = judge_measurement(measurement, file="a", number=1, engine=engine)
        evidence = MeasurementEvidence(read_measurement(measurement), records, engine)
        deciding = evidence.deciding("telegram/web")
        unneeded = evidence.unneeded("telegram/web")
    assert len(kept & set(deciding)) == len(BY_NAME) - 1  # one of the two to the neutral host is enough
    assert "the connections that were kept open" not in unneeded
