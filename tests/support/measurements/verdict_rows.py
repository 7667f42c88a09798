"""Build verdict rows, and stores of them."""

from collections.abc import Iterable
from dataclasses import asdict, replace
from itertools import count
from pathlib import Path
from typing import Any

import duckdb

from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.verdicts.verdict_row import LISTS, VerdictRow

_numbers = count(1)
PLAIN = VerdictRow(
    line_hash="",
    measurement_start_time="2026-11-24T13:05:00Z",
    corrected_start_time="2026-11-24T13:05:00Z",
    day="2026-11-24",
    probe_cc="IR",
    probe_asn="AS64500",
    network="Example Mobile",
    target="telegram",
    service="telegram/web",
    state="ok",
    mechanisms="",
    anomalies="",
    proof="http",
    valid=True,
    invalid_reason="",
    rule_id="service_ok",
    ruleset="2026.11",
    because="It works.",
    attempts=1,
    failures=0,
    controls=1,
    control_successes=1,
    hop_ttl=0,
    hop_address="",
    hop_asn=0,
    hop_reason="",
    run_id="",
    software_name="censorprobe",
    software_version="0.1.0",
    ipv6_broken=False,
    measurement_file="a.jsonl",
    measurement_line=1,
    lab="",
    synthetic="",
)


def rows(n: int = 1, state: str = "ok", mechanisms: str = "", **columns: Any) -> list[VerdictRow]:
    """Return the rows of `n` measurements, each of its own run unless the columns say otherwise."""
    found = []
    for number in (next(_numbers) for _ in range(n)):
        own = {"line_hash": f"{number:064x}", "run_id": f"run{number}", "measurement_line": number}
        row = replace(PLAIN, **{**own, "state": state, "mechanisms": mechanisms, **columns})
        start = f"{row.day}T13:05:00Z"
        found.append(replace(row, measurement_start_time=start, corrected_start_time=start))
    return found


def large_store() -> list[VerdictRow]:
    """Return one run of 40 services in each of 500 networks. A seventh of the cells is blocked."""
    return [
        row
        for asn in range(500)
        for number in range(40)
        for row in (blocked if (asn + number) % 7 == 0 else rows)(
            1, probe_asn=f"AS{asn + 1}", service=f"t{number // 4}/{number}", target=f"t{number // 4}"
        )
    ]


def blocked(n: int = 1, **columns: Any) -> list[VerdictRow]:
    return rows(n, **{"state": "blocked", "mechanisms": "tls.reset.sni", **columns})


def table(*groups: Iterable[VerdictRow]) -> VerdictTable:
    return VerdictTable.of_rows(row for group in groups for row in group)


def store(folder: Path, *groups: Iterable[VerdictRow]) -> VerdictTable:
    """Write the rows as Parquet by day and country, as a store does. Unknown values are NULL."""
    everything = [row for group in groups for row in group]
    for day, cc in sorted({(row.day, row.probe_cc) for row in everything}):
        part = folder / "verdicts" / f"day={day}" / f"probe_cc={cc}"
        part.mkdir(parents=True)
        _write(part / "part.parquet", [row for row in everything if (row.day, row.probe_cc) == (day, cc)])
    return VerdictTable.of_stores([folder])


def _write(path: Path, part: list[VerdictRow]) -> None:
    names = [name for name in asdict(part[0]) if name not in {"day", "probe_cc", "endpoints"}]
    kinds = {str: "VARCHAR", int: "INTEGER", bool: "BOOLEAN", float: "DOUBLE"}
    types = ["VARCHAR[]" if name in LISTS else kinds[type(getattr(part[0], name))] for name in names]
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"CREATE TABLE t ({', '.join(map(' '.join, zip(names, types, strict=True)))})")
        values = [[_stored(name, getattr(row, name)) for name in names] for row in part]
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(names))})", values)
        connection.execute(f"COPY t TO '{path}' (FORMAT parquet)")


def _stored(name: str, value: Any) -> Any:
    return value.split() if name in LISTS else None if value in ("", -1.0) else value
