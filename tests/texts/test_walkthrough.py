"""Test that docs/concepts/one-measurement.md shows the numbers that the analysis computes from the recording."""

import dataclasses
import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.engines.recorder import Recorder
from probe.analysis.features.rows import AddressRow, NameRow
from probe.analysis.rules.tables import RULES
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.cli.results.judging_steps import print_steps

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "concepts" / "one-measurement.md"
RECORDING = ROOT / "probe" / "lab" / "recorded" / "sni-reset.jsonl.gz"
LINE = 2
RULE = "tls_reset_follows_name_to_neutral_host"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def measurement() -> dict[str, Any]:
    with gzip.open(RECORDING, "rt", encoding="utf-8") as file:
        measurements: list[dict[str, Any]] = [json.loads(line) for line in file]
    return measurements[LINE - 1]


@pytest.fixture(scope="module")
def rows(measurement: dict[str, Any]) -> list[Any]:
    with SQLiteEngine() as engine:
        recorder = Recorder(engine)
        judge_measurement(measurement, file=RECORDING.name, number=LINE, engine=recorder)
    return [decision.row for decision in recorder.decisions]


def columns(row: NameRow | AddressRow) -> dict[str, Any]:
    default = type(row)()
    names = [field.name for field in dataclasses.fields(row)]
    return {name: getattr(row, name) for name in names if getattr(row, name) != getattr(default, name)}


def numbers_in(text: str) -> dict[str, Any]:
    """Return the columns of a table cell such as "`tls_resets` 2, `address_proven` true"."""
    return {name: value == "true" or int(value) for name, value in re.findall(r"`(\w+)` (true|\d+)", text)}


def test_counts_of_transactions_are_those_of_the_recording(page: str, measurement: dict[str, Any]) -> None:
    transactions = measurement["test_keys"]["x_transactions"]
    kinds = Counter(transaction["kind"] for transaction in transactions)
    assert f"{len(transactions)} transactions: {kinds['lookup']} lookups, {kinds['first']} first attempts" in page
    assert f"{kinds['innocuous']} innocuous flows, {kinds['confirm']} confirmations" in page
    assert f"{kinds['followup']} follow-ups" in page
    shown = re.findall(r"^\| (\d+) \| (\w+) \| `?(\w*)`? ?\| ([\w:.]+) \| ([\w.-]*) ?\| (\w*) ?\|$", page, re.MULTILINE)
    assert len(shown) > 10
    for number, *cells in shown:
        found = transactions[int(number) - 1]
        told = [found["kind"], found["followup"], found["address"], found["sent_name"], found["failure"] or ""]
        assert cells == told, number


def test_features_are_those_of_the_recording(page: str, rows: list[Any]) -> None:
    cells = {line.split("|")[1].strip(): line.split("|")[2] for line in page.splitlines() if line.count("|") == 3}
    (name,) = [columns(row) for row in rows if isinstance(row, NameRow) and row.dns_needed]
    shown = numbers_in(cells["name `web.telegram.org`"])
    assert shown.items() <= name.items() and len(shown) > 8
    ipv4, ipv6 = [columns(row) for row in rows if isinstance(row, AddressRow) and row.tls_resets]
    shown = numbers_in(cells["address 149.154.165.217, here"] + cells["the same, comparisons"])
    assert shown.items() <= ipv4.items() and len(shown) > 14
    assert ipv4 == ipv6


def test_condition_is_that_of_the_rule(page: str) -> None:
    shown = re.findall(r"^\| `([^`]+)` \| (?:\d+|true) \|$", page, re.MULTILINE)
    assert " AND ".join(shown) == RULES[RULE].when
    assert f"| tls | `{RULE}` | blocked |" in page


@pytest.mark.parametrize("document", [PAGE, PAGE.parent.parent / "verdicts.md"])
def test_steps_are_those_that_the_command_prints(document: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shown = re.findall(r"^```\n\$ probe judge --explain (.*)\n((?:.*\n)*?)```$", document.read_text(), re.MULTILINE)
    assert shown and {place for place, _ in shown} == {f"{RECORDING.name}:{LINE}"}
    print_steps(f"{RECORDING}:{LINE}")
    printed = capsys.readouterr().out
    for passage in (text.rstrip() for _, block in shown for text in re.split(r"^ *…$", block, flags=re.MULTILINE)):
        assert passage in printed


def test_verdict_is_that_of_the_recording(page: str, measurement: dict[str, Any]) -> None:
    records = judge_measurement(measurement, file=RECORDING.name, number=LINE)
    (record,) = [record for record in records if record["service"] == "telegram/web"]
    (shown,) = re.findall(r"^\{\"measurement_start_time.*?…\}", page, re.MULTILINE | re.DOTALL)
    whole = json.loads(shown.replace("…, ", "").replace(", …", ""))
    assert whole.items() <= record.items() and len(whole) > 9
