"""Test the verdict about the network against the expectations of scenarios, on their recordings."""

import gzip
import json
from functools import cache
from typing import Any

import pytest

from probe.analysis.engines.duckdb_engine import DuckDBEngine
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.pipeline.run_tables import WITNESSES
from probe.analysis.rules.regime_rules import REGIMES
from probe.analysis.run_result.runs import RunVerdicts
from probe.analysis.verdicts.network_regimes import RegimeVerdict, judge_regime
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.verdicts import judge_each
from probe.lab.recordings import RECORDED
from probe.lab.scenario.bundled_scenarios import scenario_names
from probe.lab.scenario.expectations import network_differences
from probe.lab.scenario.scenario import Scenario, find_scenario, load_scenario

QUIET = {"unknown", "open"}
NO_ACCUSATION = {"captive", "international_cut", "few_ports", "udp_blocked", "udp_limited", "mail_ports_closed"}
"""Regimes whose sentences name other causes too: a hotel's page, a mobile account without credit, a company."""


@cache
def load(name: str) -> Scenario:
    return load_scenario(find_scenario(name))


EXPECTED = [name for name in scenario_names() if load(name).expect_network]
LOOK_ALIKES = [name for name in scenario_names() if load(name).look_alike]


@cache
def run_of(name: str) -> RunVerdicts:
    """Return the verdicts of the last run in a scenario's recording."""
    with gzip.open(RECORDED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        measurements: list[dict[str, Any]] = [json.loads(line) for line in lines]
    run = RunVerdicts()
    for (_, _, measurement), records in judge_each([(name, n, one) for n, one in enumerate(measurements, 1)]):
        run.add(records, measurement)
    return run


def verdict_on(name: str) -> RegimeVerdict:
    found = run_of(name).regime()
    assert found is not None
    return found


@pytest.mark.parametrize("name", EXPECTED)
def test_network_is_as_the_scenario_expects(name: str) -> None:
    assert network_differences(load(name).expect_network, [dict(verdict_on(name))]) == []


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alike_has_no_regime_that_accuses(name: str) -> None:
    found = verdict_on(name)
    accusing = {found["regime"], *found["restrictions"]} - QUIET - NO_ACCUSATION
    interfered = any(record["state"] in {"blocked", "degraded"} for record in run_of(name).records)
    assert not accusing or interfered, found


CONTRADICTIONS = {
    "allowlist_name": ("whatever name", "with any name,"),
    "allowlist_address": ("by its name", "Other names pass"),
    "port_443_reset": ("by its name", "Other names pass"),
    "international_cut": ("blocked", "reaches the server"),
    "captive": ("blocked", "reaches the server"),
}
"""Phrases about a service that the sentence of a regime contradicts."""


@pytest.mark.parametrize("name", EXPECTED)
def test_sentences_about_services_do_not_contradict_the_regime(name: str) -> None:
    found = verdict_on(name)
    wrong = [
        phrase for regime in (found["regime"], *found["restrictions"]) for phrase in CONTRADICTIONS.get(regime, ())
    ]
    said = [f"{plain_sentence(record)} {record['because']}" for record in run_of(name).records]
    assert [sentence for sentence in said if any(phrase in sentence for phrase in wrong)] == []


def test_every_regime_has_a_scenario_and_witnesses() -> None:
    expected = [wanted for name in EXPECTED if (wanted := load(name).expect_network)]
    assert {each.regime for each in expected}.union(*(each.restrictions for each in expected)) >= {*REGIMES}
    assert WITNESSES.keys() == {*REGIMES}
    for name in EXPECTED:
        assert [each["regime"] for each in verdict_on(name)["regimes"] if not each["witnesses"]] == [], name


@pytest.mark.parametrize("name", ["port-443-reset", "allowlist-strict", "udp-blocked", "vpn", "dns-nxdomain"])
def test_duckdb_gives_the_same_verdict(name: str) -> None:
    run = run_of(name)
    with DuckDBEngine() as duckdb, SQLiteEngine() as sqlite:
        found = [judge_regime(run.records, run.network_facts, engine) for engine in (duckdb, sqlite)]
    assert found[0] == found[1]
