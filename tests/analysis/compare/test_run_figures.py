"""Test how a comparison sums up the throughput of names, and the age at which connections end, over runs."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.compare import state_lines, to_json
from probe.analysis.compare.run_figures import Cutoff, Throughput
from probe.analysis.compare.terminal.text import to_text
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.report.notebook import Verdicts
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.analysis.compare.test_networks import run, verdicts
from tests.support.measurements.verdict_rows import rows, store, table
from tests.support.store.stores import store_of

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")


def slow(*ratios: float, **more: Any) -> list[VerdictRow]:
    """Return a throttled run for each ratio. Its interval is 0.1 to either side."""
    return [
        row
        for ratio in ratios
        for row in rows(
            1,
            **{
                "state": "degraded",
                "mechanisms": "tls.throttle.sni",
                "throughput_ratio": ratio,
                "throughput_ratio_low": ratio - 0.1,
                "throughput_ratio_high": ratio + 0.1,
                **more,
            },
        )
    ]


def cell(*groups: Iterable[VerdictRow], folder: Path | None = None) -> Cell:
    source = table(*groups) if folder is None else store(folder, *groups)
    return next(iter(compare(source, Question(by=("cc",))).cells.values()))


@pytest.mark.parametrize("stored", [False, True])
def test_median_and_ends_of_the_intervals_are_those_of_the_runs(stored: bool, tmp_path: Path) -> None:
    found = cell(slow(0.2, 0.3, 0.25, 0.9), rows(3), folder=tmp_path / "store" if stored else None)
    assert found.throughput == Throughput(4, 3, 0.275, 0.1, 1.0)
    assert "speed 28 % (10-100 % in 4 runs)" in state_lines(found)


def test_runs_without_pairs_say_nothing() -> None:
    assert cell(rows(6)).throughput is None
    assert "speed" not in to_text(compare(table(rows(6)), Question()))


def test_run_counts_once_with_its_smallest_ratio() -> None:
    found = cell(slow(0.2, 0.8, run_id="one"))
    assert found.throughput is not None and (found.throughput.runs, found.throughput.median) == (1, 0.2)


def test_older_days_and_measurements_that_do_not_count_are_left_out() -> None:
    found = cell(slow(0.1, day="2026-09-01"), slow(0.1, valid=False, invalid_reason="vpn"), slow(0.4), rows(5))
    assert found.throughput is not None and (found.throughput.runs, found.throughput.median) == (1, 0.4)


def test_row_without_an_interval_has_the_ratio_in_its_place() -> None:
    found = cell(slow(0.3, throughput_ratio_low=-1.0, throughput_ratio_high=-1.0))
    assert found.throughput == Throughput(1, 1, 0.3, 0.3, 0.3)


def test_outputs_have_the_figures(tmp_path: Path) -> None:
    measured = [*run("throttled-policed", "RU"), *run("throttled-shaped", "RU", 1)]
    comparison = compare(table(verdicts(measured)), Question(by=("cc",)))
    written = [json.loads(line) for line in to_json(comparison).splitlines()]
    (web,) = [one["throughput"] for one in written if one["service"] == "x/web"]
    assert (web["runs"], web["limited"]) == (2, 2) and 0 <= web["low"] < web["median"] < web["high"] < 0.5
    assert {json.dumps(one["throughput"]) for one in written if one["service"] != "x/web"} == {"null"}
    (row,) = [
        one for one in Verdicts(store_of(tmp_path, measured)).compare("cc").to_pylist() if one["service"] == "x/web"
    ]
    assert (row["throughput_runs"], row["throughput_median"]) == (2, web["median"])
    assert (row["throughput_low"], row["throughput_high"]) == (web["low"], web["high"])
    assert "speed of the service is 23 %" in " ".join(to_text(comparison).split())


def test_store_of_an_earlier_release_has_no_ratios(tmp_path: Path) -> None:
    made = store_of(tmp_path, run("throttled-policed", "RU"))
    for path in (made / "verdicts").rglob("*.parquet"):
        whole = pq.read_table(path)
        pq.write_table(whole.drop_columns([name for name in whole.column_names if name.startswith("throughput")]), path)
    comparison = compare(VerdictTable.of_stores([made]), Question(by=("cc",)))
    assert comparison.services and not any(one.throughput for one in comparison.cells.values())


def ended(*ages: float, **more: Any) -> list[VerdictRow]:
    """Return a run for each age at which connections ended. Its interval is 0.5 s to either side."""
    figures = [{"cutoff": age, "cutoff_low": age - 0.5, "cutoff_high": age + 0.5} for age in ages]
    accused = {"state": "degraded", "mechanisms": "flow.cutoff.time"}
    return [row for figure in figures for row in rows(1, **(accused | figure | more))]


@pytest.mark.parametrize("stored", [False, True])
def test_median_age_and_ends_of_the_intervals_are_those_of_the_runs(stored: bool, tmp_path: Path) -> None:
    found = cell(ended(5.0, 6.0, 5.5, 9.0), rows(3), folder=tmp_path / "store" if stored else None)
    assert found.cutoff == Cutoff(4, 5.8, 4.5, 9.5) and found.throughput is None
    assert "ends after 5.8 s (4.5-9.5 s in 4 runs)" in state_lines(found)


def test_ages_of_older_days_and_of_measurements_that_do_not_count_are_left_out() -> None:
    found = cell(ended(1.0, day="2026-09-01"), ended(2.0, valid=False, invalid_reason="vpn"), ended(5.0), rows(5))
    assert found.cutoff == Cutoff(1, 5.0, 4.5, 5.5)
    assert cell(rows(6)).cutoff is None
    assert cell(ended(5.0, 6.0, run_id="one")).cutoff == Cutoff(1, 5.0, 4.5, 5.5)


def test_outputs_have_the_ages(tmp_path: Path) -> None:
    measured = [*run("cutoff-name-fin", "RU"), *run("cutoff-name-reset", "RU", 1)]
    comparison = compare(table(verdicts(measured)), Question(by=("cc",)))
    written = {one["service"]: one["cutoff"] for one in map(json.loads, to_json(comparison).splitlines())}
    assert [service for service, found in written.items() if found] == ["telegram/web"]
    web = written["telegram/web"]
    assert web["runs"] == 2 and 4 < web["low"] <= web["median"] <= web["high"] < 8
    found = Verdicts(store_of(tmp_path, measured)).compare("cc").to_pylist()
    (row,) = [one for one in found if one["service"] == "telegram/web"]
    names = ("runs", "median", "low", "high")
    assert {name: row[f"cutoff_{name}"] for name in names} == web
    assert "connections to the service" in " ".join(to_text(comparison).split())


def test_store_of_an_earlier_release_has_no_ages(tmp_path: Path) -> None:
    made = store_of(tmp_path, run("cutoff-name-fin", "RU"))
    for path in (made / "verdicts").rglob("*.parquet"):
        whole = pq.read_table(path)
        pq.write_table(whole.drop_columns([name for name in whole.column_names if name.startswith("cutoff")]), path)
    comparison = compare(VerdictTable.of_stores([made]), Question(by=("cc",)))
    assert comparison.services and not any(one.cutoff for one in comparison.cells.values())
