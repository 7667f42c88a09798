"""Add transfers after an answer that stopped to synthetic measurements, and judge them in short."""

from typing import Any

from probe.analysis.verdicts.verdicts import judge_measurement
from tests.support.measurements.lines import GENUINE, INNOCUOUS, Lines

NEUTRAL = "9.9.9.10"
Parts = dict[str, Any]


def add_transfer(lines: Lines, url: str, kind: str, shown: Parts | None, outcome: str, t0: float) -> None:
    """Add a transfer of this kind. A complete one takes 0.1 seconds, another one four and has the outcome."""
    if shown is None:
        return
    complete = shown.get("body_failure") is None
    about: Parts = {
        "kind": "followup",
        "followup": kind,
        "check": False,
        "t0": t0,
        "t": t0 + (0.1 if complete else 4.0),
    }
    about["host"] = url.split("/")[2].partition(":")[0]
    where = GENUINE
    if kind == "innocuous_name_transfer":
        about["name"] = INNOCUOUS
    if kind == "neutral_host_transfer":
        about |= {"name": "neutral.example", "host": "neutral.example"}
        where = NEUTRAL
    lines._reach(lines.probe, url, where, "ok" if complete else outcome, **about | shown)


def judged_in_short(lines: Lines) -> tuple[str, list[str], str]:
    """Return state, mechanisms and rule of the only service."""
    (record,) = judge_measurement(lines.line(), file="a.jsonl", number=1)
    return record["state"], record["mechanisms"], record["rule_id"]
