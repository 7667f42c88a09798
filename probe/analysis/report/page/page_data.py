"""Return all data of a page from a table of verdicts and its comparison."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from probe import __version__
from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Comparison
from probe.analysis.compare.compare import REASONS, WORDS, baseline_name
from probe.analysis.compare.current import LEAST, NOW
from probe.analysis.compare.difference import RATE
from probe.analysis.compare.over_time.annotations import Annotation
from probe.analysis.compare.units import FAILING
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.listings.joined import Joined
from probe.analysis.report.page.cell_data import cell_data, column_order, vantage_data
from probe.analysis.report.page.map_data import map_data
from probe.analysis.report.page.network_data import network_data, regime_sentences
from probe.analysis.report.page.over_time_data import over_time_data
from probe.analysis.report.page.series_data import MOST_POINTS
from probe.analysis.report.page.stores_data import stores_data
from probe.analysis.report.page.verdict_data import verdicts_data
from probe.analysis.rules.tables import RULESET
from probe.analysis.store.csv_cells import IGNORED, MARK, SEPARATORS, SIGN_OF_NUL, SIGNS
from probe.messages import printable

WIDTHS = {"sure": 25, "fair": 50}  # percentage points of a cell's interval, up to which its fill has this strength
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


def page_data(
    table: VerdictTable,
    comparison: Comparison,
    sources: Sequence[str],
    *,
    annotations: Sequence[Annotation] = (),
    stores: Sequence[Joined] = (),
) -> dict[str, Any]:
    """Return the data of the page. `table` is the one that the comparison was made from.

    `sources` are names without folders. `annotations` are marked in the time line. `stores` has apps by country.
    """
    return {
        "title": "What is blocked, how and where",
        **_words(),
        **_measured(table),
        **_compared(table, comparison),
        "software": f"censorprobe {__version__}",
        "ruleset": RULESET,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "sources": [printable(source) for source in sources],
        "question": _describe_question(comparison.question),
        "map": map_data(vantage.get("cc", "") for vantage in comparison.vantages),
        "stores": stores_data(stores, comparison),
        **over_time_data(table, comparison.question, annotations),
    }


def _words() -> dict[str, Any]:
    """Return words, glyphs and limits, which are the same on every page."""
    return {
        "least": LEAST,
        "newest_days": NOW,
        "most_points": MOST_POINTS,
        "rate_percent": round(100 * RATE),
        "words": {state: word for state, word in WORDS.items() if state in GLYPHS},
        "reasons": REASONS,
        "glyphs": GLYPHS,
        "widths": WIDTHS,
        "failing": FAILING,
        "csv": {"mark": MARK, "signs": SIGNS, "separators": SEPARATORS, "ignored": IGNORED, "nul": SIGN_OF_NUL},
    }


def _measured(table: VerdictTable) -> dict[str, Any]:
    """Return how much was measured, and when."""
    ((measurements, first, last, lab, synthetic),) = table.select(
        "SELECT COUNT(DISTINCT line_hash), MIN(measurement_start_time), MAX(measurement_start_time), MAX(lab), "
        "MAX(synthetic) "
        "FROM verdicts"
    )
    made_up = {"lab": bool(lab), "synthetic": bool(synthetic)}
    return {**made_up, "measurements": measurements, "first": first, "last": last}


def _compared(table: VerdictTable, comparison: Comparison) -> dict[str, Any]:
    """Return services, vantage points by region, cells, and the verdicts of their example measurements."""
    order = column_order(comparison.vantages, comparison.baseline)
    cells = [row[number] for _, row in comparison.rows() for number in order]
    examples = list(dict.fromkeys(cell.witness for cell in cells if cell.witness is not None))
    numbers = {example: number for number, example in enumerate(examples)}
    vantages = [vantage_data(comparison.vantages[number], comparison.baseline and number == 0) for number in order]
    return {
        "row": comparison.question.row,
        "baseline": baseline_name(comparison),
        "left_out": comparison.left_out,
        "instrument": comparison.instrument,
        "services": comparison.services,
        "vantages": vantages,
        "networks": [
            network_data(vantage["name"], networks)
            for number, vantage in zip(order, vantages, strict=True)
            if (networks := comparison.networks[number]).runs
        ],
        "regimes": regime_sentences(comparison.networks),
        "cells": [cell_data(cell, *divmod(number, len(order)), numbers) for number, cell in enumerate(cells)],
        "verdicts": verdicts_data(table, examples),
    }


def _describe_question(question: Question) -> str:
    parts = [f"{question.row} by {', '.join(question.by)}"]
    parts += [f"{name}={value}" for name, value in question.only]
    parts += [f"since {question.since}"] if question.since else []
    parts += [f"until {question.until}, exclusive"] if question.until else []
    return "; ".join(parts)
