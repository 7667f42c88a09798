"""Return the verdicts of the example measurements."""

import json
from typing import Any

from probe.analysis.compare.examples import Example
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.observations.lenient_json import tables, text, texts
from probe.analysis.verdicts.hops.reasons import SENTENCES
from probe.analysis.verdicts.verdict_row import COLUMNS, VerdictRow

MOST_EVIDENCE = 2000  # example measurements up to which endpoints are included: with 20 000 a page is too large


def verdicts_data(table: VerdictTable, examples: list[Example]) -> list[dict[str, Any]]:
    """Return the verdicts of the example measurements, in their order."""
    places = [(example.file, example.line, example.service) for example in examples]
    table.note("examples", ("file VARCHAR", "line BIGINT", "service VARCHAR"), places)
    columns = ", ".join(f"verdicts.{name}" for name in COLUMNS)
    found = table.select(
        f"SELECT {columns} FROM verdicts JOIN examples ON verdicts.measurement_file = examples.file "
        "AND verdicts.measurement_line = examples.line AND verdicts.service = examples.service "
        "ORDER BY verdicts.measurement_start_time"
    )
    rows = [VerdictRow(*row) for row in found]
    placed = {(row.measurement_file, row.measurement_line, row.service): row for row in rows}
    endpoints = len(examples) <= MOST_EVIDENCE
    return [_verdict(placed[place], endpoints) for place in places]


def _verdict(row: VerdictRow, endpoints: bool) -> dict[str, Any]:
    where = [f"hop {row.hop_ttl}" if row.hop_ttl else "", row.hop_address, f"AS{row.hop_asn}" if row.hop_asn else ""]
    return {
        "state": row.state,
        "invalid_reason": row.invalid_reason,
        "because": row.because,
        "rule_id": row.rule_id,
        "ruleset": row.ruleset,
        "mechanisms": row.mechanisms.replace(" ", ", "),
        "anomalies": row.anomalies.replace(" ", ", "),
        "proof": row.proof,
        "attempts": row.attempts,
        "failures": row.failures,
        "controls": row.controls,
        "control_successes": row.control_successes,
        "hop": ", ".join(part for part in where if part) or SENTENCES.get(row.hop_reason, ""),
        "time": row.measurement_start_time,
        "software": f"{row.software_name} {row.software_version}",
        "file": row.measurement_file,
        "line": row.measurement_line,
        "endpoints": _endpoints(row.endpoints) if endpoints else [],
    }


def _endpoints(written: str) -> list[list[str]]:
    """Return rows of text: endpoint, state, mechanisms, proof, rule, transactions."""
    try:
        found = tables(json.loads(written or "[]"))
    except ValueError:
        return []
    return [
        [
            text(endpoint.get("endpoint")),
            text(endpoint.get("state")),
            ", ".join(texts(endpoint.get("mechanisms"))),
            text(endpoint.get("proof")),
            text(endpoint.get("rule_id")),
            ", ".join(str(number) for number in endpoint.get("transactions") or () if isinstance(number, int)),
        ]
        for endpoint in found
    ]
