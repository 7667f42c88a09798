"""Test that a comparison claims no more than its users show, and hides no block, by text and JSON alone."""

import json
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.compare import cell_text, to_json
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import blocked, rows, table

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")

CLEAN = [f"C{letter}" for letter in "ABCDEFGH"]


def days(n: int, before: str = "2026-11-24") -> list[str]:
    last = date.fromisoformat(before)
    return [(last - timedelta(days=n - 1 - number)).isoformat() for number in range(n)]


def country(cc: str, kind: Any = rows, networks: int = 3, **columns: Any) -> list[VerdictRow]:
    """Return ten runs on each of some networks."""
    made = (
        kind(2, probe_cc=cc, probe_asn=f"AS{cc}{n}", day=day, **columns) for n in range(networks) for day in days(5)
    )
    return [row for some in made for row in some]


def texts(*groups: Iterable[VerdictRow], **question: Any) -> dict[str, str]:
    comparison = compare(table(*groups), Question(by=("cc",), **question))
    return {cell.vantage["cc"]: cell_text(cell) for cell in comparison.cells.values()}


# -- dependence ----------------------------------------------------------------------------------------------------


def test_measurements_of_one_run_are_one() -> None:
    shown = texts(blocked(6, probe_cc="IR", run_id="one"), *map(country, CLEAN))
    assert "*" not in shown["IR"] and shown["IR"].startswith("(BLOCKED 1/1)")


def test_many_runs_of_one_network_are_no_claim() -> None:
    """Let one user behind a filter of their own measure 400 times on 25 days."""
    one = [row for day in days(25) for row in blocked(16, probe_cc="IR", day=day)]
    assert "*" not in texts(one, *map(country, CLEAN))["IR"]
    update = [
        row for day in days(25, "2026-12-20") for row in blocked(9, probe_cc="IR", day=day, software_version="0.2")
    ]
    assert "*" not in texts(one, update, *map(country, CLEAN))["IR"]  # the user updated the software


def test_several_failing_networks_are_a_claim() -> None:
    assert "*" in texts(country("IR", blocked), *map(country, CLEAN))["IR"]


def test_versions_of_one_network_at_the_same_time_are_different_sources() -> None:
    versions = [country("IR", blocked, 1, software_version=f"0.{number}") for number in range(3)]
    assert "*" in texts(*versions, *map(country, CLEAN))["IR"]


# -- the star ------------------------------------------------------------------------------------------------------


def test_clean_cells_beside_censors_are_not_marked() -> None:
    censors = [country(cc, blocked) for cc in ("IR", "RU", "CN")]
    shown = texts(*censors, *map(country, CLEAN))
    assert {cc for cc, text in shown.items() if "*" in text} == {"IR", "RU", "CN"}


def test_better_than_the_baseline_is_not_marked() -> None:
    shown = texts(country("IR", blocked), *map(country, CLEAN), baseline=(("cc", "IR"),))
    assert not any("*" in text for text in shown.values())


def test_most_censors_leave_no_robust_baseline() -> None:
    censors = [country(cc, blocked) for cc in CLEAN]
    shown = texts(*censors, country("DE"), country("FR"))
    assert not any("*" in text for text in shown.values())
    named = texts(*censors, *(country("DE", networks=9), country("FR")), baseline=(("cc", "DE"),))
    assert {cc for cc, text in named.items() if "*" in text} == set(CLEAN)


def test_mark_has_direction_odds_ratio_and_interval() -> None:
    comparison = compare(table(country("IR", blocked), *map(country, CLEAN)), Question(by=("cc",)))
    found = {one["vantage"]["cc"]: one["difference"] for one in map(json.loads, to_json(comparison).splitlines())}
    assert (found["IR"]["direction"], found["CA"]["direction"]) == ("less_often", None)
    ratio = found["IR"]["odds_ratio"]
    assert 1 < ratio["low"] < ratio["estimate"] < ratio["high"]
    sources = ("failing_sources", "sources", "baseline_failing_sources", "baseline_sources", "baseline_columns")
    assert [found["IR"][key] for key in sources] == [3, 3, 0, 24, 8]
    assert found["IR"]["p_value_uncorrected"] < found["IR"]["p_value"] < 0.05


# -- down ----------------------------------------------------------------------------------------------------------


def test_down_is_no_difference() -> None:
    shown = texts(country("IR", lambda n, **columns: rows(n, "down", **columns)), *map(country, CLEAN))
    assert shown["IR"] == "DOWN 30/30"


# -- cells hide blocks ---------------------------------------------------------------------------------------------


def test_block_on_one_of_two_networks_is_named() -> None:
    fine = [row for day in days(17) for row in rows(5, day=day)]
    bad = [row for day in days(15) for row in blocked(1, day=day, probe_asn="AS2")]
    assert texts(fine, bad)["IR"] == "BLOCKED 14/84, on 1 of 2 networks, fails 33-67 %"


def test_block_of_the_last_ten_days_is_named() -> None:
    fine = [row for day in days(80, "2026-11-14") for row in rows(2, day=day)]
    bad = [row for day in days(10) for row in blocked(2, day=day)]
    assert texts(fine, bad)["IR"] == "BLOCKED 20/20, since 2026-11-15, fails 72-100 %"


def test_ended_block_is_not_the_state_now() -> None:
    bad = [row for day in days(20, "2026-11-14") for row in blocked(2, day=day)]
    fine = [row for day in days(10) for row in rows(2, day=day)]
    assert texts(bad, fine)["IR"].startswith("OK 20/20, since 2026-11-15")


def test_single_failure_on_a_small_network_does_not_name_the_country() -> None:
    few = blocked(1, probe_asn="AS9")
    assert texts(country("IR"), few)["IR"] == "OK 30/31, fails on 1 of 4 networks"


# -- asymmetric evidence -------------------------------------------------------------------------------------------


def unproven(n: int = 1, **columns: Any) -> list[VerdictRow]:
    return rows(n, "insufficient", **{"proof": "tcp", **columns})


def test_unproven_successes_count_as_contact() -> None:
    """Let 95 attempts connect without proof, and five fail."""
    failures = rows(5, "impaired", proof="", failures=1, probe_asn="ASIR0", day="2026-11-20")
    shown = texts(country("IR", unproven), failures, *(country(cc, unproven) for cc in CLEAN))
    assert shown["IR"].startswith("CONNECTED 30/35") and "*" not in shown["IR"]


def test_block_is_visible_where_success_cannot_be_proven() -> None:
    failing = country("IR", lambda n, **columns: rows(n, "impaired", proof="", failures=1, **columns))
    shown = texts(failing, *(country(cc, unproven) for cc in CLEAN))
    assert shown["IR"].startswith("NOT WORKING 30/30 *")


def test_unfinished_measurements_are_no_contact() -> None:
    unfinished = country("IR", lambda n, **columns: rows(n, "insufficient", proof="", attempts=0, **columns))
    assert texts(unfinished)["IR"] == ""
