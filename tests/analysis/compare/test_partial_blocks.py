"""Test which partial blocks a comparison names, and the innocuous failures that look like them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from random import Random

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.compare import cell_text, cell_to_dict
from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.report.page.summary_data import summary_data
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import rows, table

FIRST, DAYS, HOURS = date(2026, 11, 2), 28, 24  # a Monday
State = Callable[[int, int, int], str]  # of network, day and hour


def measured(state: State, cc: str = "IR", networks: int = 4, seed: int = 1) -> list[VerdictRow]:
    """Return runs of three programs on each network, nearly every day, at any hour."""
    rng, found = Random(seed), list[VerdictRow]()
    for network in range(networks):
        for program in ("android", "ios", "linux"):
            for day in (day for day in range(DAYS) if rng.random() < 0.8):
                hour = rng.randrange(HOURS)
                own = state(network, day, hour)
                (row,) = rows(
                    1,
                    own,
                    "tls.reset.sni" if own == "blocked" else "",
                    probe_cc=cc,
                    probe_asn=f"AS{network}",
                    software_name=program,
                    day=(FIRST + timedelta(days=day)).isoformat(),
                )
                found.append(replace(row, corrected_start_time=f"{row.day}T{hour:02}:10:00Z"))
    return found


def fine(network: int, day: int, hour: int) -> str:
    return "ok"


def at_night(network: int, day: int, hour: int) -> str:
    return "blocked" if hour >= 20 or hour < 4 else "ok"


def cell(*groups: list[VerdictRow]) -> Cell:
    return next(
        one for one in compare(table(*groups), Question(by=("cc",))).cells.values() if one.vantage["cc"] == "IR"
    )


def kinds(*groups: list[VerdictRow]) -> list[str]:
    return [one.kind for one in cell(*groups).partial]


def test_block_at_night_is_named_and_is_not_shown_as_ok() -> None:
    found = cell(measured(at_night))
    (partial,) = found.partial
    assert partial.kind == "hours" and partial.q_value < 0.001 and partial.contributors >= 3
    assert partial.begin in (19, 20, 21) and partial.end in (3, 4, 5)
    assert "PARTLY BLOCKED" in cell_text(found) and "blocked at some hours only" in cell_text(found)
    assert cell_to_dict(found, NetworkRegimes())["partial"][0]["kind"] == "hours"


def test_page_begins_with_a_block_at_night() -> None:
    countries = compare(table(measured(at_night), measured(fine, "DE")), Question(by=("cc",)))
    (sentence,) = summary_data(countries, "2026-11-29")["problems"]
    assert sentence.startswith("In Iran (IR), telegram/web is blocked in part: blocked at some hours only")


def test_some_networks_and_part_of_the_runs_are_named() -> None:
    others = [measured(fine, cc, seed=n) for n, cc in enumerate(("DE", "FR", "IT"))]
    own = cell(measured(lambda network, day, hour: "blocked" if network < 2 else "ok", networks=6), *others)
    assert own.now is not None and own.now.network_states == {"blocked": 2, "ok": 4}
    assert [(one.kind, one.networks) for one in own.partial] == [("networks", ("AS0", "AS1"))]
    chance = Random(5)
    assert kinds(measured(lambda network, day, hour: chance.choice(("ok", "blocked"))), *others) == ["runs"]


def test_outage_each_night_is_named_nowhere() -> None:
    """Let the network accuse in a quarter of the runs that the outage disturbs."""
    rng = Random(3)
    states = ("impaired", "impaired", "impaired", "blocked")
    assert kinds(measured(lambda *when: rng.choice(states) if at_night(*when) == "blocked" else "ok")) == []


def test_servers_that_fail_in_the_same_hours_everywhere_are_named_nowhere() -> None:
    assert kinds(*(measured(at_night, cc, seed=n) for n, cc in enumerate(("IR", "DE", "FR", "IT", "PT")))) == []


def test_filter_at_bedtime_of_one_network_is_too_little() -> None:
    """Let the programs of one network be filtered, and the other networks not."""
    assert kinds(measured(lambda network, *when: at_night(network, *when) if network == 0 else "ok")) == []


def test_full_block_with_an_onset_and_an_end_is_no_partial_block() -> None:
    for days in (range(14, DAYS), range(14)):
        assert "hours" not in kinds(measured(lambda network, day, hour, days=days: "blocked" if day in days else "ok"))
