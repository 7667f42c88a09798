"""Test the tables for notebooks against the truth of an invented world, and run the notebook."""

import json
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import polars
import pytest

from probe.analysis.report.notebook import STATES, Verdicts
from probe.lab.synth.write import synthesise

NOTEBOOK = Path(__file__).parents[3] / "docs" / "analysis.ipynb"
LINES = 1000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    synthesise(LINES, 3, folder)
    return folder


@pytest.fixture(scope="module")
def verdicts(world: Path) -> Verdicts:
    return Verdicts(world / "lines")


@pytest.fixture(scope="module")
def truth(world: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((world / "truth.json").read_text())
    return truth


@pytest.mark.parametrize("by", ["cc", "cc,asn"])
def test_cells_match_invented_world(verdicts: Verdicts, truth: dict[str, Any], by: str) -> None:
    axes = by.split(",")
    found = {
        (row["service"], *(row[axis] for axis in axes)): (row["state"], sorted(row["mechanisms"]), row["n"])
        for row in verdicts.compare(by).to_pylist()
    }
    put_in = {
        (cell["service"], *(cell["by"][axis] for axis in axes)): (cell["state"], cell["mechanisms"], cell["n"])
        for cell in truth["cells"]
        if set(cell["by"]) == set(axes)
    }
    assert found == put_in and len(put_in) > 200


def test_events_match_invented_world(verdicts: Verdicts, truth: dict[str, Any]) -> None:
    found = [event for event in verdicts.events().to_pylist() if event["kind"] == "interference"]
    assert len(found) > 3
    for event in found:
        assert any(
            (one["service"], one["mechanism"]) == (event["service"], event["mechanism"])
            and set(event["networks"]) <= set(one["networks"])
            and (event["onset"] or "0") >= (one["onset"] or "0")
            for one in truth["events"]
        ), event


def test_series_has_all_counts_and_gaps(verdicts: Verdicts) -> None:
    series = verdicts.series("cc", only=["service=telegram/web"]).to_pandas()
    assert (series[list(STATES)].sum(axis=1) == series["n"]).all()
    assert (series["n"] == 0).any() and series.groupby("cc").size().nunique() == 1
    rows = polars.from_arrow(verdicts.rows())
    assert isinstance(rows, polars.DataFrame)
    counted = rows.filter((polars.col("service") == "telegram/web") & (polars.col("state").str.len_chars() > 0))
    assert 0 < series["n"].sum() <= len(counted)


def test_unusable_lines_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("nonsense\n")
    assert [(file, number) for file, number, _ in Verdicts(tmp_path).refused] == [("a.jsonl", 1)]


def test_notebook_runs(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBE_LINES", str(world / "lines"))
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    done = nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    shown = "".join(
        str(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for cell in done.cells
        for output in cell.get("outputs", [])
    )
    assert "telegram/web" in shown and "XA" in shown
