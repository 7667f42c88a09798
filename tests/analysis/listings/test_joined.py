"""Test how a comparison puts app stores beside the networks of the same country."""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.compare.compare import to_json
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.listings.joined import Joined, by_cell, joined, state_of
from probe.analysis.listings.measured import Measured, networks_measured
from probe.analysis.report.page.stores_data import stores_data
from probe.analysis.verdicts.verdict_row import rows_of_each
from tests.cli.results.test_judge import call
from tests.support.measurements.store_world import (
    COUNTRIES,
    START,
    Measurements,
    listings,
    networks,
    removals,
    store_answers,
    written,
)
from tests.support.store.stores import store_of

LAB = Question(by=("cc",), lab=True)


@cache
def answers() -> tuple[dict[str, Any], ...]:
    return tuple(removals())


def verdicts(measurements: Measurements) -> VerdictTable:
    return VerdictTable.of_rows(rows_of_each(("a.jsonl", n, line) for n, line in enumerate(measurements, 1)))


def measured(measurements: Measurements, question: Question = LAB) -> Measured:
    table = verdicts(measurements)
    compare(table, question)  # filters the table
    return networks_measured(table, question)


def real(measurements: Measurements) -> Measurements:
    """Return measurements as those of a real network."""
    return [line | {"annotations": {}} for line in measurements]


@cache
def rows() -> tuple[Joined, ...]:
    return tuple(joined(listings(list(answers())), measured(networks())))


def row(country: str, app: str) -> Joined:
    (found,) = [one for one in rows() if (one.country, one.listed.entry.app) == (country, app)]
    return found


def pair(country: str, app: str) -> tuple[str, str]:
    found = row(country, app)
    return found.listed.rule.state.value, state_of(found.networks)


# -- pairs -----------------------------------------------------------------------------------------------------------


def test_each_pair_of_store_and_network_is_kept_apart() -> None:
    assert pair("XA", "signal") == ("absent", "blocked")
    assert pair("XB", "signal") == ("absent", "works")
    assert pair("XA", "telegram") == ("delisted", "blocked")
    assert pair("XB", "telegram") == ("listed", "works")
    assert pair("XA", "whatsapp") == ("listed", "blocked")
    assert pair("XC", "gmail") == ("unknown", "works")


def test_base_rate_of_absence_stands_beside() -> None:
    assert vars(row("XA", "signal").listed.elsewhere) == {"listed": 6, "absent": 2, "unknown": 1}
    assert row("XA", "signal").record()["networks"] == {"works": 0, "degraded": 0, "blocked": 1}


def test_app_is_judged_from_all_services_although_one_is_asked_for() -> None:
    question = Question(by=("cc",), lab=True, only=(("service", "telegram/web"),))
    found, whole = measured(networks(), question)[True], measured(networks())[True]
    assert found["xa", "telegram"] == {"blocked": 1}
    assert all(whole[key] == counts for key, counts in found.items())  # XC has no measurement of this service


def test_files_and_a_store_give_the_same_counts(tmp_path: Path) -> None:
    own = [line for line in networks() if line["probe_cc"] != "XC"]
    table = VerdictTable.of_stores([store_of(tmp_path, real(own))])
    assert networks_measured(table, Question())[False] == measured(real(own), Question())[False]


def test_older_days_do_not_count() -> None:
    old = networks("2026-10-01")
    newer = [line for line in networks() if line["probe_cc"] == "XA"]
    for line in old:
        line["test_keys"]["x_run"]["run_id"] += "old"
    found = measured([*[line for line in old if line["probe_cc"] == "XA"], *newer])
    assert found[True]["xa", "telegram"] == {"blocked": 1}


# -- look-alikes -----------------------------------------------------------------------------------------------------


def test_real_answers_never_stand_beside_artificial_networks() -> None:
    """Check both ways, since the codes of a lab's country may be real ones in a later version."""
    ours = real(list(answers()))
    assert joined(listings(ours), measured(networks())) == []
    assert joined(listings(list(answers())), measured(real(networks()))) == []
    assert listings(list(answers()), lab=False) == []


