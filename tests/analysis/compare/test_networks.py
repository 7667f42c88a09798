"""Test how a comparison counts what networks do to all connections, from recordings of the lab."""

import gzip
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, Comparison, compare
from probe.analysis.compare.compare import state_lines, to_json
from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.compare.terminal.text import to_text
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.report.notebook import Verdicts
from probe.analysis.rules.regime_rules import REGIMES, UNKNOWN, sentence_of
from probe.analysis.rules.rule import State
from probe.analysis.ruleset.tables import RULES
from probe.analysis.verdicts.network_regimes import Regimes, RegimeSearch, RunRows, judge_regime
from probe.analysis.verdicts.run_network import RunNetwork, StoredNetwork
from probe.analysis.verdicts.verdict_row import VerdictRow, network_text, rows_of_each
from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.recorded_runs import RECORDED
from tests.support.measurements.verdict_rows import blocked, rows, table
from tests.support.store.stores import store_of

Measurements = list[dict[str, Any]]
WHOLE = {
    "allowlist-address": "allowlist_address",
    "sni-allowlist-strict": "allowlist_name",
    "international-cut": "international_cut",
    "port-443-reset": "port_443_reset",
}
"""Recordings in which the network stops most connections."""
LOOK_ALIKES = ("transit-down", "broken-ipv6", "server-refuses-unknown-names", "lossy-badly", "network-lost")
OTHERS = ("clean", "great-firewall", "captive-portal", "dns-delisting", "dot-doh-blocked", "quic-blocked")
COUNTRIES = {"DE": "clean", "IR": "allowlist-address", "RU": "great-firewall", "TR": "captive-portal"}


@cache
def lines(name: str) -> Measurements:
    with gzip.open(RECORDED / f"{name}.jsonl.gz", "rt", encoding="utf-8") as opened:
        return [json.loads(line) for line in opened]


def run(name: str, cc: str, number: int = 0, day: str = "2026-11-24") -> Measurements:
    """Return a recording as a run of a real network."""
    made: Measurements = []
    for line in lines(name):
        keys = line["test_keys"] | {"x_run": line["test_keys"]["x_run"] | {"run_id": f"{name} {cc} {number}"}}
        start = f"{day} 13:{number:02}:00"
        place = {"probe_cc": cc, "probe_asn": "AS64500", "measurement_start_time": start, "test_start_time": start}
        made.append(line | place | {"annotations": {"number": number}, "test_keys": keys})
    return made


def verdicts(measurements: Iterable[dict[str, Any]]) -> list[VerdictRow]:
    return list(rows_of_each(("a.jsonl", number, line) for number, line in enumerate(measurements, 1)))


@cache
def world() -> tuple[VerdictRow, ...]:
    """Return runs of four countries: 5 in an allowlist, and others beside them."""
    runs = [run(name, cc) for cc, name in COUNTRIES.items()] + [run("allowlist-address", "IR", n) for n in range(1, 5)]
    return tuple(verdicts(line for one in runs for line in one))


Laid = Callable[..., Comparison]


@pytest.fixture(params=["files", "store"])
def lay(request: pytest.FixtureRequest, tmp_path: Path) -> Laid:
    """Compare measurements judged now, or those of a store."""
    folders = (tmp_path / f"store{number}" for number in count())

    def laid(*runs: Measurements, **question: Any) -> Comparison:
        whole = [line for one in runs for line in one]
        if request.param == "files":
            return compare(table(verdicts(whole)), Question(**question))
        return compare(VerdictTable.of_stores([store_of(next(folders), whole)]), Question(**question))

    return laid


def by_country(comparison: Comparison) -> dict[str, NetworkRegimes]:
    return {vantage["cc"]: networks for vantage, networks in zip(comparison.vantages, comparison.networks, strict=True)}


def cell(comparison: Comparison, service: str, cc: str) -> Cell:
    return comparison.cells[service, [vantage["cc"] for vantage in comparison.vantages].index(cc)]


# -- counts ----------------------------------------------------------------------------------------------------------


