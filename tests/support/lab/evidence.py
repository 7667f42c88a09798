"""Check the measurements of a lab run: OONI's rules and score, our schema, no user data, and evidence."""

import json
from pathlib import Path
from typing import Any

from probe.analysis.verdicts.verdicts import judge_measurement, to_json
from probe.cli.results.validate import describe_finding
from probe.lab.net.fabric import FabricConfig
from probe.results.validation import ValidationTally
from tests.support.measurements.ablation import labels_swapped, without_transactions
from tests.support.ooni.checker import problems
from tests.support.ooni.expected_scores import disagreement

Line = dict[str, Any]
HOME = (FabricConfig.home_public_v4, FabricConfig.home_v6, "192.168.1.")
STRENGTH = ["blocked", "likely_blocked", "degraded", "impaired", "down", "insufficient", "ok"]


def read(folder: Path) -> list[tuple[Path, int, Line]]:
    """Return every measurement below `folder`: file, line number from 1, document."""
    return [
        (path, number, json.loads(text))
        for path in sorted(folder.rglob("*.jsonl"))
        for number, text in enumerate(path.read_text().splitlines(), 1)
    ]


def check_lines(folder: Path, records: list[Line]) -> None:
    """Check every line below `folder` against the records that the run printed."""
    lines = read(folder)
    judged = [judge_measurement(line, file=path.name, number=number) for path, number, line in lines]
    assert [to_json(record) for found in judged for record in found] == [to_json(record) for record in records]
    check_that_they_fit(lines)
    for (_, _, line), found in zip(lines, judged, strict=True):
        assert problems(line) == []
        assert disagreement(line, found) is None
        text = json.dumps(line)
        assert not [trace for trace in HOME if trace in text]
        check_that_verdicts_rest_on_something(line, found)


def check_that_they_fit(lines: list[tuple[Path, int, Line]]) -> None:
    """Check that every measurement fits the published schema, as `probe validate` does."""
    tally = ValidationTally()
    for _, number, line in lines:
        tally.add(number, line)
    assert tally.fitting == len(lines), "\n".join(map(describe_finding, tally.findings.values()))


# The control decides these rules, and exchanging labels does not change it.
SPEAK_FOR_THEMSELVES = frozenset({"resolver_answers_bogon", "resolver_denies_a_name_that_exists"})


def check_that_verdicts_rest_on_something(line: Line, records: list[Any]) -> None:
    """Check that no `blocked` remains without its transactions, or with exchanged labels."""
    blocked = [record for record in records if record["state"] == "blocked"]
    swapped = states(labels_swapped(line)) if blocked else {}
    for record in blocked:
        ids = [number for endpoint in record["endpoints"] for number in endpoint["transactions"]]
        assert ids
        bare = states(without_transactions(line, ids))[record["service"]]
        assert STRENGTH.index(bare) > 0, f"{record['service']} stays blocked without {ids}"
        if SPEAK_FOR_THEMSELVES & {endpoint["rule_id"] for endpoint in record["endpoints"]}:
            continue
        assert swapped[record["service"]] != "blocked", f"{record['service']} stays blocked with its labels exchanged"


def states(line: Line) -> dict[str, str]:
    """Return the state of each service in a changed measurement."""
    records = judge_measurement(line, file="x.jsonl", number=1)
    found = {record["service"]: str(record["state"]) for record in records}
    assert len(found) == len(records)
    return found
