"""Write a comparison as one HTML file that sends no request. All texts in it are treated as untrusted."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from probe import __version__
from probe.analysis.compare.axes import Question, QuestionError
from probe.analysis.compare.cells import Cell, Comparison, Example, network_name
from probe.analysis.compare.compare import (
    REASONS,
    WORDS,
    ascii_only,
    baseline_name,
    cell_text,
    difference_to_dict,
    not_counted,
    vantage_name,
)
from probe.analysis.compare.current import LEAST, NOW
from probe.analysis.compare.difference import RATE
from probe.analysis.compare.over_time.events import prepared_events, together
from probe.analysis.compare.over_time.series import prepared_series
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.observations.lenient_json import tables, text, texts
from probe.analysis.rules.tables import RULESET
from probe.analysis.verdicts.verdict_row import COLUMNS, VerdictRow
from probe.messages import tr

HERE = Path(__file__).parent
GLYPHS = {
    "blocked": "B",
    "likely_blocked": "L",
    "degraded": "W",
    "impaired": "N",
    "down": "D",
    "ok": "✓",
    "connected": "C",
    "gap": "·",
}
MOST_NETWORKS = 5  # named in one cell. The others are counted.
MOST_EVIDENCE = 2000  # example measurements up to which endpoints are included: with 20 000 a page is too large

_Place = tuple[str, int, str]  # file, line number, service


def render(data: dict[str, Any]) -> str:
    """Return the page as HTML. Raises ImportError without jinja2 (extra `analysis`)."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(loader=FileSystemLoader(HERE), autoescape=True, undefined=StrictUndefined)
    style, script = ((HERE / name).read_text() for name in ("page.css", "page.js"))
    own = {"style": Markup(style), "script": Markup(script), "json": Markup(script_json(data))}  # ours, or escaped  # nosec B704
    hashes = {"style_hash": Markup(_csp_hash(style)), "script_hash": Markup(_csp_hash(script))}  # base64  # nosec B704
    return environment.get_template("page.html.jinja").render(data=data, **own, **hashes)


def script_json(data: Any) -> str:
    """Return JSON for a script element: ASCII, without any character that could end the element."""
    written = json.dumps(data, allow_nan=False, separators=(",", ":"), ensure_ascii=True)
    return written.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def page_data(
    table: VerdictTable,
    comparison: Comparison,
    sources: Sequence[str],
    *,
    title: str = "What is blocked, how and where",
    evidence: Mapping[_Place, Sequence[str]] | None = None,
) -> dict[str, Any]:
    """Return the data of the page. `table` is the one that the comparison was made from.

    `sources` are names without folders. `evidence` holds sentences by file, line and service.
    """
    cells = [cell for _, row in comparison.rows() for cell in row]
    examples = list(dict.fromkeys(cell.witness for cell in cells if cell.witness is not None))
    numbers = {example: number for number, example in enumerate(examples)}
    ((measurements, first, last, lab, synthetic),) = table.select(
        "SELECT COUNT(DISTINCT line_hash), MIN(measurement_start_time), MAX(measurement_start_time), MAX(lab), "
        "MAX(synthetic) "
        "FROM verdicts"
    )
    width = len(comparison.vantages)
    return {
        "title": title,
        "row": comparison.question.row,
        "lab": bool(lab),
        "synthetic": bool(synthetic),
        "measurements": measurements,
        "first": first,
        "last": last,
        "least": LEAST,
        "newest_days": NOW,
        "rate_percent": round(100 * RATE),
        "words": {state: word for state, word in WORDS.items() if state in GLYPHS},
        "reasons": REASONS,
        "glyphs": GLYPHS,
        "baseline": baseline_name(comparison),
        "left_out": comparison.left_out,
        "instrument": comparison.instrument,
        "services": comparison.services,
        "vantages": [
            _vantage(vantage, comparison.baseline and number == 0) for number, vantage in enumerate(comparison.vantages)
        ],
        "cells": [_cell(cell, *divmod(number, width), numbers) for number, cell in enumerate(cells)],
        "verdicts": _verdicts(table, examples, evidence or {}),
        "software": f"censorprobe {__version__}",
        "ruleset": RULESET,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "sources": [ascii_only(source) for source in sources],
        "question": _describe_question(comparison.question),
        **_over_time(table, comparison.question),
    }


