"""Test `probe compare`, `series` and `events` with a store, and the HTML page."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from tests.analysis.compare.test_events import bad, fine
from tests.cli.results.test_judge import call, lines
from tests.support.measurements.verdict_rows import store


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    store(tmp_path, fine(5, range(9)), bad(5, range(9, 12)))
    return tmp_path


def test_store_can_be_compared(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("events", "--json", str(kept)) == 0
    assert json.loads(capsys.readouterr().out)["onset"] == "2026-10-10"
    assert call("series", "--only", "service=telegram/web", "--since", "2026-10-10", str(kept)) == 0
    assert capsys.readouterr().out.count("####################  5 BLOCKED") == 3
    assert call("compare", "--json", "--by", "cc", str(kept)) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 60


def test_empty_selection_exits_with_6(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("series", "--since", "2027-01-01", str(kept)) == 6
    assert "No measurement matches" in capsys.readouterr().err
    assert call("compare", "--only", "cc=ZZ", str(kept)) == 6
    assert call("events", "--until", "2001-01-01", str(kept)) == 6
    assert "No measurement matches" in capsys.readouterr().err.splitlines()[-1]


def test_baseline_without_measurements_is_reported(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "--baseline", "cc=ZZ", str(kept)) == 0
    assert capsys.readouterr().err == "No measurement was made at the baseline cc=ZZ. Nothing is compared.\n"
    assert call("compare", "--baseline", "cc=IR", str(kept)) == 0
    assert capsys.readouterr().err == ""


def page_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    return dict(json.loads(found[1]))


def test_page_is_private_and_has_cells(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert call("compare", "--html", str(page), str(kept)) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"saved {page}\n")
    assert page.stat().st_mode & 0o777 == 0o600
    assert page_of(page)["cells"][0]["text"] == "MIXED 15 BLOCKED, 45 OK"
    assert page_of(page)["sources"] == [kept.name]  # a home path identifies the user


def test_page_of_measurements_without_time(tmp_path: Path) -> None:
    """Write cells without times. There is no day on which an event can begin."""
    file, page = tmp_path / "a.jsonl", tmp_path / "page.html"
    file.write_text(json.dumps(lines()[0] | {"measurement_start_time": "yesterday"}) + "\n")
    assert call("compare", "--html", str(page), str(file)) == 0
    assert page_of(page)["cells"]
    assert call("events", str(file)) == 6


def test_unwritable_page_is_refused(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "--html", str(kept / "none" / "page.html"), str(kept)) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_page_of_one_run_has_evidence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Check the only column and the sentences of evidence, also for measurements of the lab."""
    file = tmp_path / "130500-4f2a.jsonl"
    file.write_text("".join(json.dumps(line | {"annotations": {"lab": "x"}}) + "\n" for line in lines()[:1]))
    page = tmp_path / "receipt.html"
    assert call("show", str(file), "--html", str(page)) == 0
    data = page_of(page)
    assert (data["title"], data["lab"], len(data["vantages"])) == ("What this run found", True, 1)
    assert [cell["text"] for cell in data["cells"]] == ["(BLOCKED 1/1)"]
    assert any("failed in tls_handshake with connection_reset" in one for one in data["verdicts"][0]["evidence"])
    assert data["verdicts"][0]["file"] == file.name
