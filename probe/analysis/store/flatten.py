"""Convert a measurement to rows of the store's tables and back, so that new rules can judge it from the rows alone."""

import json
from dataclasses import dataclass, fields
from typing import Any

from probe.analysis.observations.clock import true_start
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import (
    failure,
    moment,
    network_number,
    number,
    seconds,
    table,
    tables,
    text,
)
from probe.analysis.observations.measurement_identity import claim
from probe.analysis.observations.media_figures import MediaRow
from probe.analysis.observations.observation import Answer, Observation, Query, column_types
from probe.analysis.observations.transfer_row import TransferRow
from probe.analysis.verdicts.hop_searches import hop_evidence
from probe.analysis.verdicts.verdict_row import device_columns, ipv6_broken, network_text, origin_columns
from probe.results.reading import orjson

COLUMNS = Observation._fields
_QUERIES = COLUMNS.index("queries")
_TUPLES = tuple(
    place for place, (kind, _) in enumerate(column_types(Observation).values()) if kind.startswith("tuple[str")
)
_compact = json.JSONEncoder(separators=(",", ":")).encode
_BESIDE = tuple(column.name for column in fields(FlatMeasurement) if column.name not in {"rows", "country"})

_FIGURES = ("media", "transfers")  # rows of pairs, left out of a measurement without pairs


@dataclass(frozen=True, slots=True)
class Flat:
    """Hold one measurement as rows: values by column, and one tuple per observation in the order of COLUMNS."""

    measurement: dict[str, Any]
    observations: list[tuple[Any, ...]]


def flatten(
    facts: FlatMeasurement, document: dict[str, Any], *, line_hash: str, size: int, file: str, number: int
) -> Flat:
    """Convert a measurement to rows. `facts` is the same measurement, as `flat_measurement_of` returns it.

    `line_hash` is the measurement's identity, hexadecimal. `size` is the number of the line's bytes. `file` and
    `number` locate it.
    """
    corrected = true_start(document)
    measurement = {
        "line_hash": line_hash,
        "measurement_start_time": moment(document.get("measurement_start_time")),
        "corrected_start_time": corrected,
        "day": corrected[:10],
        "probe_cc": text(document.get("probe_cc")),
        "probe_asn": network_number(document.get("probe_asn")),
        "network": text(document.get("probe_network_name")),
        "test_name": text(document.get("test_name")),
        "test_version": text(document.get("test_version")),
        "target": text(facts.target.get("name")),
        "input": text(document.get("input")),
        "run_id": text(facts.run.get("run_id")),
        "report_id": text(document.get("report_id")),
        "software_name": text(document.get("software_name")),
        "software_version": text(document.get("software_version")),
        "runtime": seconds(document.get("test_runtime")),
        "ipv6_broken": ipv6_broken(facts.run),
        **device_columns(document),
        **origin_columns(document),
        "bytes": size,
        "facts": _beside_rows(facts),
        "path": _compact(hop_evidence(document)),
        "evidence": _compact(_evidence(document)),
        "network_facts": network_text(document),
        "measurement_file": file,
        "measurement_line": number,
        "claim": claim(document).hex(),
    }
    return Flat(measurement, [_flat_row(row) for row in facts.rows])


def facts_from(measurement: dict[str, Any], observations: list[tuple[Any, ...]]) -> FlatMeasurement:
    """Build the flattened measurement again from the rows that `flatten` made."""
    stored = _from_json(measurement["facts"])  # another release may have written more or fewer of them
    beside = {name: stored[name] for name in _BESIDE if name in stored}
    beside["bugs"] = tuple(beside["bugs"])
    beside["control_families"] = {int(family): works for family, works in beside["control_families"].items()}
    beside["control_neutral_failed"] = tuple(beside.get("control_neutral_failed", ()))
    beside["media"] = tuple(
        MediaRow(*(row.get(name, MediaRow._field_defaults.get(name)) for name in MediaRow._fields))
        for row in beside.get("media", ())
    )
    transfers = beside.get("transfers", ())
    unset = TransferRow._field_defaults
    beside["transfers"] = tuple(
        TransferRow(*(row.get(n, unset.get(n)) for n in TransferRow._fields)) for row in transfers
    )
    beside["redirects"] = {role: tuple(urls) for role, urls in beside.get("redirects", {}).items()}
    return FlatMeasurement(
        **beside, country=measurement["probe_cc"], rows=[_whole_row(values) for values in observations]
    )


def head_from(measurement: dict[str, Any]) -> dict[str, Any]:
    """Return the part of the measurement that `judge_flat` reads beside the rows."""
    own = {name: measurement[name] for name in ("measurement_start_time", "probe_cc", "probe_asn")}
    return own | {"test_keys": _from_json(measurement["path"])}


def _beside_rows(facts: FlatMeasurement) -> str:
    beside = {name: getattr(facts, name) for name in _BESIDE if name not in _FIGURES}
    figures = {name: rows for name in _FIGURES if (rows := [row._asdict() for row in getattr(facts, name)])}
    return _compact(beside | figures)


def _evidence(document: dict[str, Any]) -> dict[str, Any]:
    """Return what `--why` reads and no row has: the operations that failed, and why the test helper did not answer."""
    keys = table(document.get("test_keys"))
    operations = {
        str(number(one.get("transaction_id"))): text(one.get("failed_operation"))
        for one in tables(keys.get("x_transactions"))
        if failure(one.get("failure")) is not None
    }
    control = keys.get("x_control") or (keys if keys.get("control") or keys.get("control_failure") else None)
    reason = "failure" if keys.get("x_control") else "control_failure"
    asked = isinstance(control, dict)
    kept = {"control": {"failure": failure(table(control).get(reason))}} if asked else {}
    return kept | ({"operations": operations} if operations else {})


def _flat_row(row: Observation) -> tuple[Any, ...]:
    queries = _to_json([_flat_query(query) for query in row.queries]) if row.queries else "[]"
    return (*row[:_QUERIES], queries, *row[_QUERIES + 1 :])


def _to_json(value: Any) -> str:
    """Return texts and numbers of a flattened measurement as JSON. orjson takes a fifth of the time of json."""
    fast = orjson()
    return fast.dumps(value).decode() if fast else _compact(value)


def _from_json(text: str) -> Any:
    """Parse JSON that `flatten` wrote. orjson rejects lone surrogates, which the facts of a measurement can have."""
    try:
        return orjson().loads(text) if orjson() else json.loads(text)
    except ValueError:
        return json.loads(text)


def _flat_query(query: Query) -> dict[str, Any]:
    datagrams = [datagram._asdict() for datagram in query.datagrams]
    return query._asdict() | {"answer": query.answer._asdict(), "datagrams": datagrams}


def _whole_row(values: tuple[Any, ...]) -> Observation:
    whole = list(values)
    for place in _TUPLES:
        whole[place] = tuple(values[place])
    whole[_QUERIES] = tuple(map(_whole_query, _from_json(values[_QUERIES]))) if values[_QUERIES] != "[]" else ()
    return Observation._make(whole)


def _whole_query(query: dict[str, Any]) -> Query:
    datagrams = tuple(_whole_answer(datagram) for datagram in query["datagrams"])
    return Query(**{**query, "answer": _whole_answer(query["answer"]), "datagrams": datagrams})


def _whole_answer(answer: dict[str, Any]) -> Answer:
    whole: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in answer.items()}
    return Answer(**whole)
