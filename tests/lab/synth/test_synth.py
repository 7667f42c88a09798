"""Test that synthetic measurements depend only on the seed and get the verdicts of their truth file."""

import gzip
import json
from pathlib import Path

import pytest

from probe.analysis.verdicts.verdicts import judge_measurement
from probe.lab.synth.plan import CENSORSHIP, COUNTRIES, DAYS, FIRST_DAY, TARGETS, WANTED, days, draw_plan
from probe.lab.synth.templates import ACCUSED, SLOTS, ExpectedVerdict, Template, load_templates
from probe.lab.synth.write import synthesise

TEMPLATES = load_templates(WANTED)
LIGHT = load_templates(WANTED, light=True)


@pytest.mark.parametrize("templates", [TEMPLATES, LIGHT], ids=["whole", "light"])
@pytest.mark.parametrize("key", sorted(TEMPLATES), ids="-".join)
def test_verdict_of_every_template_is_as_its_scenario_expects(
    key: tuple[str, str], templates: dict[tuple[str, str], Template]
) -> None:
    template = templates[key]
    line = json.loads(template.filled(dict.fromkeys(SLOTS, "1") | {"COUNTRY": "XA", "START": "2026-06-01 00:00:00"}))
    records = judge_measurement(line, file="a", number=1)
    assert {r["service"]: ExpectedVerdict(r["state"], tuple(r["mechanisms"])) for r in records} == template.truth
    assert "lab" not in line["annotations"]


def test_every_drawn_scenario_has_a_template() -> None:
    assert {("clean", target) for target in TARGETS} <= TEMPLATES.keys()
    for scenario, targets in CENSORSHIP:
        for target in targets:
            assert any(verdict.state in ACCUSED for verdict in TEMPLATES[scenario, target].truth.values()), (
                scenario,
                target,
            )


def test_light_measurements_are_shorter_and_have_one_service() -> None:
    for key, template in LIGHT.items():
        assert len(template.truth) == 1, key
    whole, light = (sum(len(part) for one in some.values() for part in one.parts) for some in (TEMPLATES, LIGHT))
    assert light < 0.45 * whole


def test_plans_differ_by_seed_and_have_every_kind_of_event() -> None:
    plan = draw_plan(3)
    assert plan == draw_plan(3) != draw_plan(4)
    assert {event.onset > FIRST_DAY for event in plan.events} == {True, False}
    assert any(event.end for event in plan.events)
    assert any(network.silent for network in plan.networks)
    ((country, dark),) = plan.shutdowns.items()
    assert len(days()) == DAYS
    assert not any(network.country == country for day in dark for network in plan.measured(day))


def test_same_seed_gives_the_same_bytes_and_true_verdicts(tmp_path: Path) -> None:
    summary = synthesise(300, 5, tmp_path / "a")
    synthesise(300, 5, tmp_path / "b")
    for path in ("truth.json", "lines/00000.jsonl.gz"):
        assert (tmp_path / "a" / path).read_bytes() == (tmp_path / "b" / path).read_bytes()
    packed = (tmp_path / "a" / "lines" / "00000.jsonl.gz").read_bytes()
    lines = [json.loads(line) for line in gzip.decompress(packed).splitlines()]
    assert len(lines) == summary["lines"] == 300
    assert {line["probe_cc"] for line in lines} <= set(COUNTRIES)
    truth = json.loads((tmp_path / "a/truth.json").read_text())
    found: dict[tuple[str, str], list[str]] = {}
    for line in lines:
        for record in judge_measurement(line, file="a", number=1):
            if record["valid"]:
                found.setdefault((record["service"], record["probe_cc"]), []).append(record["state"])
    cells = {(cell["service"], cell["by"]["cc"]): cell for cell in truth["cells"] if "asn" not in cell["by"]}
    assert {key: len(states) for key, states in found.items()} == {key: c["n"] for key, c in cells.items() if c["n"]}
    for key, states in found.items():
        if cells[key]["state"] not in {"mixed", "insufficient"}:
            assert states.count(cells[key]["state"]) >= 0.8 * len(states) >= 4
    assert truth["events"]
