"""Test the HTML page as text: escaping, Content-Security-Policy, data."""

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import compare
from probe.analysis.report.page.cell_data import MOST_EVIDENCE
from probe.analysis.report.page.page_data import page_data
from probe.analysis.report.page.render import HERE, page_script, page_style, render, script_json
from tests.analysis.compare.test_events import bad, fine
from tests.support.measurements.verdict_rows import blocked, rows, store, table


@given(st.dictionaries(st.text(), st.text()))
def test_data_cannot_end_script_element(data: dict[str, str]) -> None:
    written = script_json(data)
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == data


def test_policy_allows_only_own_style_and_script() -> None:
    rows_ = table(blocked(6))
    html = render(page_data(rows_, compare(rows_, Question()), ["a.jsonl"]))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', html)
    assert policy is not None and policy[1].startswith("default-src 'none';")
    for kind in ("script", "style"):
        (content,) = re.findall(rf"<{kind}>(.*?)</{kind}>", html, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy[1]


def test_page_sends_no_request_and_escapes_text() -> None:
    script = page_script()
    for forbidden in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "fetch(", "import"):
        assert forbidden not in script, forbidden
    written = [file for file in HERE.rglob("*") if file.suffix in {".js", ".css", ".jinja"}]
    assert len(written) > 10
    for file in written:
        addresses = re.findall(r"https?://[^\s\"']+", file.read_text())
        assert [address for address in addresses if address != "http://www.w3.org/2000/svg"] == []
    assert "url(" not in page_style()


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_store_gives_same_page(tmp_path: Path) -> None:
    groups = fine(5, range(10)), bad(5, range(10, 20))
    here, kept = table(*groups), store(tmp_path, *groups)
    pages = [page_data(source, compare(source, Question()), ["x"]) for source in (here, kept)]
    assert pages[0] | {"made": ""} == pages[1] | {"made": ""}
    assert pages[0]["events"][0]["onset"] == "2026-10-11"
    assert [len(point) for point in pages[0]["places"][0]["series"]["telegram/web"]] == [6] * 20


def test_large_page_has_no_endpoints() -> None:
    endpoints = json.dumps([{"endpoint": "https://a.example:443/", "transactions": [1]}])
    few = table(blocked(5, endpoints=endpoints))
    many = table(*(blocked(1, endpoints=endpoints, service=f"s/{n}") for n in range(MOST_EVIDENCE + 1)))
    shown = [page_data(source, compare(source, Question()), [])["verdicts"][0]["endpoints"] for source in (few, many)]
    assert shown == [[["https://a.example:443/", "", "", "", "", "1"]], []]


@pytest.mark.parametrize("endpoints", ["", "{", "[1]", '[{"transactions": "x", "mechanisms": 3}]', "null"])
def test_invalid_endpoints_of_store_are_ignored(endpoints: str) -> None:
    source = table(rows(1, endpoints=endpoints))
    (verdict,) = page_data(source, compare(source, Question()), [])["verdicts"]
    assert all(row == ["", "", "", "", "", ""] for row in verdict["endpoints"])


def test_too_many_days_give_note_without_chart() -> None:
    source = table(rows(1), rows(1, day="9999-12-31"))
    data = page_data(source, compare(source, Question()), [])
    assert (data["days"], data["places"], data["events"]) == ([], [], [])
    assert "Shorten the period with --since" in render(data)
