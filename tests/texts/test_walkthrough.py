"""Test that docs/concepts/judge.md shows the numbers that the analysis computes from the recording."""

import gzip
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.ruleset.tables import RULES
from probe.analysis.verdicts.measurement_tables import ask
from probe.analysis.verdicts.verdicts import judge_measurement
from probe.cli.data.sql import _as_table
from probe.cli.results.judging_steps import print_steps

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "concepts" / "judge.md"
RECORDING = ROOT / "probe" / "lab" / "recorded" / "sni-reset.jsonl.gz"
LINE = 2
RULE = "failure_follows_name_to_neutral_host"


@pytest.fixture(scope="module")
def page() -> str:
    return PAGE.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def measurement() -> dict[str, Any]:
    with gzip.open(RECORDING, "rt", encoding="utf-8") as file:
        measurements: list[dict[str, Any]] = [json.loads(line) for line in file]
    return measurements[LINE - 1]


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


def test_tables_are_those_of_the_recording(page: str, measurement: dict[str, Any]) -> None:
    shown = re.findall(r"^```\n\$ probe sql (.*?) \"(.*?)\"\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    for place, select, answer in shown:
        assert place == f"--measurement {RECORDING.name}:{LINE}"
        rows = ask(measurement, select)
        assert answer == "".join(text for number, row in enumerate(rows) for text in _as_table(number, row)), select
    tables = {name for _, select, _ in shown for name in re.findall(r"(?:FROM|JOIN) (\w+)", select)}
    assert tables >= {"observation", "flow", "trust", "name_row", "link", "address_row", "address_decided"}
    assert tables >= {"endpoint_part", "service_verdict"}


def test_both_addresses_have_the_same_row(measurement: dict[str, Any]) -> None:
    first, second = ask(measurement, "SELECT * FROM address_row WHERE tls_resets > 0")
    assert {name for name in first if first[name] != second[name]} == {"address", "first_n"}


def test_condition_is_that_of_the_rule(page: str, measurement: dict[str, Any]) -> None:
    shown = re.findall(r"^\| `([^`]+)` \| (\d+|true) \|$", page, re.MULTILINE)
    assert " AND ".join(part for part, _ in shown) == RULES[f"{RULE}:tls:reset"].when
    (row,) = ask(measurement, "SELECT * FROM address_row WHERE address = '149.154.165.217'")
    for part, value in shown:
        assert str(row[part.split()[0]]) == value.replace("true", "1"), part


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
