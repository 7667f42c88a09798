"""Return what the networks of vantage points do to all connections, for the page."""

from collections.abc import Iterable
from typing import Any

from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.rules.regimes import REGIMES, UNKNOWN, sentence_of


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
