"""Define columns and types of the store's tables, and convert rows to Arrow.

pyarrow is optional, so it is imported where a schema is first needed.
"""

import importlib
import json
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import Any, get_type_hints

from probe.analysis.observations.observation import Observation
from probe.analysis.rules.old_ids import translated
from probe.analysis.rules.variant import VARIANT
from probe.analysis.store.flatten import COLUMNS, Flat
from probe.analysis.verdicts.verdict_row import figure_columns

TABLES = ("measurements", "observations", "verdicts")
SHARED = ("line_hash", "day", "probe_cc", "probe_asn", "target")
"""Columns of every table: the measurement's identity, and what most questions filter by."""

MEASUREMENT: dict[str, str] = {
    "line_hash": "string",
    "measurement_start_time": "string",
    "corrected_start_time": "string",
    "day": "string",
    "probe_cc": "string",
    "probe_asn": "string",
    "network": "string",
    "test_name": "string",
    "test_version": "string",
    "target": "string",
    "input": "string",
    "run_id": "string",
    "report_id": "string",
    "software_name": "string",
    "software_version": "string",
    "platform": "string",
    "probe_id": "string",
    "runtime": "double",
    "ipv6_broken": "bool",
    "lab": "string",
    "synthetic": "string",
    "bytes": "int64",
    "facts": "string",
    "path": "string",
    "evidence": "string",
    "network_facts": "string",
    "measurement_file": "string",
    "measurement_line": "int64",
    "claim": "string",
}
VERDICT: dict[str, str] = {
    "line_hash": "string",
    "measurement_start_time": "string",
    "corrected_start_time": "string",
    "day": "string",
    "probe_cc": "string",
    "probe_asn": "string",
    "network": "string",
    "target": "string",
    "service": "string",
    "state": "string",
    "cause_place": "string",
    "mechanisms": "list",
    "anomalies": "list",
    "proof": "string",
    "valid": "bool",
    "invalid_reason": "string",
    "rule_id": "string",
    "layer": "string",
    "way": "string",
    "forged": "string",
    "ruleset": "string",
    "because": "string",
    "attempts": "int64",
    "failures": "int64",
    "controls": "int64",
    "control_successes": "int64",
    "pass_rate": "string",  # a type, no password  # nosec B105
    "throughput_ratio": "double",
    "throughput_ratio_low": "double",
    "throughput_ratio_high": "double",
    "cutoff": "double",
    "cutoff_low": "double",
    "cutoff_high": "double",
    "media": "string",
    "hop_ttl": "int64",
    "hop_address": "string",
    "hop_asn": "int64",
    "hop_reason": "string",
    "endpoints": "string",
    "run_id": "string",
    "software_name": "string",
    "software_version": "string",
    "platform": "string",
    "probe_id": "string",
    "ipv6_broken": "bool",
    "measurement_file": "string",
    "measurement_line": "int64",
    "lab": "string",
    "synthetic": "string",
    "network_facts": "string",
    "claim": "string",
}
_OF_FIELDS = {
    "str": "string",
    "str | None": "string",
    "int": "int64",
    "bool": "bool",
    "float": "double",
    "float | None": "double",
    "tuple[str, ...]": "list",
}
_SQL_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN"}
_OF_MEASUREMENT = (
    *("corrected_start_time", "day", "network", "run_id", "software_name", "software_version"),
    *("platform", "probe_id", "ipv6_broken", "lab", "synthetic", "claim"),
)


def _observation_types() -> dict[str, str]:
    """Return the type by column, from the annotations of the class. DNS queries are stored as JSON."""
    named = {name: str(kind) for name, kind in get_type_hints(Observation).items()}
    plain = {name: kind.removeprefix("<class '").removesuffix("'>") for name, kind in named.items()}
    return {name: "string" if name == "queries" else _OF_FIELDS[kind] for name, kind in plain.items()}


OBSERVATION: dict[str, str] = {**dict.fromkeys(SHARED, "string"), "row": "int64", **_observation_types()}


@cache
def schema(name: str) -> Any:
    """Return a table's pyarrow.Schema. Raises ImportError without the extra `analysis`."""
    pa = importlib.import_module("pyarrow")
    columns = {"measurements": MEASUREMENT, "observations": OBSERVATION, "verdicts": VERDICT}[name]
    return pa.schema([(column, pa.list_(pa.string()) if kind == "list" else kind) for column, kind in columns.items()])


COPIED = {"corrected_start_time": "measurement_start_time", "claim": "line_hash"}
"""Columns that have the values of another column in rows that were written before the column existed."""


