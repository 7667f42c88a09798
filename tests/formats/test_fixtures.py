"""Test that real measurements of every format version are still read, are valid, and keep their verdicts."""

import json
import re
from typing import Any

import pytest

from probe.formats.__main__ import DICTIONARY, FIXTURE
from probe.results import Problem, read_lines
from probe.results.validation import ValidationTally, schemas
from probe.targets.target_files import bundled_targets, pick_targets, target_names
from tests.fixtures.make import verdicts
from tests.support.lab.evidence import HOME

FOLDER = FIXTURE.parent
VERSIONS = [".".join(map(str, version)) for version in schemas()]
REMAKE = (
    "if the verdicts of an unreleased format are meant to change: python -m tests.fixtures.make (see its docstring)"
)


def lines_of(version: str) -> list[dict[str, Any]]:
    found = [line for _, line in read_lines(FOLDER / f"lines-{version}.jsonl.gz")]
    assert not [line for line in found if isinstance(line, Problem)]
    return [line for line in found if not isinstance(line, Problem)]


def test_every_version_has_a_schema_and_measurements() -> None:
    lines = {path.name.removeprefix("lines-").removesuffix(".jsonl.gz") for path in FOLDER.glob("lines-*")}
    assert VERSIONS and lines == set(VERSIONS)


@pytest.mark.parametrize("version", VERSIONS)
def test_measurements_fit_the_schema_of_their_version(version: str) -> None:
    tally = ValidationTally()
    for number, line in enumerate(lines_of(version), 1):
        tally.add(number, line)
    assert tally.fitting == tally.lines > 0, list(tally.findings.values())


@pytest.mark.parametrize("version", VERSIONS)
def test_measurements_keep_their_verdicts(version: str) -> None:
    before = (FOLDER / f"verdicts-{version}.jsonl").read_text().splitlines(keepends=True)
    today = verdicts(lines_of(version), f"lines-{version}.jsonl.gz")
    assert len(before) == len(today) > 0
    for old, new in zip(before, today, strict=True):
        assert json.loads(new) == json.loads(old), REMAKE


def test_newest_fixtures_have_every_nettest_and_every_kind_of_verdict() -> None:
    lines = lines_of(VERSIONS[-1])
    targets = pick_targets(bundled_targets(), target_names(bundled_targets()))
    assert {target.nettest for target in targets} <= {line["test_name"] for line in lines}
    text = (FOLDER / f"verdicts-{VERSIONS[-1]}.jsonl").read_text()
    states = {json.loads(record)["state"] for record in text.splitlines()}
    assert states >= {"ok", "blocked", "likely_blocked", "insufficient", None}


@pytest.mark.parametrize("version", VERSIONS)
def test_measurements_are_from_the_lab_and_identify_no_user(version: str) -> None:
    for line in lines_of(version):
        assert line["annotations"]["lab"] and not [trace for trace in HOME if trace in json.dumps(line)]


def test_every_plain_field_of_the_dictionary_has_an_example() -> None:
    """Require an example for each field, from the measurements or from its class (`Field(examples=[…])`)."""
    rows = [row for row in DICTIONARY.read_text().splitlines() if re.match(r"\| `\w+` \|", row) and "](#" not in row]
    assert len(rows) > 150
    assert not [row for row in rows if row.endswith("|  |")]


def test_fixtures_stay_small() -> None:
    assert sum(path.stat().st_size for path in FOLDER.glob("*-*")) < 350_000 * len(VERSIONS)
