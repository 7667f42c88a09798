"""Test the public series beside missing measurements, and files that cannot be used."""

import json
from datetime import date, timedelta
from pathlib import Path

import pytest

from probe.analysis.compare.over_time.context import read_context
from probe.analysis.compare.over_time.csv_rows import CsvError
from probe.analysis.compare.over_time.event import SHUTDOWN, Event
from probe.analysis.compare.over_time.events import to_json, to_text
from tests.cli.results.test_judge import call

ONSET = date(2026, 10, 21)
DARK = Event(None, ["AS1", "AS2"], "2026-10-21", "2026-10-26", None, "2026-10-22", SHUTDOWN, "IR")


def written(folder: Path, *lines: str) -> Path:
    path = folder / "series.csv"
    path.write_text("\n".join(["time,country,value", *lines, ""]))
    return path


def around(country: str = "IR") -> list[str]:
    """Return two values a day, of which those of the event are a tenth of the others."""
    days = [ONSET + timedelta(days=number) for number in range(-20, 10)]
    return [
        f"{day}T{hour}:00,{country},{10 if 0 <= (day - ONSET).days < 5 else 100}" for day in days for hour in (10, 22)
    ]


def test_series_is_compared_inside_and_before(tmp_path: Path) -> None:
    context = read_context(written(tmp_path, *around()))
    assert context.share(DARK) == pytest.approx(0.1)
    assert "public series: 10% of its mean" in to_text([DARK], context)
    assert json.loads(to_json([DARK], context))["context_share"] == pytest.approx(0.1)
    assert "context_share" not in json.loads(to_json([DARK]))


def test_country_without_series_is_said(tmp_path: Path) -> None:
    context = read_context(written(tmp_path, *around("DE")))
    assert context.share(DARK) is None
    assert "public series: no values" in to_text([DARK], context)


@pytest.mark.parametrize(
    "line", ["yesterday,IR,1", "2026-10-21,IR", "2026-10-21,Iran,1", "2026-10-21,IR,nan", "2026-10-21,IR,-1"]
)
def test_bad_line_is_refused_with_its_number(tmp_path: Path, line: str) -> None:
    with pytest.raises(CsvError, match=r"series.csv, line 3, cannot be used"):
        read_context(written(tmp_path, "2026-10-20,IR,1", line))


def test_bad_files_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = tmp_path / "other.csv"
    other.write_text("day;value\n")
    assert call("events", str(tmp_path), "--context", str(other)) == 6
    assert "The first line must be: time,country,value" in capsys.readouterr().err
    assert call("events", str(tmp_path), "--context", str(tmp_path / "none.csv")) == 6
    assert "none.csv cannot be read" in capsys.readouterr().err
