"""Test that single failures accuse only if they repeat, and that nothing which looks like a block is accused."""

import json
from collections.abc import Iterable
from dataclasses import replace
from itertools import count
from pathlib import Path

import pytest

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Cell, compare
from probe.analysis.compare.compare import cell_text, cell_to_dict, state_lines
from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.compare.repeated_failures import LAYERS
from probe.analysis.compare.terminal.text import to_text
from probe.analysis.rules.rule import State
from probe.analysis.ruleset.tables import RULES
from probe.analysis.verdicts.verdict_row import VerdictRow
from tests.support.measurements.verdict_rows import rows, store, table

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")

SITE, OTHERS = "https://site.example//web", ("a//web", "b//web", "c//web")
SINGLE = {"state": "impaired", "rule_id": "unconfirmed", "layer": "tls", "attempts": 1, "failures": 1}
DAYS = tuple(f"2026-11-{day}" for day in range(11, 19))
VERSIONS = ("3.24", "3.25", "3.26")
_runs = count()


def run(day: str, *, site: dict[str, object], others: str = "ok", **columns: object) -> list[VerdictRow]:
    """Return one run: the site, and three other services in the state `others`."""
    shared = {"day": day, "run_id": f"r{next(_runs)}", "software_name": "ooniprobe-android", **columns}
    return [
        *rows(**{**shared, "service": SITE, **site}),  # type: ignore[arg-type]
        *(row for name in OTHERS for row in rows(**{"state": others, **shared, "service": name})),  # type: ignore[arg-type]
    ]


def failing(
    days: Iterable[str] = DAYS, versions: Iterable[str] = VERSIONS, others: str = "ok", **site: object
) -> list[VerdictRow]:
    """Return a run of each version on each day, in which the site fails alone."""
    return [
        row
        for day in days
        for version in versions
        for row in run(day, site=SINGLE | site, others=others, software_version=version)
    ]


def works(cc: str, asn: str, **site: object) -> list[VerdictRow]:
    return [row for day in DAYS for row in run(day, site=site, probe_cc=cc, probe_asn=asn, software_version="3.24")]


ELSEWHERE = [*works("DE", "AS1"), *works("DE", "AS2"), *works("FR", "AS3")]


def cell(*groups: Iterable[VerdictRow], folder: Path | None = None, **question: object) -> Cell:
    source = table(*groups) if folder is None else store(folder, *groups)
    comparison = compare(source, Question(**question))  # type: ignore[arg-type]
    vantage = {"cc": "IR", "asn": "AS64500"}
    place = {name: vantage[name] for name in comparison.question.by if name in vantage}
    return comparison.cells[SITE, comparison.vantages.index(place or comparison.vantages[0])]


@pytest.mark.parametrize("by", [("cc", "asn"), ("cc",)])
@pytest.mark.parametrize("stored", [False, True], ids=["files", "store"])
def test_single_failures_that_repeat_make_a_cell_likely_blocked(
    stored: bool, by: tuple[str, ...], tmp_path: Path
) -> None:
    found = cell(failing(), ELSEWHERE, folder=tmp_path / "s" if stored else None, by=by)
    assert (found.state, found.found, found.by_state) == ("likely_blocked", "likely_blocked", {"impaired": 24})
    assert found.derived is not None and found.now is not None
    assert (found.derived.rule, found.derived.layer) == ("repeated_failures", "tls")
    assert (found.derived.failing, found.derived.runs, found.derived.days, found.derived.sources) == (24, 24, 8, 3)
    assert (found.derived.others_failing, found.derived.others_working) == (0, 72)
    assert (found.derived.elsewhere_working, found.derived.elsewhere) == (3, 3)
    assert (found.now.runs, found.networks[0].found) == ({"impaired": 24}, "impaired")
    assert found.witness is not None


LOOK_ALIKES: dict[str, list[VerdictRow]] = {
    "outage of some days": failing(DAYS[:4]),
    "outage of the network": failing(others="impaired", rule_id="unconfirmed"),
    "outage of the network on half of the days": failing(DAYS[:4]) + failing(DAYS[4:], others="impaired"),
    "no control": failing(rule_id="no_control", controls=0, control_successes=0),
    "control not recorded": failing(controls=0, control_successes=0),
    "control fails": failing(control_successes=0),
    "several attempts of which one works": failing(attempts=2),
    "service works in the same runs": (failed := failing())
    + [replace(row, state="ok", failures=0, line_hash=f"x{row.line_hash}") for row in failed if row.service == SITE],
    "two devices of one user": failing(versions=VERSIONS[:2]),
    "a user who updated": [row for n, version in enumerate(VERSIONS) for row in failing(DAYS[3 * n :][:3], (version,))],
    "another user without the filter": failing(versions=VERSIONS[:2])
    + [row for day in DAYS for row in run(day, site={}, software_version="3.26")],
    "unlike failures": [row for layer in ("tls", "tcp", "http") for row in failing(layer=layer)],
}


@pytest.mark.parametrize("name", LOOK_ALIKES)
def test_look_alikes_are_not_accused(name: str) -> None:
    found = cell(LOOK_ALIKES[name], ELSEWHERE)
    assert found.derived is None and found.found in ("impaired", "ok")


