"""Test that one network has one spelling, so that other spellings invent no further networks."""

import json
from pathlib import Path

import pytest

from probe.analysis.observations.lenient_json import network_number
from probe.analysis.store.writing.ingest import ingest
from tests.cli.results.test_judge import call
from tests.support.store.stores import rows_of, some_lines, taken, write

SPELLINGS = (
    "AS44244",
    "AS044244",
    "AS00000044244",
    "as44244",
    "As44244",
    "AS\uff14\uff14\uff12\uff14\uff14",
    "AS٤٤٢٤٤",
)
NO_NUMBERS = (
    *(
        "",
        "AS",
        "44244",
        "AS-1",
        "AS1.5",
        "AS4294967296",
        "AS" + "9" * 400,
        " AS1",
        "AS1\n",
        "AS²",
        "ASXLII",
        "AS1 AS2",
    ),
    *(None, 44244, ["AS1"], True, float("nan")),
)


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_spelling_of_a_network_does_not_matter(spelling: str) -> None:
    assert network_number(spelling) == "AS44244"


@pytest.mark.parametrize("other", NO_NUMBERS)
def test_what_is_no_number_of_a_network_is_refused(other: object) -> None:
    assert network_number(other) == ""


def test_last_number_and_unknown_network_are_numbers() -> None:
    assert network_number("AS4294967295") == "AS4294967295"
    assert network_number("AS0") == "AS0"


def test_store_and_comparison_see_one_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [
        line | {"probe_asn": spelling, "probe_cc": "IR"}
        for spelling, line in zip(SPELLINGS, some_lines(len(SPELLINGS)), strict=True)
    ]
    number = len(SPELLINGS)
    file, wrong = write(tmp_path / "lines.jsonl", lines), some_lines(1)[0] | {"probe_asn": "AS4294967296"}
    assert taken(ingest([file, write(tmp_path / "wrong.jsonl", [wrong])], tmp_path / "store")) == (
        number + 1,
        number,
        0,
        1,
    )
    for table in ("measurements", "observations", "verdicts"):
        assert {row["probe_asn"] for row in rows_of(tmp_path / "store", table)} == {"AS44244"}
    assert call("compare", "--json", "--by", "asn", str(file)) == 0
    shown = map(json.loads, capsys.readouterr().out.splitlines())
    assert {cell["vantage"]["asn"] for cell in shown} == {"AS44244"}


@pytest.mark.parametrize("time", ["２０２６-01-11 13:00:00", "2026-1-11T13:00:00Z", "2026-01-11T1:00:00Z"])
def test_other_spelling_of_a_time_makes_no_further_day(time: str, tmp_path: Path) -> None:
    keys = some_lines(1)[0]["test_keys"]
    run = {key: value for key, value in keys["x_run"].items() if key != "preflight"}  # without the clock's error
    line = some_lines(1)[0] | {"measurement_start_time": time, "test_keys": keys | {"x_run": run}}
    file = write(tmp_path / "lines.jsonl", [line])
    assert taken(ingest([file], tmp_path / "store")) == (1, 0, 0, 1)
