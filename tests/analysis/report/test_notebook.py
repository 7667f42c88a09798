"""Test the tables for notebooks against the truth of an invented world, and run the notebook on files and a store."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import polars
import pytest

from probe.analysis.compare.axes import QuestionError
from probe.analysis.report.notebook import STATES, Verdicts
from probe.lab.synth.write import synthesise
from tests.support.store.stores import some_lines, store_of

NOTEBOOK = Path(__file__).parents[3] / "docs" / "analysis.ipynb"
LINES = 1000


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("world")
    synthesise(LINES, 3, folder)
    return folder


@pytest.fixture(scope="module")
def verdicts(world: Path) -> Verdicts:
    return Verdicts(world / "lines", lab=True)


@pytest.fixture(scope="module")
def truth(world: Path) -> dict[str, Any]:
    truth: dict[str, Any] = json.loads((world / "truth.json").read_text())
    return truth


@pytest.mark.usefixtures("one_contributor_is_enough")
@pytest.mark.parametrize("by", ["cc", "cc,asn"])
def test_cells_match_invented_world(verdicts: Verdicts, truth: dict[str, Any], by: str) -> None:
    """Compare counts with the truth, and states with its events. A state is that of the newest days."""
    axes = by.split(",")
    found = {(row["service"], *(row[axis] for axis in axes)): row for row in verdicts.compare(by).to_pylist()}
    put_in = {
        (cell["service"], *(cell["by"][axis] for axis in axes)): cell
        for cell in truth["cells"]
        if set(cell["by"]) == set(axes)
    }
    assert found.keys() == put_in.keys() and len(put_in) > 200
    for key, row in found.items():
        true, networks = put_in[key], set(row["networks"])
        events = [one for one in truth["events"] if one["service"] == key[0] and networks & set(one["networks"])]
        assert row["n"] - row["connected"] == true["n"]
        assert row["state"] == true["state"] or events, key
        assert not row["mechanisms"] or set(row["mechanisms"]) <= {one["mechanism"] for one in events}, key
    assert sum(row["state"] == "blocked" for row in found.values()) > 1


@pytest.mark.usefixtures("one_contributor_is_enough")
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
    assert (series[[*STATES, "connected"]].sum(axis=1) == series["n"]).all()
    assert (series["n"] == 0).any() and series.groupby("cc").size().nunique() == 1
    rows = polars.from_arrow(verdicts.rows())
    assert isinstance(rows, polars.DataFrame)
    counted = rows.filter((polars.col("service") == "telegram/web") & (polars.col("state").str.len_chars() > 0))
    assert 0 < series["n"].sum() <= len(counted)


def test_unusable_lines_are_listed(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("nonsense\n")
    assert [(file, number) for file, number, _ in Verdicts(tmp_path).refused] == [("a.jsonl", 1)]


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Make a results file and a store of the same nine measurements, and of a line that is none."""
    folder = tmp_path_factory.mktemp("sources")
    store = store_of(folder, [*some_lines(9), {"test_keys": None}])
    return {"files": folder / "lines.jsonl", "store": store}


def test_store_and_files_have_equal_tables(sources: dict[str, Path]) -> None:
    files, store = Verdicts(sources["files"]), Verdicts(sources["store"])
    assert len(files.refused) == 1 and files.refused == store.refused
    assert store.compare("cc,asn").num_rows > 3
    for ask in ("compare", "series", "events"):
        own, other = getattr(files, ask)(), getattr(store, ask)()
        assert own.schema == other.schema
        witness = [name for name in own.column_names if name.startswith("witness")]
        assert own.drop_columns(witness) == other.drop_columns(witness)
    # a store's hashes are those of the lines' bytes, and it sorts by them
    own, other = (one.rows().drop_columns(["line_hash"]).sort_by("measurement_line") for one in (files, store))
    assert own == other and own.num_rows == 9 and own.column("valid").to_pylist().count(True) > 0


@pytest.mark.parametrize("kind", ["files", "store"])
def test_answer_without_rows_has_the_same_columns(sources: dict[str, Path], kind: str) -> None:
    verdicts, narrow = Verdicts(sources[kind]), {"since": "2030-01-01"}
    for ask in ("compare", "series"):
        empty, full = getattr(verdicts, ask)(**narrow), getattr(verdicts, ask)()
        assert (empty.num_rows, empty.schema) == (0, full.schema)
    with pytest.raises(QuestionError, match="Widen --since"):
        verdicts.events(**narrow)


@pytest.mark.parametrize("kind", ["files", "store"])
def test_notebook_runs(sources: dict[str, Path], kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_spec("ipywidgets") is None  # DuckDB needs it for its progress bar, which we switch off
    shown = run_notebook(sources[kind], monkeypatch)
    assert "telegram/web" in shown and "NA" in shown and "(1, 9)" in shown


def test_notebook_runs_on_invented_world(world: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = run_notebook(world / "lines", monkeypatch)
    assert "telegram/web" in shown and "XA" in shown


def run_notebook(source: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Run every cell of the notebook, and return the text of all outputs."""
    monkeypatch.setenv("PROBE_LINES", str(source))
    monkeypatch.setenv("PROBE_LAB", "1")
    book = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(book)
    done = nbclient.NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return "".join(
        str(output.get("text") or output.get("data", {}).get("text/plain", ""))
        for cell in done.cells
        for output in cell.get("outputs", [])
    )
