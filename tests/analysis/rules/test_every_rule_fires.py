"""Test that every rule decides a verdict in the recording of at least one scenario.

`python -m tests.analysis.rules.test_every_rule_fires` prints the rules that decide in no recording.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.features.rows import AddressRow
from probe.analysis.observations.index import endpoint_of
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.rules.tables import RULES, TABLES, tables_for
from probe.analysis.run_result.run_targets import targets_of
from probe.analysis.verdicts.apps import judge_apps
from probe.analysis.verdicts.decisions import Decision, app_decisions_in, regime_decisions_in
from probe.analysis.verdicts.decisions import decisions_in as rows_in
from probe.analysis.verdicts.regimes.regimes import judge_regime
from probe.analysis.verdicts.regimes.run_network import RunNetwork
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch
from tests.support.measurements.feature_rows import decide
from tests.support.measurements.witnesses import WITNESSES

pytestmark = pytest.mark.timeout(600)  # for machines with other load
RECORDED = Path(__file__).parents[3] / "probe" / "lab" / "recorded"

EXEMPT = {
    **{
        f"{table}_undecided": "the last rule of its table, because earlier rules cover what a row can hold"
        for table in TABLES
        if f"{table}_undecided" in RULES
    },
    "service_bug": "a bug of the probe, which no network can cause",
    "service_unread": "a line of OONI's, of a nettest that we do not judge; tests/analysis/test_ooni.py has one",
    "service_empty": "a target file must name an endpoint for each service, so only foreign measurements lack them",
    "resolver_unconfirmed": (
        "the trigger budget (P7) ended before a confirmation, and no host of that dialect has so many endpoints"
    ),
    "address_network_unchecked": "our probe checks the network beside each confirmation",
    "name_network_unchecked": "our probe checks the network beside each query to other resolvers",
    "address_answer_unchecked": "our probe checks the network once a minute",
    "name_contested": "a helper supports a forged answer; tests/analysis/outcomes/test_false_controls.py has one",
    "address_quic_not_installed": "an extra is not installed; tests/analysis/outcomes/test_quic.py has one",
    "dtls_not_reached": "no layer below DTLS can fail first, and no connection is shared",
    "dtls_local_fault": "a fault of this computer; descriptors-short has it for STUN, by the same condition",
    "dtls_interrupted": "Ctrl-C, which no network causes; interrupted has it for STUN, by the same condition",
    "dtls_unconfirmed": "two failures of different kinds; mail-and-calls-cut has them for STUN, by the same condition",
    **{
        f"{table}_reset_among_random_resets": "chance decides; random-resets-protocols has the others, of one form"
        for table in ("resolver", "sip")
    },
    "http_redirected_once": "a notice, then another failure; tests/analysis/outcomes/test_protocols.py has one",
    "quic_not_reached": "no layer below QUIC can fail first, and no connection is shared",
}
"""Rules that no behaviour of a network can reach, with the reason."""


@cache
def _fired(path: Path) -> frozenset[str]:
    return frozenset(rule_id for decision in decisions_in(path) for rule_id in _deciding(decision))


def decisions_in(path: Path) -> list[Decision]:
    """Return every feature row of a recording with the rules that hold for it."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        measurements = [json.loads(line) for line in lines]
    batch = [Flattened(flat_measurement_of(one), one, path.name, 1) for one in measurements]
    records = judge_batch(batch, _engine())
    judge_apps([record for each in records for record in each], targets_of(measurements), _engine())
    network = RunNetwork()
    for measurement in measurements:
        network.add(measurement)
    regimes = []
    if judge_regime([record for each in records for record in each], network, _engine()) is not None:
        regimes = regime_decisions_in(_engine())
    return [*rows_in(_engine()), *app_decisions_in(_engine()), *regimes]


@cache
def _engine() -> SQLiteEngine:
    return SQLiteEngine()  # whose statements are compiled once for all recordings


def _deciding(decision: Decision) -> list[str]:
    """Return the ids of the rules. Of an address only those of the endpoint's dialect, since others read zeros."""
    endpoint = endpoint_of(decision.subject[0]) if isinstance(decision.row, AddressRow) else None
    return [decision.rules[table] for table in (endpoint.facts.rule_tables if endpoint else decision.rules)]


def fired() -> set[str]:
    """Return the ids of the rules that decide in a recording."""
    return {rule_id for path in RECORDED.glob("*.jsonl.gz") for rule_id in _fired(path)}


def never_fired() -> list[str]:
    """Return the ids of the rules that decide in no recording and are not exempt, in the order of the tables."""
    needed = fired()
    return [rule_id for rule_id in RULES if rule_id not in needed | EXEMPT.keys()]


def test_every_rule_decides_in_a_scenario() -> None:
    assert never_fired() == []


def test_exempt_rules_decide_in_no_scenario() -> None:
    """Keep the list current."""
    assert EXEMPT.keys() & fired() == set()


@pytest.mark.parametrize("rule_id", EXEMPT)
def test_exempt_rule_holds_for_its_witness_and_accuses_nothing(rule_id: str) -> None:
    (table,) = (name for name, (_, rules) in TABLES.items() if rule_id in {rule.rule_id for rule in rules})
    kind = TABLES[table][0]
    (decided,) = decide(_engine(), [kind(**WITNESSES[table][rule_id])], tables_for(kind))
    assert decided[table] == rule_id
    assert RULES[rule_id].state not in ACCUSING


def test_row_counts_only_for_its_own_dialect() -> None:
    """Leave out tables of other dialects, because `tcp_not_reached` holds for every datagram row."""
    (recording,) = RECORDED.glob("stun-drop.jsonl.gz")
    decided = {rule_id for decision in decisions_in(recording) for rule_id in decision.rules.values()}
    assert "mail_not_reached" in decided
    assert "stun_silent_twin_echoed" in _fired(recording) and "mail_not_reached" not in _fired(recording)


if __name__ == "__main__":
    print("\n".join(never_fired()))