TWO_DEVICES = [row for _ in range(3) for row in failing(versions=VERSIONS[:2])]


@pytest.mark.parametrize(
    ("third", "accused"),
    [
        (failing(DAYS[:3], VERSIONS[2:]), True),
        (failing(DAYS[:2], VERSIONS[2:]), False),
        (failing(DAYS[:1] * 3, VERSIONS[2:]), False),
        (
            failing(DAYS[:4], VERSIONS[2:])
            + [row for day in DAYS[4:] for row in run(day, site={}, software_version=VERSIONS[2])],
            False,
        ),
    ],
    ids=["three days", "two runs", "one day", "works on other days"],
)
def test_failures_must_repeat_beyond_two_devices(third: list[VerdictRow], accused: bool) -> None:
    assert (cell(TWO_DEVICES, third, ELSEWHERE).derived is not None) == accused


@pytest.mark.parametrize(("bad", "accused"), [(0, True), (1, False)], ids=["good line", "bad line"])
def test_service_must_fail_more_often_than_others_of_its_runs(bad: int, accused: bool) -> None:
    places = [(0, "3.24"), (2, "3.24"), (4, "3.24"), (1, "3.25"), (3, "3.25"), (4, "3.25")]
    places += [(0, "3.26"), (1, "3.26"), (3, "3.26")]
    runs = [row for day, version in places for row in failing([DAYS[day]], [version])]
    lossy = [replace(row, state="impaired") if row.service in OTHERS[:bad] else row for row in runs]
    assert (cell(lossy, ELSEWHERE).derived is not None) == accused


@pytest.mark.parametrize(
    "elsewhere",
    [[], works("DE", "AS1"), [*ELSEWHERE, *(row for n in range(4, 9) for row in works("US", f"AS{n}", **SINGLE))]],
    ids=["no other country", "one network", "server fails elsewhere"],
)
def test_server_must_work_in_other_countries(elsewhere: list[VerdictRow]) -> None:
    assert cell(failing(), elsewhere).derived is None


def test_other_services_must_be_measured_in_the_same_runs() -> None:
    alone = [row for row in failing() if row.service == SITE]
    assert cell(alone, ELSEWHERE).derived is None


def test_faulty_version_is_not_accused() -> None:
    fine = [
        row
        for cc, asn in (("IR", "AS64500"), ("DE", "AS1"))
        for day in DAYS
        for row in run(day, site={}, probe_cc=cc, probe_asn=asn, software_version="3.30")
    ]
    assert cell(failing(), fine, ELSEWHERE).derived is None


OWN = failing(versions=VERSIONS[:1])


def test_networks_of_one_country_stand_for_several_users() -> None:
    other, third = in_network("AS7"), in_network("AS8")
    assert cell(OWN, ELSEWHERE).derived is None
    assert cell(OWN, other, ELSEWHERE).derived is None  # two devices of one user who travels
    found = cell(OWN, other, third, ELSEWHERE)
    assert found.derived is not None and (found.derived.sources, found.derived.country_networks) == (1, 3)
    country = cell(OWN, other, third, ELSEWHERE, by=("cc",))
    assert country.derived is not None and country.derived.networks == ["AS64500", "AS7", "AS8"]


def test_most_networks_of_the_country_must_fail_alike() -> None:
    fine = [row for n in range(9, 13) for row in works("IR", f"AS{n}")]
    assert cell(OWN, in_network("AS7"), in_network("AS8"), fine, ELSEWHERE).derived is None


def test_seven_runs_are_too_few() -> None:
    first_seven = [row for row in OWN if row.day < DAYS[7]]
    assert cell(first_seven, in_network("AS7"), in_network("AS8"), ELSEWHERE).derived is None


def test_cell_of_several_countries_is_not_accused() -> None:
    found = cell(failing(), ELSEWHERE, by=("file",))
    assert (found.found, found.derived) == ("impaired", None)


def in_network(asn: str) -> list[VerdictRow]:
    return [replaced(row, asn) for row in OWN]


def replaced(row: VerdictRow, asn: str) -> VerdictRow:
    return replace(row, probe_asn=asn, line_hash=f"{asn} {row.line_hash}", run_id=f"{asn} {row.run_id}")


def test_derivation_is_shown_with_its_rule() -> None:
    found = cell(failing(), ELSEWHERE)
    assert state_lines(found)[:2] == ["LIKELY BLOCKED 24/24", "by repetition (repeated_failures)"]
    assert "by repetition (repeated_failures)" in cell_text(found)  # the page's text
    written = json.loads(json.dumps(cell_to_dict(found, NetworkRegimes())))
    assert written["derived"]["rule"] == "repeated_failures" and written["derived"]["days"] == 8
    text = to_text(compare(table(failing(), ELSEWHERE), Question()))
    assert "by repetition: each measurement is NOT WORKING" in text
    assert "by repetition" not in to_text(compare(table(ELSEWHERE), Question()))


def test_rules_of_single_failures_exist_and_do_not_accuse() -> None:
    states = {layer: RULES[f"unconfirmed:{layer}"].state for layer in LAYERS}
    assert states == dict.fromkeys(LAYERS, State.IMPAIRED)
