"""Test that every rule decides a verdict in the recording of at least one scenario.

`python -m tests.analysis.rules.test_every_rule_fires` prints the rules that decide in no recording.
"""

import gzip
import json
from functools import cache
from pathlib import Path

import pytest

from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.features.rows import AddressRow
from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.rules.rule import ACCUSING
from probe.analysis.ruleset.tables import RULES, TABLES, tables_for
from probe.analysis.run_result.run_targets import targets_of
from probe.analysis.verdicts.app_verdicts import judge_apps
from probe.analysis.verdicts.network_regimes import judge_regime
from probe.analysis.verdicts.run_network import RunNetwork
from probe.analysis.verdicts.step_records import Decision, app_decisions_in, regime_decisions_in
from probe.analysis.verdicts.step_records import decisions_in as rows_in
from probe.analysis.verdicts.verdicts import Flattened, flat_measurement_of, judge_batch
from tests.support.measurements.feature_rows import decide
from tests.support.measurements.witnesses import WITNESSES
from tests.support.suites import DECIDING

pytestmark = pytest.mark.timeout(600)  # for machines with other load
ROOT = Path(__file__).parents[3]
RECORDED = ROOT / "probe" / "lab" / "recorded"

EXEMPT = {
    **{
        rules[-1].key: "the last rule of its table, because earlier rules cover what a row can hold"
        for _, rules in TABLES.values()
        if "undecided" in rules[-1].rule_id
    },
    "service_bug": "a bug of the probe, which no network can cause",
    "service_unread": "a line of OONI's, of a nettest that we do not judge; tests/analysis/test_ooni.py has one",
    "service_empty": "a target file must name an endpoint for each service, so only foreign measurements lack them",
    "unconfirmed:resolver": (
        "the trigger budget (P7) ended before a confirmation, and no host of that dialect has so many endpoints"
    ),
    "name_filtered_like_advertising": "public resolvers are asked in the clear; a cut recording has this rule",
    "name_filtered_on_computer": "the lab runs no resolver on the user's computer",
    "name_false_at_own_resolver_alone": "the lab runs no resolver on the user's computer",
    "name_true_at_assigned_resolver": "public resolvers are asked in the clear; a cut recording has this rule",
    "name_not_asked_at_assigned_resolver": "Ctrl-C, as a rule; tests/analysis/outcomes has one",
    "network_unchecked": "our probe checks the network beside each confirmation",
    "network_unchecked:dns": "our probe checks the network beside each query to other resolvers",
    "address_answer_unchecked": "our probe checks the network once a minute",
    **{
        key: "made from packet captures; tests/captures has them"
        for key, rule in RULES.items()
        if key.startswith("capture_") and rule.state not in ACCUSING
    },
    "name_contested": "a helper supports a forged answer; tests/analysis/outcomes/test_false_controls.py has one",
    "address_quic_not_installed": "an extra is not installed; tests/analysis/outcomes/test_quic.py has one",
    **{
        f"check_not_made{layer}": "Ctrl-C, as a rule; tests/analysis/outcomes/test_missing_checks.py has one"
        for layer in ("", ":dns", ":turn", ":sip", ":dtls", ":quic")
    },
    "not_reached:dtls": "no layer below DTLS can fail first, and no connection is shared",
    "local_fault:dtls": "a fault of this computer; descriptors-short has it for STUN, by the same condition",
    "interrupted:dtls": "Ctrl-C, which no network causes; interrupted has it for STUN, by the same condition",
    "unconfirmed:dtls": "two failures of different kinds; mail-and-calls-cut has them for STUN, by the same condition",
    **{
        f"reset_among_random_resets:{table}": "chance decides; random-resets-protocols has the others, of one form"
        for table in ("resolver", "sip")
    },
    "http_redirected_once": "a notice, then another failure; tests/analysis/outcomes/test_protocols.py has one",
    **dict.fromkeys(
        ("name_comparison_unrecorded", "dns_comparison_unrecorded", "http_page_is_elsewhere_once"),
        "a measurement of an earlier version; tests/analysis/outcomes/test_earlier_versions.py has one",
    ),
    "not_reached:quic": "no layer below QUIC can fail first, and no connection is shared",
}
"""Rules that no behaviour of a network can reach, with the reason. None of them accuses."""

