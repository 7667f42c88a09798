"""Provide measurements and stores for tests."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from probe.analysis.store.columns import TABLES
from probe.analysis.store.writing.ingest import Report, ingest
from tests.analysis.verdicts.test_services import URL, blocked, pool, web
from tests.support.measurements.lines import GENUINE

Rows = list[dict[str, Any]]


def some_lines(count: int) -> list[dict[str, Any]]:
    """Return different measurements with real countries: blocked, degraded and ok in turn."""
    fine = web()
    fine.first(URL, GENUINE)
    kinds = [blocked().line(), pool("any", 3).line(), fine.line()]
    return [
        kinds[number % 3]
        | {
            "annotations": {"number": number},
            "measurement_start_time": f"2026-{1 + number % 3:02}-11 13:{number // 60 % 60:02}:{number % 60:02}",
            "probe_cc": ("DE", "IR", "NA")[number // 3 % 3],
            "probe_asn": f"AS{64500 + number % 5}",
        }
        for number in range(count)
    ]


def write(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def taken(report: Report) -> tuple[int, int, int, int]:
    """Return lines, accepted, duplicates and rejected, after checking that the first is the sum of the others."""
    assert report.lines == report.accepted + report.duplicates + report.rejected
    return report.lines, report.accepted, report.duplicates, report.rejected


def store_of(folder: Path, lines: Iterable[dict[str, Any]]) -> Path:
    ingest([write(folder / "lines.jsonl", lines)], folder / "store")
    return folder / "store"


def rows_of(store: Path, table: str) -> Rows:
    """Return all rows of a table as read by another Parquet reader, in a fixed order."""
    if not (store / table).exists():
        return []
    return sorted(
        pq.read_table(store / table).to_pylist(), key=lambda row: json.dumps(row, default=str, sort_keys=True)
    )


def everything(store: Path) -> dict[str, Rows]:
    return {table: rows_of(store, table) for table in TABLES}