def default(name: str, column: str) -> Any:
    """Return the value of a column in rows that were written before the column existed. COPIED columns have others."""
    if name == "observations":
        return Observation._field_defaults.get(column)
    return "" if column == "synthetic" else None


def fitted(batch: Any, name: str) -> Any:
    """Return an Arrow batch with the columns of a table. Those that another release did not write have defaults."""
    pa, there = importlib.import_module("pyarrow"), batch.schema.names
    columns = [
        batch.column(source)
        if (source := column.name if column.name in there else COPIED.get(column.name)) is not None
        else pa.array([default(name, column.name)] * batch.num_rows, column.type)
        for column in schema(name)
    ]
    return pa.RecordBatch.from_arrays(
        [one.cast(to.type) for one, to in zip(columns, schema(name), strict=True)], schema=schema(name)
    )


def select_list(name: str, there: Collection[str]) -> str:
    """Return SQL that selects a table's columns from rows that have the columns `there`, with defaults for others.

    Verdicts of earlier releases get the ids that their rules have now.
    """
    renamed = _renamed(there) if name == "verdicts" and "rule_id" in there else {}
    return ", ".join(
        f'{renamed[column.name]} AS "{column.name}"'
        if column.name in renamed
        else f'"{column.name}"'
        if column.name in there
        else f'{_literal(name, column)} AS "{column.name}"'
        for column in schema(name)
    )


def _renamed(there: Collection[str]) -> dict[str, str]:
    """Return the SQL of the columns that name a rule. Rows of earlier releases have only the old id."""
    found = {column: f"NULLIF({translated(column)}, '')" for column in VARIANT[1:]}
    return {
        **{column: f"COALESCE({column}, {sql})" if column in there else sql for column, sql in found.items()},
        "rule_id": translated("rule_id"),
    }


def _literal(name: str, column: Any) -> str:
    """Return a column's default as DuckDB's SQL. DuckDB reads constants from a text."""
    if column.name in COPIED:
        return f'"{COPIED[column.name]}"'
    value, kind = default(name, column.name), str(column.type)
    written = "NULL" if value is None else f"'{list(value) if isinstance(value, tuple) else value}'"
    duckdb_type = "VARCHAR[]" if kind.startswith("list") else _SQL_TYPES[kind]
    return f"CAST({written} AS {duckdb_type})"


def verdict_rows(records: Iterable[dict[str, Any]], measurement: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the verdict records of a measurement as rows of the table `verdicts`. The first has `network_facts`."""
    rows = [_verdict_row(record, measurement) for record in records]
    if rows:
        rows[0]["network_facts"] = measurement["network_facts"] or None
    return rows


def _verdict_row(record: dict[str, Any], measurement: dict[str, Any]) -> dict[str, Any]:
    """Return a verdict record as a row, with columns of its measurement."""
    hop = record["hop"] or {}
    flat = {column: record[column] for column in VERDICT if column in record}
    return flat | {
        **{column: measurement[column] for column in ("line_hash", *_OF_MEASUREMENT)},
        **{column: json.dumps(record[column]) if record[column] else None for column in ("pass_rate", "media")},
        **figure_columns(record, None),
        "hop_ttl": hop.get("ttl"),
        "hop_address": hop.get("address"),
        "hop_asn": hop.get("asn"),
        "endpoints": json.dumps(record["endpoints"]),
    }


def to_arrow(flats: Sequence[Flat], verdicts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """Return a pyarrow.Table by table name."""
    pa = importlib.import_module("pyarrow")
    return {
        "measurements": pa.Table.from_pylist([flat.measurement for flat in flats], schema("measurements")),
        "observations": _observations(flats),
        "verdicts": pa.Table.from_pylist(list(verdicts), schema("verdicts")),
    }


def _observations(flats: Sequence[Flat]) -> Any:
    """Build the table column by column, which is faster: a measurement has a hundred rows of sixty values."""
    pa = importlib.import_module("pyarrow")
    of_measurement = [tuple(flat.measurement[column] for column in SHARED) for flat in flats]
    rows = [
        (*shared, number, *values)
        for shared, flat in zip(of_measurement, flats, strict=True)
        for number, values in enumerate(flat.observations)
    ]
    columns = zip(*rows, strict=True) if rows else [()] * (len(SHARED) + 1 + len(COLUMNS))
    types = schema("observations")
    return pa.Table.from_arrays([pa.array(c, t) for c, t in zip(columns, types.types, strict=True)], schema=types)
