"""Test validation against the schema: places, counts, other software, and bounded memory."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.formats.__main__ import fixture_lines
from probe.results import Problem, validation
from probe.results.validation import MOST_GROUPS, ValidationTally, other_software, problems, schemas

GOOD = next(line for line in fixture_lines() if line["test_name"] == "telegram" and line["test_keys"]["tcp_connect"])
Line = dict[str, Any]


def spoiled(how: Callable[[Line], object]) -> Line:
    line = copy.deepcopy(GOOD)
    how(line)
    return line


def places(line: Line) -> list[str]:
    return [place for place, _, _, _ in problems(line)]


def test_valid_measurement_has_no_problem() -> None:
    assert places(GOOD) == []


@pytest.mark.parametrize(
    ("how", "place"),
    [
        (lambda line: line.update(x_mine=1), "x_mine"),
        (lambda line: line.pop("probe_cc"), "probe_cc"),
        (lambda line: line.update(probe_cc="it"), "probe_cc"),
        (lambda line: line.update(measurement_start_time="2026-11-24T13:05:00Z"), "measurement_start_time"),
        (lambda line: line.update(test_name="unheard_of"), "test_name"),
        (lambda line: line.pop("software_name"), "software_name"),
        (lambda line: line["test_keys"].pop("telegram_web_status"), "test_keys.telegram_web_status"),
        (lambda line: line["test_keys"].update(whatsapp_web_status="ok"), "test_keys.whatsapp_web_status"),
        (lambda line: line["test_keys"]["tcp_connect"][0].update(port="80"), "test_keys.tcp_connect[].port"),
        (lambda line: line["test_keys"]["x_run"].pop("triggers"), "test_keys.x_run.triggers"),
        (
            lambda line: line["test_keys"]["x_endpoints"].update(mail=[{"operation": "greetings"}]),
            "test_keys.x_endpoints.mail[].operation",
        ),
    ],
)
def test_place_of_a_problem_is_named(how: Callable[[Line], object], place: str) -> None:
    assert place in places(spoiled(how))


def test_problems_are_grouped_and_the_first_is_kept() -> None:
    tally = ValidationTally()
    tally.add(1, GOOD)
    for number in (2, 3):
        tally.add(number, spoiled(lambda line: [t.update(port="x") for t in line["test_keys"]["x_transactions"][1:]]))
    (finding,) = tally.findings.values()
    assert finding["place"] == "test_keys.x_transactions[].port"
    assert finding["first_path"] == "test_keys.x_transactions[1].port"
    assert (finding["first_line"], finding["first_value"]) == (2, '"x"')
    assert finding["count"] == 2 * (len(GOOD["test_keys"]["x_transactions"]) - 1)
    assert (tally.lines, tally.fitting, tally.ours) == (3, 1, 3)


@pytest.mark.parametrize("colon", [": ", "\u00a0: ", "："])
def test_unreadable_line_is_a_problem(colon: str) -> None:
    tally = ValidationTally()
    for reason in ("Expecting value", "Extra data"):
        tally.add(7, Problem("x.jsonl", 7, f"The line is not valid JSON{colon}{reason}"))
    (finding,) = tally.findings.values()
    assert finding["sentence"] == "The line is not valid JSON" and (tally.unreadable, tally.ours) == (2, 0)
    assert finding["first_value"] == '"Expecting value"'


def test_measurements_of_other_software_are_counted_and_not_checked() -> None:
    tally = ValidationTally()
    tally.add(1, {"software_name": "ooniprobe-android", "software_version": "3.8.2"})
    assert tally.foreign == {"ooniprobe-android 3.8.2": 1} and not tally.findings and tally.ours == 0
    assert other_software(GOOD) is None and other_software({}) is None


def test_memory_for_a_malicious_file_is_bounded() -> None:
    tally = ValidationTally()
    for number in range(3):
        tally.add(number, GOOD | {f"x_{number}_{n}": "y" * 5000 for n in range(MOST_GROUPS)})
        tally.add(number, {"software_name": f"{number}" * 5000})
    assert len(tally.findings) == MOST_GROUPS and tally.beyond == 2 * MOST_GROUPS
    assert len(json.dumps(list(tally.findings.values()))) < 400 * MOST_GROUPS
    assert all(len(name) < 100 for name in tally.foreign)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
JSON = st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


@given(JSON)
def test_any_json_value_is_checked(value: Any) -> None:
    for line in (GOOD | {"test_keys": value}, {"software_version": value}):
        assert places(line) != []


DEEP = '{"annotations":' + '{"a":' * 900 + "1" + "}" * 901


@pytest.mark.parametrize("raw", ['{"probe_cc":"\\ud800"}', '{"\\udfff":1}', DEEP])
def test_value_that_only_python_reads_is_a_problem(raw: str) -> None:
    assert places(json.loads(raw)) != []


# -- versions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("software", "schema"),
    [
        ("0.1.0", "0.1.0"),
        ("0.1.9", "0.1.0"),
        ("0.2.0", "0.2.0"),
        ("0.10.0.dev3", "0.2.0"),
        ("0.0.1", "0.1.0"),
        ("?", "0.1.0"),
    ],
)
def test_measurement_belongs_to_the_newest_schema_that_is_not_newer(
    software: str, schema: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for version in ("0.1.0", "0.2.0"):
        named = {"properties": {"software_version": {"const": version}}}
        (tmp_path / f"measurement-{version}.json").write_text(json.dumps(named))
    monkeypatch.setattr(validation, "FOLDER", tmp_path)
    monkeypatch.setattr(validation, "__version__", "1.0.0")
    schemas.cache_clear(), validation._validator.cache_clear()
    try:
        found = [sentence for _, _, sentence, _ in problems({"software_version": software})]
    finally:
        schemas.cache_clear(), validation._validator.cache_clear()
    assert found == ([] if software == schema else [f'"{schema}" was expected'])


def test_measurement_of_a_newer_program_is_reported() -> None:
    (problem,) = problems(spoiled(lambda line: line.update(software_version="99.0.0", x_unheard_of=1)))
    assert problem[0] == "software_version" and "newer than this program" in problem[2]
