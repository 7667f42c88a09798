"""Test that the page about Python names the columns and types that there are, and that its snippets run."""

import gzip
import re
from pathlib import Path
from typing import Any

import polars
import pyarrow as pa
import pytest

from probe.analysis.report.notebook import Verdicts
from probe.results import read_lines
from tests.support.store.stores import some_lines, store_of, write

ROOT = Path(__file__).parents[3]
DOCUMENT = (ROOT / "docs" / "python-api.md").read_text()
RECORDED = ROOT / "probe" / "lab" / "recorded"
VANTAGE = "the names in `by`"


def columns_in(section: str) -> list[tuple[str, str]]:
    """Return (column, type) of the table in a section of the page, `cc` and `asn` for those of the vantage point."""
    (text,) = re.findall(rf"^### {section}\n(.*?)^##", DOCUMENT, re.S | re.M)
    cells = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("|")][2:]
    found: list[tuple[str, str]] = []
    for name, kind in ((name.strip(), kind.strip()) for name, kind in cells):
        found += [("cc", kind), ("asn", kind)] if name == VANTAGE else [(name.strip("`"), kind)]
    return found


def snippets(word: str) -> list[str]:
    return [code for code in re.findall(r"```python\n(.*?)```", DOCUMENT, re.S) if word in code]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("api")
    store_of(folder, some_lines(9))
    return folder


@pytest.mark.parametrize("method", ["compare", "series", "events", "rows"])
def test_page_has_columns_and_types_of_each_table(folder: Path, method: str) -> None:
    schema: pa.Schema = getattr(Verdicts(folder / "store"), method)().schema
    names = {"list<item: string>": "list of string"}
    assert columns_in(method) == [(column.name, names.get(str(column.type), str(column.type))) for column in schema]


def test_snippets_about_a_store_run(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    found = snippets('"store"')
    assert len(found) == 2
    names: dict[str, Any] = {}
    for snippet in found:
        exec(snippet, names)
    assert {row["probe_cc"]: row["n"] for row in names["table"].to_pylist()} == {"DE": 3, "IR": 3, "NA": 3}


def test_polars_reads_packed_and_plain_measurements_with_the_snippet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [RECORDED / f"{name}.jsonl.gz" for name in ("sni-reset", "clean", "sip-drop")]
    day = tmp_path / "results" / "2026-11-26"
    day.mkdir(parents=True)
    (day / "plain.jsonl").write_bytes(gzip.decompress(files[0].read_bytes()))
    for file in files[1:]:
        (day / file.name).write_bytes(file.read_bytes())
    write(day / "other.jsonl", some_lines(3))
    lines = [line for file in sorted(day.iterdir()) for _, line in read_lines(file) if isinstance(line, dict)]
    measured = [
        (line["probe_cc"], entry["ip"], entry["port"], entry["t"], entry["status"]["failure"])
        for line in lines
        for entry in line["test_keys"].get("tcp_connect") or []
    ]
    assert len({line.get("test_name") for line in lines}) > 3 and len(measured) > 50

    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for snippet in snippets("polars") + snippets("group_by"):
        if "Verdicts" not in snippet:
            exec(snippet, names)
    connects = names["connects"].filter(polars.col("ip").is_not_null())
    assert sorted(map(str, connects.select("probe_cc", "ip", "port", "t", "failure").rows())) == sorted(
        map(str, measured)
    )
    assert connects.schema["measurement_start_time"] == polars.Datetime("us", "UTC")
    assert set(names["connects"]["probe_cc"]) == {line["probe_cc"] for line in lines}
    one = polars.read_ndjson(day / "clean.jsonl.gz", schema=names["schema"])
    assert one.height == sum(1 for _ in read_lines(day / "clean.jsonl.gz"))
