"""Return the cells and vantage points of a page."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.cells import Cell
from probe.analysis.compare.compare import cell_text, difference_to_dict, not_counted, vantage_name
from probe.analysis.compare.examples import Example
from probe.asn.network_names import network_name
from probe.countries.names import country_name, region_name
from probe.messages import tr

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
        "now": asdict(cell.now) if cell.now else None,
        "difference": difference_to_dict(cell.difference) if cell.difference else None,
        "witness": examples[cell.witness] if cell.witness is not None else None,
    }