def test_country_without_networks_is_left_out() -> None:
    only_xb = [line for line in networks() if line["probe_cc"] == "XB"]
    assert {one.country for one in joined(listings(list(answers())), measured(only_xb))} == {"XB"}


def test_network_without_a_result_is_no_state() -> None:
    assert row("XC", "signal").networks is None and state_of(None) == ""


def test_refusal_of_the_store_is_unknown_although_networks_block() -> None:
    refused = store_answers([(0, lambda store: store.faults.update({"xa": "limited"}))])
    found = [one for one in joined(listings(refused), measured(networks())) if one.country == "XA"]
    assert found and {one.listed.rule.state.value for one in found} == {"unknown"}


def test_newest_answer_counts_and_a_single_absence_is_no_removal() -> None:
    telegram = next(one.listed.entry.key.id for one in rows() if one.listed.entry.app == "telegram")

    def gone(store: Any) -> None:
        store.missing = {"xa": {int(telegram)}}

    later = listings(store_answers([(0, lambda _: None), (12, gone)]))
    (found,) = [one for one in later if (one.answers.storefront, one.entry.app) == ("xa", "telegram")]
    assert found.rule.state.value == "absent" and found.answers.began > START


@pytest.mark.parametrize(
    ("counts", "state"),
    [
        ({"works": 2, "degraded": 0, "blocked": 1}, "works"),
        ({"works": 1, "degraded": 0, "blocked": 1}, "blocked"),
        ({"works": 1, "degraded": 1, "blocked": 0}, "degraded"),
    ],
)
def test_most_runs_decide_and_the_gravest_of_equally_many(counts: dict[str, int], state: str) -> None:
    assert state_of(counts) == state


# -- outputs ---------------------------------------------------------------------------------------------------------


def test_cells_have_the_records_of_their_app() -> None:
    table = verdicts(networks())
    lines = to_json(compare(table, LAB), by_cell(rows())).splitlines()
    cells = {(one["service"], one["vantage"]["cc"]): one for one in map(json.loads, lines)}
    (telegram,) = cells["telegram/web", "XA"]["stores"]
    assert (telegram["state"], telegram["networks"]["blocked"]) == ("delisted", 1)
    assert cells["resolvers/google", "XA"]["stores"] == []
    assert "stores" not in json.loads(to_json(compare(verdicts(networks()), LAB)).splitlines()[0])


def test_page_has_missing_apps_first_and_names_networks_that_stop_most() -> None:
    (made,) = stores_data(rows(), compare(verdicts(networks()), LAB))
    assert [app["title"] for app in made["apps"]][:2] == ["Signal", "Telegram"]
    assert made["apps"][0]["rate"] == "2 of 8"
    assert {one["name"]: one["regimes"] for one in made["countries"]} == {"XA": "", "XB": "", "XC": "allowlist_address"}
    assert [cell["networks"] for cell in made["apps"][0]["cells"]][:2] == ["blocked in 1", "works in 1"]
    assert len(made["apps"][0]["cells"]) == len(COUNTRIES)


def test_command_prints_the_join(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, stores = (
        written(tmp_path / "runs.jsonl", networks()),
        written(tmp_path / "stores" / "a.jsonl", list(answers())),
    )
    assert call("compare", "--lab", "--by", "cc", str(runs), "--stores", str(stores.parent)) == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Signal is not in the store of XB." in said and "It is missing in 2 of 8 countries that were asked." in said
    assert "What a store lists and what a network does are separate." in said
    assert call("compare", "--by", "cc", "--lab", str(runs), "--stores", str(runs)) == 6
    assert "there is no usable answer of an app store" in capsys.readouterr().err
    assert call("compare", "--by", "cc", "--lab", str(runs), "--stores", str(tmp_path / "none")) == 6


def test_command_leaves_an_artificial_store_out_without_lab(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs, stores = written(tmp_path / "a.jsonl", real(networks())), written(tmp_path / "s.jsonl", list(answers()))
    assert call("compare", "--by", "cc", str(runs), "--stores", str(stores)) == 6
    assert "there is no usable answer" in capsys.readouterr().err
