"""Test that synthetic measurements depend only on the seed, fit the schema, and get the verdicts of their truth."""

import gzip
import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.lab.synth.plan import COUNTRIES, DAYS, FIRST_DAY, days, draw_plan
from probe.lab.synth.synthetic_conditions import CENSORSHIP, TARGETS, WANTED
from probe.lab.synth.synthetic_world import load_world, world_names
from probe.lab.synth.templates import ACCUSED, SLOTS, ExpectedVerdict, Template, load_templates
from probe.lab.synth.truth import FAILING
from probe.lab.synth.write import synthesise
from probe.results.validation import problems

KINDS: dict[str, dict[str, bool]] = {
    "whole": {},
    "light": {"light": True},
    "whole, no helper": {"helper": False},
    "light, no helper": {"light": True, "helper": False},
}
FILLED = dict.fromkeys(SLOTS, "1") | {
    "TOKEN": "",
    "COUNTRY": "XA",
    "NETWORK": "AS4200000000",
    "START": "2026-06-01 00:00:03",
    "RUN_START": "2026-06-01 00:00:00",
    "VERSION": "0.1.0",
}


def lines_of(folder: Path) -> list[dict[str, Any]]:
    """Return the measurements that `synthesise` wrote, in order."""
    packed = (path.read_bytes() for path in sorted((folder / "lines").iterdir()))
    return [json.loads(line) for part in packed for line in gzip.decompress(part).splitlines()]


@cache
def templates(kind: str) -> dict[tuple[str, str], Template]:
    """Return the templates of one of the KINDS. Reading the recordings takes half a second."""
    return load_templates(WANTED, **KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("key", sorted(templates("whole")), ids="-".join)
def test_every_template_fits_the_schema_and_gets_the_expected_verdict(key: tuple[str, str], kind: str) -> None:
    template = templates(kind)[key]
    line = json.loads(template.filled(FILLED))
    assert list(problems(line)) == []
    records = judge_measurement(line, file="a", number=1)
    assert {r["service"]: ExpectedVerdict(r["state"], tuple(r["mechanisms"])) for r in records} == template.truth
    assert "lab" not in line["annotations"]


@pytest.mark.parametrize("light", [False, True], ids=["whole", "light"])
@pytest.mark.parametrize("world", world_names())
def test_synthetic_measurements_fit_the_schema_and_are_marked(tmp_path: Path, world: str, light: bool) -> None:
    synthesise(300, 4, tmp_path, light=light, world=load_world(world))
    lines = lines_of(tmp_path)
    assert len(lines) == 300
    for line in lines:
        assert list(problems(line)) == []
        assert line["annotations"]["synthetic"] == f"{world}-4"


def test_schema_is_really_applied() -> None:
    line = json.loads(templates("light")["clean", "telegram"].filled(FILLED))
    del line["test_keys"]["x_endpoints"]["mtproto"]
    assert [place for place, *_ in problems(line)] == ["test_keys.x_endpoints.mtproto"]


def test_every_drawn_scenario_has_a_template() -> None:
    assert {("clean", target) for target in TARGETS} <= templates("whole").keys()
    for scenario, targets in CENSORSHIP:
        for target in targets:
            assert any(verdict.state in ACCUSED for verdict in templates("whole")[scenario, target].truth.values()), (
                scenario,
                target,
            )


def test_light_measurements_are_shorter_and_have_one_service() -> None:
    for key, template in templates("light").items():
        assert len(template.truth) == 1, key
    whole, light = (
        sum(len(part) for one in some.values() for part in one.parts)
        for some in (templates("whole"), templates("light"))
    )
    assert light < 0.45 * whole


def test_plans_differ_by_seed_and_have_every_kind_of_event() -> None:
    keys = load_world("independent").keys
    plan = draw_plan(3, keys)
    assert plan == draw_plan(3, keys) != draw_plan(4, keys)
    assert {event.onset > FIRST_DAY for event in plan.events} == {True, False}
    assert any(event.end for event in plan.events)
    assert any(network.silent for network in plan.networks)
    ((country, dark),) = plan.shutdowns.items()
    assert len(days()) == DAYS
    assert not any(network.country == country for day in dark for network in plan.measured(day))


@pytest.mark.parametrize("name", world_names())
def test_same_seed_gives_the_same_bytes_and_true_verdicts(tmp_path: Path, name: str) -> None:
    world = load_world(name)
    summary = synthesise(300, 5, tmp_path / "a", world=world)
    synthesise(300, 5, tmp_path / "b", world=world)
    synthesise(300, 6, tmp_path / "c", world=world)
    written = ["truth.json", "lines/00000.jsonl.gz", *(["users.jsonl"] if world.keys.users else [])]
    for path in written:
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
        assert (tmp_path / "a" / path).read_bytes() != (tmp_path / "c" / path).read_bytes()
    assert {path.name for path in (tmp_path / "a").iterdir()} == {path.split("/")[0] for path in written}
    lines = lines_of(tmp_path / "a")
    assert len(lines) == summary["lines"] == 300
    assert {line["probe_cc"] for line in lines} <= set(COUNTRIES)
    truth = json.loads((tmp_path / "a/truth.json").read_text())
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for record in judge_measurement(line, file="a", number=1):
            if record["valid"] and record["state"] != "insufficient":
                found.setdefault((record["service"], record["probe_cc"]), []).append(record["state"])
    cells = {(cell["service"], cell["by"]["cc"]): cell for cell in truth["cells"] if "asn" not in cell["by"]}
    assert {key: len(states) for key, states in found.items()} == {key: c["n"] for key, c in cells.items() if c["n"]}
    for key, states in found.items():
        if cells[key]["state"] != "insufficient":
            alike = [state for state in states if (state in FAILING) == (cells[key]["state"] in FAILING)]
            assert len(alike) == round(cells[key]["share"] * len(states)) and len(states) >= 5
            assert all(states.count(cells[key]["state"]) >= alike.count(state) for state in alike)
    assert truth["events"]
