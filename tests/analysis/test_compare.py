"""Vantage points side by side: readable anywhere, and the same as data."""

import json
from typing import Any

from probe.analysis.compare import Comparison, Vantage, to_json, to_text
from probe.analysis.verdicts import judge_line
from tests.analysis.lines import GENUINE, Lines
from tests.analysis.test_verdicts import URL, blocked, pool, web


def records(lines: Lines, start: str = "2026-11-24 13:05:00") -> list[dict[str, Any]]:
    return judge_line(lines.line() | {"measurement_start_time": start}, file="a", number=1)


def fine() -> Lines:
    lines = web()
    lines.first(URL, GENUINE)
    return lines


IRAN, GERMANY = Vantage(0, "a.jsonl", "IR", "AS44244"), Vantage(1, "b.jsonl", "DE", "AS3320")


def both() -> Comparison:
    comparison = Comparison()
    comparison.add(IRAN, records(blocked()))
    comparison.add(GERMANY, records(fine()))
    return comparison


def test_services_by_vantage_points() -> None:
    text = to_text(both())
    assert "IR AS44244" in text
    assert "DE AS3320" in text
    (row,) = [line for line in text.splitlines() if line.startswith("telegram/web")]
    assert row.split() == ["telegram/web", "BLOCKED", "OK"]
    assert "tls.reset.sni" in text


def test_the_text_is_ascii_and_at_most_80_wide() -> None:
    comparison = both()
    for number in range(9):
        vantage = Vantage(number + 2, "ünïcode\x1b[31m.jsonl", "XX", "AS4294967295", "a-rather-long-scenario-name")
        comparison.add(vantage, records(pool("any", number)))
    text = to_text(comparison)
    assert text.isascii()
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


def test_the_data_says_the_same() -> None:
    (row,) = [json.loads(line) for line in to_json(both()).splitlines()]
    assert (row["service"], row["differs"]) == ("telegram/web", True)
    here, there = (point["verdict"] for point in row["vantage_points"])
    assert (here["state"], here["mechanisms"], there["state"]) == ("blocked", ["tls.reset.sni"], "ok")


def test_the_latest_measurement_speaks_and_the_others_are_counted() -> None:
    comparison = Comparison()
    comparison.add(IRAN, records(fine(), "2026-11-24 13:05:00"))
    comparison.add(IRAN, records(blocked(), "2026-11-24 15:05:00"))
    comparison.add(IRAN, records(blocked(), "2026-11-24 11:05:00"))
    cell = comparison.cell("telegram/web", IRAN)
    assert cell is not None
    assert (cell["state"], cell["n"], cell["states"]) == ("blocked", 3, {"blocked": 2, "ok": 1})
    assert "BLOCKED (2 of 3)" in to_text(comparison)


def test_an_invalid_measurement_is_no_difference() -> None:
    portal = fine()
    portal.preflight["portal"] = "redirect"
    comparison = Comparison()
    comparison.add(IRAN, records(portal))
    comparison.add(GERMANY, records(fine()))
    assert "captive_portal" in to_text(comparison)
    assert json.loads(to_json(comparison))["differs"] is False


def test_one_network_in_two_files_is_told_apart_by_the_files() -> None:
    comparison = Comparison()
    comparison.add(Vantage(0, "monday.jsonl", "XX", "AS64500"), records(fine()))
    comparison.add(Vantage(1, "friday.jsonl", "XX", "AS64500"), records(blocked()))
    text = to_text(comparison)
    assert "monday.jsonl" in text
    assert "friday.jsonl" in text