ACCUSES_ELSEWHERE = {
    "dns_known_forgery": "tests/analysis/ooni_import/test_known_forgeries.py",
    **dict.fromkeys(
        (f"capture_answer_raced:dns:{forged}" for forged in ("bogon", "other")),
        "tests/captures/test_capture_verdicts.py",
    ),
    **dict.fromkeys(
        (f"port_443_reset_for_all:tcp:{way}" for way in ("refused", "reset")),
        "tests/analysis/outcomes/test_neutral_failures.py",
    ),
}
"""Rules that accuse, and need a capture, an end by Ctrl-C or a real country, with the file whose tests have them."""


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
    return set[str]().union(*fired_by_recording().values())


def fired_by_recording() -> dict[str, frozenset[str]]:
    """Return the ids of the rules that decide in each recording."""
    return {path.name.removesuffix(".jsonl.gz"): _fired(path) for path in RECORDED.glob("*.jsonl.gz")}


def never_fired() -> list[str]:
    """Return the ids of the rules that decide in no recording and are not exempt, in the order of the tables."""
    needed = fired()
    return [rule_id for rule_id in RULES if rule_id not in needed | EXEMPT.keys() | ACCUSES_ELSEWHERE.keys()]


def test_every_rule_decides_in_a_scenario() -> None:
    assert never_fired() == []


def test_listed_recordings_are_enough() -> None:
    """Test that `make test` looks closer at a recording for every rule: see `deciding_recordings.py`."""
    by_recording = fired_by_recording()
    listed = set[str]().union(*(by_recording[name] for name in DECIDING))
    assert fired() - listed == set(), "python -m tests.analysis.rules.deciding_recordings"


def test_exempt_rules_decide_in_no_scenario() -> None:
    """Keep the list current."""
    assert EXEMPT.keys() & fired() == set()


@pytest.mark.parametrize("rule_id", EXEMPT)
def test_exempt_rule_holds_for_its_witness_and_accuses_nothing(rule_id: str) -> None:
    (table,) = (name for name, (_, rules) in TABLES.items() if rule_id in {rule.key for rule in rules})
    kind = TABLES[table][0]
    (decided,) = decide(_engine(), [kind(**WITNESSES[table][rule_id])], tables_for(kind))
    assert decided[table] == rule_id
    assert RULES[rule_id].state not in ACCUSING


@pytest.mark.parametrize("rule_id", ACCUSES_ELSEWHERE)
def test_rule_that_accuses_elsewhere_has_a_witness_and_a_test(rule_id: str) -> None:
    (table,) = (name for name, (_, rules) in TABLES.items() if rule_id in {rule.key for rule in rules})
    kind = TABLES[table][0]
    (decided,) = decide(_engine(), [kind(**WITNESSES[table][rule_id])], tables_for(kind))
    assert decided[table] == rule_id and RULES[rule_id].state in ACCUSING
    assert f'"{RULES[rule_id].rule_id}"' in (ROOT / ACCUSES_ELSEWHERE[rule_id]).read_text(encoding="utf-8")


def test_row_counts_only_for_its_own_dialect() -> None:
    """Leave out tables of other dialects, because `not_reached:tcp` holds for every datagram row."""
    (recording,) = RECORDED.glob("stun-drop.jsonl.gz")
    decided = {rule_id for decision in decisions_in(recording) for rule_id in decision.rules.values()}
    assert "not_reached:mail" in decided
    assert "call_lost_at_echo_too:stun" in _fired(recording) and "not_reached:mail" not in _fired(recording)


if __name__ == "__main__":
    print("\n".join(never_fired()))
