"""Vantage point against vantage point: services × vantage points, as text of 80 columns and as JSON."""

import json
import textwrap
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

WIDTH = 80
_SERVICE_WIDTH = 22
_CELL_WIDTH = 18  # at least; so three vantage points fit beside each other
_GAP = 2
WORDS = {
    "blocked": "BLOCKED",
    "likely_blocked": "LIKELY BLOCKED",
    "degraded": "WORKS BADLY",
    "impaired": "NOT WORKING",
    "down": "DOWN",
    "ok": "OK",
    "insufficient": "NOT ENOUGH DATA",
}


@dataclass(frozen=True, order=True)
class Vantage:
    """Where lines were measured from: the place in the arguments, the network, the lab's scenario if it was one."""

    source: int
    name: str
    probe_cc: str
    probe_asn: str
    lab: str = ""


@dataclass
class Comparison:
    """Verdict records by service and vantage point."""

    vantages: set[Vantage] = field(default_factory=set)
    records: dict[tuple[str, Vantage], list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, vantage: Vantage, records: Iterable[dict[str, Any]]) -> None:
        """Add the records of one line."""
        for record in records:
            self.vantages.add(vantage)
            self.records.setdefault((record["service"], vantage), []).append(record)

    def services(self) -> list[str]:
        return sorted({service for service, _ in self.records})

    def cell(self, service: str, vantage: Vantage) -> dict[str, Any] | None:
        """What one vantage point says of a service: its latest valid verdict, and how often it said what."""
        records = self.records.get((service, vantage))
        if not records:
            return None
        valid = [record for record in records if record["valid"]]
        latest = max(enumerate(valid or records), key=lambda pair: (pair[1]["measurement_start_time"], pair[0]))[1]
        states = Counter(record["state"] for record in valid)
        return {
            "state": latest["state"],
            "mechanisms": latest["mechanisms"],
            "valid": latest["valid"],
            "invalid_reason": latest["invalid_reason"],
            "rule_id": latest["rule_id"],
            "measurement_start_time": latest["measurement_start_time"],
            "n": len(records),
            "states": dict(sorted(states.items())),
        }


def labels(vantages: Iterable[Vantage]) -> dict[Vantage, str]:
    """A name for every vantage point: country and network, the file too where that would not tell them apart."""
    ordered = sorted(vantages)
    plain = {vantage: _label(vantage) for vantage in ordered}
    twice = Counter(plain.values())
    return {v: _ascii(f"{label} {v.name}" if twice[label] > 1 else label) for v, label in plain.items()}


def _label(vantage: Vantage) -> str:
    where = f"{vantage.probe_cc} {vantage.probe_asn}".strip() or "unknown"
    return f"{where} LAB {vantage.lab}" if vantage.lab else where


def to_table(comparison: Comparison) -> list[dict[str, Any]]:
    """One object per service: what each vantage point says, in the order of the arguments."""
    named = labels(comparison.vantages)
    return [
        {
            "service": service,
            "vantage_points": [
                {
                    "label": label,
                    "probe_cc": vantage.probe_cc,
                    "probe_asn": vantage.probe_asn,
                    "lab": vantage.lab or None,
                    "source": vantage.name,
                    "verdict": comparison.cell(service, vantage),
                }
                for vantage, label in named.items()
            ],
            "differs": len({_said(comparison.cell(service, vantage)) for vantage in named} - {""}) > 1,
        }
        for service in comparison.services()
    ]


def to_json(comparison: Comparison) -> str:
    """The comparison as lines of JSON, one per service."""
    return "".join(json.dumps(row, separators=(", ", ": "), allow_nan=False) + "\n" for row in to_table(comparison))


def to_text(comparison: Comparison) -> str:
    """The comparison for people: ASCII, at most 80 columns; more vantage points than fit come in further blocks."""
    named = labels(comparison.vantages)
    fit = max(1, (WIDTH - _SERVICE_WIDTH) // (_CELL_WIDTH + _GAP - 1))
    columns = list(named)
    blocks = [columns[start : start + fit] for start in range(0, len(columns), fit)]
    return "\n".join(_block(comparison, block, named) for block in blocks)


def _block(comparison: Comparison, columns: list[Vantage], named: dict[Vantage, str]) -> str:
    width = (WIDTH - _SERVICE_WIDTH - _GAP * len(columns)) // len(columns)
    lines = _row([["service"], *(_folded(named[vantage], width) for vantage in columns)], width)
    lines.append("-" * WIDTH)
    for service in comparison.services():
        cells = [_cell_lines(comparison.cell(service, vantage), width) for vantage in columns]
        lines += _row([_folded(_ascii(service), _SERVICE_WIDTH), *cells], width)
    return "\n".join(lines) + "\n"


def _row(cells: list[list[str]], width: int) -> list[str]:
    """Lay cells of several lines side by side."""
    height = max(map(len, cells))
    widths = [_SERVICE_WIDTH, *([width] * (len(cells) - 1))]
    gap = " " * _GAP
    return [
        gap.join(
            (cell[number] if number < len(cell) else "").ljust(wide) for cell, wide in zip(cells, widths, strict=True)
        ).rstrip()
        for number in range(height)
    ]


def _cell_lines(cell: dict[str, Any] | None, width: int) -> list[str]:
    if cell is None:
        return ["-"]
    if not cell["valid"]:
        return _folded(f"INVALID: {cell['invalid_reason']}", width)
    word, times = WORDS[cell["state"]], cell["states"][cell["state"]]
    if cell["n"] > 1:
        word += f" ({times} of {cell['n']})"
    return _folded(word, width) + [line for name in cell["mechanisms"] for line in _folded(name, width)]


def _said(cell: dict[str, Any] | None) -> str:
    return f"{cell['state']} {' '.join(cell['mechanisms'])}" if cell and cell["valid"] else ""


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _ascii(text: str) -> str:
    """What any terminal can show: no Unicode, no control characters."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)
