"""Return the cells and vantage points of a page."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.cells import Cell
from probe.analysis.compare.compare import cell_text, difference_to_dict, not_counted, vantage_name
from probe.analysis.compare.examples import Example
from probe.analysis.compare.partial_text import partial_lines
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.observations.lenient_json import tables, text, texts
from probe.analysis.rules.variant import VARIANT, shown_rule
from probe.analysis.verdicts.located_hops import SENTENCES
from probe.analysis.verdicts.verdict_row import COLUMNS, VerdictRow
from probe.asn.network_names import network_name
from probe.countries.country_names import country_name, region_name
from probe.messages import tr

LONGEST_ID = 24  # digits of a measurement's identity
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
        "rule_id": shown_rule({name: getattr(row, name) for name in VARIANT}),
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
        "id": row.line_hash[:LONGEST_ID],
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
            shown_rule(endpoint),
            ", ".join(str(number) for number in endpoint.get("transactions") or () if isinstance(number, int)),
        ]
        for endpoint in found
    ]


MOST_NETWORKS = 5  # named in one cell. The others are counted.


def column_order(vantages: Sequence[Mapping[str, str]], baseline: bool) -> list[int]:
    """Return the numbers of the vantage points by region and country. The baseline is first, unknown regions are last.

    Vantage points of one country keep their order.
    """

    def key(number: int) -> tuple[bool, bool, str, str]:
        cc = vantages[number].get("cc", "")
        return not (baseline and number == 0), not region_name(cc), region_name(cc), country_name(cc)

    return sorted(range(len(vantages)), key=key)


def vantage_data(vantage: dict[str, str], baseline: bool) -> dict[str, Any]:
    """Return the names of a vantage point. `name` has the country's code and name, `label` the code."""
    asn, cc = vantage.get("asn", ""), vantage.get("cc", "")
    country = country_name(cc)
    named = vantage | {"cc": f"{cc} {country}"} if country != cc else vantage
    return {
        "label": vantage_name(vantage, baseline),
        "name": vantage_name(named, baseline),
        "cc": cc,
        "country": country,
        "region": "" if baseline else region_name(cc),
        "asn": asn,
        "network": network_name(asn),
        "baseline": baseline,
    }


def cell_data(cell: Cell, service: int, vantage: int, examples: Mapping[Example, int]) -> dict[str, Any]:
    """Return a cell, with the numbers of its service, vantage point and example measurement."""
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
        "whole_network": cell.whole_network,
        "throughput": cell.throughput._asdict() if cell.throughput else None,
        "cutoff": cell.cutoff._asdict() if cell.cutoff else None,
        "calls": cell.calls._asdict() if cell.calls else None,
        "partial": partial_lines(cell),
        "q_value": cell.q_value,
        "now": asdict(cell.now) if cell.now else None,
        "difference": difference_to_dict(cell.difference) if cell.difference else None,
        "witness": examples[cell.witness] if cell.witness is not None else None,
    }
