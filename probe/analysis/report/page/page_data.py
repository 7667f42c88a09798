"""Return all data of a page from a table of verdicts and its comparison."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from probe import __version__
from probe.analysis.compare.axes import Question
from probe.analysis.compare.cells import Comparison
from probe.analysis.compare.compare import REASONS, WORDS, baseline_name
from probe.analysis.compare.contributors import CONTRIBUTORS, NETWORKS
from probe.analysis.compare.current import LEAST, NOW
from probe.analysis.compare.difference import RATE
from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.compare.over_time.annotations import Annotation
from probe.analysis.compare.units import FAILING
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.listings.joined import Joined
from probe.analysis.report.page.cell_data import cell_data, column_order, vantage_data, verdicts_data
from probe.analysis.report.page.over_time_data import MOST_POINTS, over_time_data
from probe.analysis.report.page.stores_data import stores_data
from probe.analysis.report.page.summary_data import by_country, summary_data
from probe.analysis.rules.regime_rules import REGIMES, UNKNOWN, sentence_of
from probe.analysis.ruleset.tables import RULESET
from probe.analysis.store.csv_cells import IGNORED, MARK, SEPARATORS, SIGN_OF_NUL, SIGNS
from probe.countries.country_names import country_name, region_name
from probe.countries.outlines import outlines
from probe.messages import printable


def network_data(name: str, networks: NetworkRegimes) -> dict[str, Any]:
    """Return a row of the table: the vantage point, its runs, and their regimes as text."""
    return {
        "name": name,
        "runs": networks.runs,
        "main": ", ".join(f"{regime} in {runs}" for regime, runs in networks.main.items()),
        "restrictions": ", ".join(f"{regime} in {runs}" for regime, runs in networks.restrictions.items()),
        "days": networks.first if networks.first == networks.last else f"{networks.first} to {networks.last}",
    }


def regime_sentences(networks: Iterable[NetworkRegimes]) -> dict[str, str]:
    """Return the sentence of each regime that a run has, in the order of the regimes."""
    shown = {name for one in networks for name in (*one.main, *one.restrictions)}
    return {name: sentence_of(name) for name in (*REGIMES, UNKNOWN) if name in shown}


LEAST_COUNTRIES = 2  # One country needs no map.


def map_data(codes: Iterable[str]) -> dict[str, Any] | None:
    """Return the map of the countries with these codes, None for too few. All other countries have an outline only."""
    measured, drawn = {code for code in codes if code}, outlines()
    points = {code: point for code, point in drawn.points.items() if code in measured}
    shown = measured & (drawn.outlines.keys() | points)
    if len(shown) < LEAST_COUNTRIES:
        return None
    return {
        "width": drawn.width,
        "height": drawn.height,
        "outlines": drawn.outlines,
        "no_code": drawn.no_code,
        "points": points,
        "names": {code: country_name(code) for code in sorted(shown | drawn.outlines.keys())},
        "regions": {code: region_name(code) for code in sorted(shown)},
        "absent": sorted(measured - shown),
    }


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
    over_time = over_time_data(table, comparison.question, annotations)
    measured = _measured(table, over_time["days"])
    countries = by_country(table, comparison)
    return {
        "title": "What is blocked, how and where",
        **_words(),
        **measured,
        **_compared(table, comparison),
        "summary": summary_data(countries, measured["last"][:10]),
        "software": f"censorprobe {__version__}",
        "ruleset": RULESET,
        "made": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "sources": [printable(source) for source in sources],
        "question": _describe_question(comparison.question),
        "map": map_data(vantage.get("cc", "") for vantage in comparison.vantages),
        "stores": stores_data(stores, comparison),
        **over_time,
    }


def _words() -> dict[str, Any]:
    """Return words, glyphs and limits, which are the same on every page."""
    return {
        "least": LEAST,
        "contributors": CONTRIBUTORS,
        "contributor_networks": NETWORKS,
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


def _measured(table: VerdictTable, days: Sequence[str]) -> dict[str, Any]:
    """Return how much was measured, and when. With a period, measurements outside its `days` do not stretch it."""
    inside = f"CASE WHEN {'day >= ? AND day <= ?' if days else '1 = 1'} THEN measurement_start_time END"
    ends = [days[0], days[-1]] if days else []
    ((measurements, first, last, lab, synthetic),) = table.select(
        f"SELECT COUNT(DISTINCT line_hash), MIN({inside}), MAX({inside}), MAX(lab), MAX(synthetic) FROM verdicts",
        [*ends, *ends],
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
