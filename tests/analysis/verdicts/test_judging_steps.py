"""Test that the steps shown for a measurement are those that judged it, and that their conditions hold."""

import gzip
import json
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from probe.analysis.ruleset.tables import RULES, rule_of
from probe.analysis.verdicts.measurement_tables import ask
from probe.analysis.verdicts.step_records import STEPS, Explanation, Match, explain
from probe.analysis.verdicts.verdicts import judge_measurement, reason_unusable
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.analysis.rules.test_every_rule_fires import RECORDED

SCENARIOS = ("sni-reset", "dns-injection", "stun-drop", "captive-portal", "starttls-stripped", "no-ipv6", "web")


def recorded(scenario: str) -> list[dict[str, Any]]:
    with gzip.open(RECORDED / f"{scenario}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def explained(scenario: str) -> list[tuple[dict[str, Any], Explanation]]:
    given = [sample for sample in SAMPLES.values() if reason_unusable(sample) is None]
    lines = given if scenario == "ooni" else recorded(scenario)
    return [(line, explain(line, file="a", number=3)) for line in lines]


def holds(match: Match) -> bool:
    """Return whether SQLite finds each part of the condition true for the values shown with it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        answers = [
            connection.execute(
                f"SELECT {part} FROM (SELECT {', '.join(f'? AS {name}' for name in values) or '1'})",
                list(values.values()),
            ).fetchone()[0]
            for part, values in match.condition
        ]
    connection.close()
    return answers == [1] * len(answers) and len(answers) > 0


@pytest.mark.parametrize("scenario", [*SCENARIOS, "ooni"])
def test_conditions_hold_for_their_values(scenario: str) -> None:
    each = (match for _, one in explained(scenario) for row in one.rows for match in row.matches)
    matches = {repr(match): match for match in each}
    assert len(matches) > 5
    assert [match for match in matches.values() if not holds(match)] == []


@pytest.mark.parametrize("scenario", [*SCENARIOS, "ooni"])
def test_records_are_those_of_the_judge_and_rest_on_a_step(scenario: str) -> None:
    for line, explanation in explained(scenario):
        assert list(explanation.records) == judge_measurement(line, file="a", number=3)
        deciding = {match.rule_id for row in explanation.rows for match in row.matches if match.decides}
        decided = [rule_of(record) for record in explanation.records if record["valid"]]
        assert {rule.key for rule in decided if rule is not None} <= deciding and None not in decided
        order = list(STEPS.values())
        places = [order.index(row.step) for row in explanation.rows]
        assert places == sorted(places)
        services = [row.subject[0] for row in explanation.rows if row.step == "service"]
        assert services == [record["service"].removeprefix(f"{record['target']}/") for record in explanation.records]


def test_address_has_one_deciding_layer_of_its_dialect() -> None:
    (_, telegram) = explained("sni-reset")[1]
    (row,) = [row for row in telegram.rows if row.subject[1:] == ("149.154.165.217",)]
    assert row.subject[0] == "https://web.telegram.org:443/"
    assert [match.table for match in row.matches] == ["address", "tcp", "tls", "http"]
    assert [match.table for match in row.matches if match.decides] == ["tls"]
    assert row.columns["tls_resets"] == 2 and "quic_attempts" not in row.columns
    tls = row.matches[2]
    assert tls.state == RULES[tls.rule_id].state and tls.mechanism == "tls.reset.sni"
    assert tls.condition[1] == ("tls_resets > 0", {"tls_resets": 2})


def test_expression_gives_the_value_of_its_column() -> None:
    line = recorded("sni-reset")[1]
    rows = [row for row in explain(line, file="a", number=2).document()["rows"] if row["step"] == "endpoint"]
    for row in rows:
        assert list(row["expressions"]) == list(row["columns"]) != []
        selected = ", ".join(f"{sql} AS {name}" for name, sql in row["expressions"].items())
        (computed,) = ask(line, f"SELECT {selected} FROM endpoint_part p WHERE p.endpoint = '{row['subject'][0]}'")
        assert computed == row["columns"]