def test_each_run_counts_once_at_its_vantage_point(lay: Laid) -> None:
    runs = [run("clean", "DE"), *(run("allowlist-address", "IR", number) for number in range(3))]
    found = by_country(lay(*runs, by=("cc",)))
    assert found["DE"] == NetworkRegimes({"open": 1}, {}, "2026-11-24", "2026-11-24")
    assert found["IR"] == NetworkRegimes({"allowlist_address": 3}, {}, "2026-11-24", "2026-11-24")


@pytest.mark.parametrize("name", [*WHOLE, *OTHERS, *LOOK_ALIKES])
def test_regimes_equal_those_of_the_run(name: str) -> None:
    network, records, stored = RunNetwork(), list[dict[str, Any]](), RunRows()
    for number, line in enumerate(lines(name), 1):
        network.add(line)
        found = judge_measurement(line, file="a.jsonl", number=number)
        records += found
        stored.records += found
        stored.network.add(network_text(line))
    verdict = judge_regime(records, network)
    assert verdict is not None
    assert RegimeSearch().of([stored]) == [Regimes(verdict["regime"], tuple(verdict["restrictions"]))]


def test_run_of_two_days_is_judged_by_day(lay: Laid) -> None:
    late = [line | {"measurement_start_time": "2026-11-25 00:01:00"} for line in run("allowlist-address", "IR")]
    found = by_country(lay(run("allowlist-address", "IR")[:2], late[2:], by=("cc",)))["IR"]
    assert found.runs == 2 and (found.first, found.last) == ("2026-11-24", "2026-11-25")


def test_older_days_do_not_count() -> None:
    old = run("allowlist-address", "IR", day="2026-10-01")
    comparison = compare(table(verdicts([*old, *run("clean", "IR", 1)])), Question(by=("cc",)))
    assert by_country(comparison)["IR"].main == {"open": 1}


def test_question_about_one_service_reads_the_whole_run() -> None:
    question = Question(by=("cc",), only=(("target", "snapchat"), ("cc", "IR")))
    assert by_country(compare(table(world()), question))["IR"].main == {"allowlist_address": 5}


def test_baseline_has_its_own_count() -> None:
    comparison = compare(table(world()), Question(by=("cc",), baseline=(("cc", "DE"),)))
    assert comparison.networks[0].main == {"open": 1}
    assert by_country(comparison)["IR"].main == {"allowlist_address": 5}


def test_captive_portal_is_counted_although_no_measurement_counts() -> None:
    comparison = compare(table(world()), Question(by=("cc",)))
    assert by_country(comparison)["TR"].main == {"captive": 1}
    assert all(cell(comparison, service, "TR").now is None for service in comparison.services)


def test_measurements_that_say_nothing_have_no_regime() -> None:
    comparison = compare(table(blocked(6), rows(6, probe_cc="DE")), Question())
    assert [networks.runs for networks in comparison.networks] == [0, 0]
    assert "networks do" not in to_text(comparison)
    assert {json.loads(line)["regimes"] for line in to_json(comparison).splitlines()} == {None}


# -- cells -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "regime"), WHOLE.items())
def test_cells_of_such_a_network_say_so(lay: Laid, name: str, regime: str) -> None:
    comparison = lay(run(name, "IR"), run("clean", "DE"), by=("cc",))
    failing = [one for one in comparison.cells.values() if one.found in ("blocked", "likely_blocked")]
    assert failing or name == "international-cut"
    for one in failing:
        assert one.whole_network == {regime: 1}
        assert f"{regime} in 1 run" in state_lines(one)


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_stop_nothing_as_a_whole(lay: Laid, name: str) -> None:
    comparison = lay(run(name, "IR"), by=("cc",))
    assert not any(one.whole_network for one in comparison.cells.values())
    assert not set(WHOLE.values()) & set(by_country(comparison)["IR"].main)


def test_blocked_service_of_a_blocklist_is_not_explained_away() -> None:
    comparison = compare(table(world()), Question(by=("cc",)))
    named = [one for one in comparison.cells.values() if one.vantage["cc"] == "RU" and one.found == "blocked"]
    assert named and not any(one.whole_network for one in named)
    assert "blocklist" in by_country(comparison)["RU"].main