def _csp_hash(content: str) -> str:
    """Return the hash source of an inline element for the Content-Security-Policy (CSP 3, section 2.3.1)."""
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _vantage(vantage: dict[str, str], baseline: bool) -> dict[str, Any]:
    asn = vantage.get("asn", "")
    name = vantage_name(vantage, baseline)
    return {"label": name, "cc": vantage.get("cc", ""), "asn": asn, "network": network_name(asn), "baseline": baseline}


def _cell(cell: Cell, service: int, vantage: int, examples: Mapping[Example, int]) -> dict[str, Any]:
    aside = not_counted(cell.set_aside)
    return {
        "s": service,
        "v": vantage,
        "state": cell.state,
        "found": cell.found,
        "text": cell_text(cell) if cell.found is not None else aside or tr("not measured"),
        "mechanisms": cell.mechanisms,
        "n": cell.n,
        "by_state": cell.by_state,
        "set_aside": cell.set_aside,
        "networks": cell.networks[:MOST_NETWORKS],
        "more_networks": max(0, len(cell.networks) - MOST_NETWORKS),
        "reporters_max": cell.reporters_max,
        "runs": cell.runs,
        "now": asdict(cell.now) if cell.now else None,
        "difference": difference_to_dict(cell.difference) if cell.difference else None,
        "witness": examples[cell.witness] if cell.witness is not None else None,
    }


def _verdicts(
    table: VerdictTable, examples: list[Example], evidence: Mapping[_Place, Sequence[str]]
) -> list[dict[str, Any]]:
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
    return [_verdict(placed[place], evidence.get(place, ()), endpoints) for place in places]


def _verdict(row: VerdictRow, evidence: Sequence[str], endpoints: bool) -> dict[str, Any]:
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
        "hop": ", ".join(part for part in where if part),
        "time": row.measurement_start_time,
        "software": f"{row.software_name} {row.software_version}",
        "file": row.measurement_file,
        "line": row.measurement_line,
        "endpoints": _endpoints(row.endpoints) if endpoints else [],
        "evidence": list(evidence),
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


def _describe_question(question: Question) -> str:
    parts = [f"{question.row} by {', '.join(question.by)}"]
    parts += [f"{name}={value}" for name, value in question.only]
    parts += [f"since {question.since}"] if question.since else []
    parts += [f"until {question.until}, exclusive"] if question.until else []
    return "; ".join(parts)


def _over_time(table: VerdictTable, question: Question) -> dict[str, Any]:
    """Return days, a series per service and country, and events, or the sentence that says why there are none."""
    try:
        all_series = prepared_series(table, Question(by=("cc",), row=question.row))
        found = prepared_events(table)
    except QuestionError as error:
        return {"days": [], "series": [], "events": [], "series_note": str(error)}
    days = [bucket.time for bucket in all_series[0].buckets] if all_series else []
    series = [
        {
            "service": one.service,
            "cc": one.vantage["cc"],
            "points": [
                [day, bucket.accusing, bucket.by_state["ok"], bucket.n - bucket.accusing - bucket.by_state["ok"]]
                for day, bucket in enumerate(one.buckets)
                if bucket.n
            ],
        }
        for one in all_series
    ]
    keys = ("service", "cc", "onset", "end", "mechanism", "networks", "detected_at", "kind")
    events = [{key: getattr(event, key) for key in keys} for event in together(found)]
    return {"days": days, "series": series, "events": events, "series_note": None}
