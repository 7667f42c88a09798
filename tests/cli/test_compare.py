"""`probe series` and `probe events`, as a user calls them."""

import json
from pathlib import Path

import pytest

from tests.analysis.test_events import bad, fine
from tests.analysis.verdictrows import store
from tests.cli.test_judge import call


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    store(tmp_path, fine(5, range(9)), bad(5, range(9, 12)))
    return tmp_path


def test_from_a_store(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("events", "--json", str(kept)) == 0
    assert json.loads(capsys.readouterr().out)["onset"] == "2026-10-10"
    assert call("series", "--only", "service=telegram/web", "--since", "2026-10-10", str(kept)) == 0
    assert capsys.readouterr().out.count("####################  5 BLOCKED") == 3
    assert call("compare", "--json", "--by", "cc", str(kept)) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 60


def test_nothing_is_left(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("series", "--since", "2027-01-01", str(kept)) == 6
    assert "nothing is left" in capsys.readouterr().err
    assert call("compare", "--only", "cc=ZZ", str(kept)) == 6