def test_only_runs_in_such_a_network_are_counted() -> None:
    """Check that a block by name elsewhere in the same country is not covered by one run in an allowlist."""
    service, target = "snapchat/web", "snapchat"
    own = blocked(6, service=service, target=target, probe_cc="IR", probe_asn="AS9")
    found = cell(compare(table(verdicts(run("allowlist-address", "IR")), own), Question(by=("cc",))), service, "IR")
    assert found.whole_network == {"allowlist_address": 1}
    assert found.now is not None and sum(found.now.runs.values()) == 7


def test_working_service_in_an_allowlist_is_not_marked() -> None:
    comparison = compare(table(world()), Question(by=("cc",)))
    working = [one for one in comparison.cells.values() if one.vantage["cc"] == "IR" and one.found == "ok"]
    assert working and not any(one.whole_network for one in working)


# -- outputs ---------------------------------------------------------------------------------------------------------


def test_text_has_a_row_per_vantage_point_and_explains_the_words() -> None:
    text = to_text(compare(table(world()), Question(by=("cc",))))
    assert "  IR Iran: allowlist_address 5\n" in text
    assert "  TR Türkiye: captive 1\n" in text.replace("Turkiye", "Türkiye")
    assert "  DE" not in text.split("vantage point ")[0] and "  other vantage points: open 1\n" in text
    assert "allowlist_address in 5 runs" in text
    assert f"allowlist_address: {sentence_of('allowlist_address')[:40]}" in text
    assert "was singled out by its name" in " ".join(text.split())


def test_networks_that_restrict_nothing_have_one_row(lay: Laid) -> None:
    text = to_text(lay(run("clean", "DE"), run("clean", "FR"), by=("cc",)))
    assert "What the networks do to all connections, by runs of the newest days:\n  open 2\n" in text


def test_arrow_table_has_columns_of_the_network(tmp_path: Path) -> None:
    store = store_of(tmp_path, [*run("allowlist-address", "IR"), *run("clean", "DE")])
    found = Verdicts(store).compare(by="cc").to_pylist()
    (web,) = [row for row in found if (row["service"], row["cc"]) == ("snapchat/web", "IR")]
    assert (web["network_runs"], web["regimes"], web["restrictions"]) == (1, ["allowlist_address=1"], [])
    assert web["whole_network"] == 1
    assert {row["whole_network"] for row in found if row["cc"] == "DE"} == {0}


def test_every_regime_has_the_sentence_of_its_rule() -> None:
    for regime in REGIMES:
        rules = [rule for rule in RULES.values() if rule.when.startswith(f"candidate = '{regime}' ")]
        assert sentence_of(regime) == rules[0].plain
    assert sentence_of(UNKNOWN) == RULES["regime_not_shown"].plain
    assert RULES["regime_not_shown"].state == State.INSUFFICIENT


# -- stores and hostile texts ----------------------------------------------------------------------------------------


def test_store_of_an_earlier_release_has_no_regimes(tmp_path: Path) -> None:
    store = store_of(tmp_path, run("allowlist-address", "IR"))
    for path in (store / "verdicts").rglob("*.parquet"):
        pq.write_table(pq.read_table(path).drop_columns(["network_facts"]), path)
    comparison = compare(VerdictTable.of_stores([store]), Question(by=("cc",)))
    assert comparison.services and [networks.runs for networks in comparison.networks] == [0]


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "3", "[]", "[1,2,3]", '[["a"],[[1]],[[[],[],[],[]]]]', "[[[{},1,2,3]],[],[]]", '{"a": [[1]]}'],
)
def test_text_that_cannot_be_read_adds_nothing(text: str) -> None:
    network = StoredNetwork()
    network.add(text)
    assert network == StoredNetwork()


def test_endpoints_that_cannot_be_read_give_no_regime_but_unknown() -> None:
    broken = [replace(row, endpoints="[") for row in verdicts(run("allowlist-address", "IR"))]
    assert by_country(compare(table(broken), Question(by=("cc",))))["IR"].main == {UNKNOWN: 1}


@pytest.mark.parametrize(
    ("name", "broken"),
    [("broken-ipv6", True), ("clean", False), ("international-cut", False), ("line-abroad-down", False)],
)
def test_ipv6_is_broken_only_where_hosts_answer_over_ipv4(name: str, broken: bool) -> None:
    assert {row.ipv6_broken for row in verdicts(run(name, "XX"))} == {broken}
