"""Test the questions, the JSON and the words of a comparison."""

import json

import pytest
from rich.cells import cell_len

from probe.analysis.compare.axes import Question, QuestionError, parse_by, parse_moment, parse_pairs, parse_question
from probe.analysis.compare.cells import Comparison, compare
from probe.analysis.compare.compare import folded, label, to_json
from tests.support.measurements.verdict_rows import blocked, rows, table

pytestmark = pytest.mark.usefixtures("one_contributor_is_enough")


def both(n: int = 6) -> Comparison:
    return compare(table(blocked(n), rows(n, probe_cc="DE", probe_asn="AS3320", network="")), Question())


def test_json_has_same_cells() -> None:
    first, second = [json.loads(line) for line in to_json(both()).splitlines()]
    assert list(first)[:10] == [
        *("service", "vantage", "state", "mechanisms", "n", "by_state"),
        *("networks", "reporters_max", "witness", "difference"),
    ]
    assert second["vantage"] == {"cc": "IR", "asn": "AS64500"}
    assert (second["state"], second["mechanisms"], second["n"]) == ("blocked", ["tls.reset.sni"], 6)
    assert (second["by_state"], second["reporters_max"]) == ({"blocked": 6}, 6)
    assert second["witness"]["file"] == "a.jsonl"
    assert list(first)[10:] == [
        "found",
        "set_aside",
        "runs",
        "now",
        "derived",
        "q_value",
        "partial",
        "whole_network",
        "throughput",
        "cutoff",
        "calls",
        "regimes",
    ]
    assert (second["difference"], second["runs"]) == (None, 6)  # one source each
    assert list(second["now"]) == [
        *("state", "first", "last", "since", "runs", "networks", "failing", "days", "failing_days", "low", "high"),
        *("contributors", "enough", "network_states"),
    ]


def test_vantage_points_have_labels() -> None:
    assert label({"cc": "IR", "asn": "AS1"}) == "IR AS1"
    assert label({"cc": "XX", "lab": "great-firewall"}) == "XX LAB great-firewall"
    assert label({"cc": "XX", "lab": ""}) == "XX"


def test_long_words_are_broken_after_punctuation() -> None:
    assert folded("dns.injection.other", 17) == ["dns.injection.", "other"]
    assert folded("OK 3/6, on 1 of 2 networks", 17) == ["OK 3/6, on 1 of 2", "networks"]
    assert folded("x" * 20 + " y.z", 8) == ["x" * 8, "x" * 8, "xxxx y.z"]
    assert folded("a  b", 8) == ["a  b"]
    assert folded("", 8) == [""]


def test_folding_keeps_letters_and_no_control_characters() -> None:
    assert folded("شمرده نشده: 1", 20) == ["شمرده نشده: 1"]
    assert all(cell_len(line) <= 20 for line in folded("未测量：这些是从开始到现在的状态。" * 3, 20))
    assert folded("b\u00fccher \x1b[2J", 40) == ["b\u00fccher \\u001b[2J"]


def test_questions_are_parsed_or_refused() -> None:
    assert parse_by(None) == ("service", ("cc", "asn"))
    assert parse_by("target, cc") == ("target", ("cc",))
    assert parse_pairs("--baseline", ["cc=DE,asn=AS3320"]) == (("cc", "DE"), ("asn", "AS3320"))
    assert parse_moment("--since", "2026-11-24T13:00") == "2026-11-24T13:00"
    for wrong in (
        lambda: parse_question(since="2026-11-24", until="2026-11-24"),
        lambda: parse_by("planet"),
        lambda: parse_pairs("--only", ["cc"]),
        lambda: parse_moment("-", "24 May"),
    ):
        with pytest.raises(QuestionError):
            wrong()
