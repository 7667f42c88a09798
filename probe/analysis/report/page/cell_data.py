"""Return the cells and vantage points of a page."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.cells import Cell, Example, network_name
from probe.analysis.compare.compare import cell_text, difference_to_dict, not_counted, vantage_name
from probe.messages import tr

MOST_NETWORKS = 5  # named in one cell. The others are counted.


def vantage_data(vantage: dict[str, str], baseline: bool) -> dict[str, Any]:
    """Return the names of a vantage point."""
    asn = vantage.get("asn", "")
    name = vantage_name(vantage, baseline)
    return {"label": name, "cc": vantage.get("cc", ""), "asn": asn, "network": network_name(asn), "baseline": baseline}


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
        "now": asdict(cell.now) if cell.now else None,
        "difference": difference_to_dict(cell.difference) if cell.difference else None,
        "witness": examples[cell.witness] if cell.witness is not None else None,
    }
