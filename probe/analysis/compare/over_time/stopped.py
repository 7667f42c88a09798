"""Find days on which runs went missing, for any reason: in a country, on several of its networks, or on a large one."""

from collections.abc import Iterator

from probe.analysis.compare.over_time.event import began_together, typical
from probe.analysis.compare.over_time.silences import Country, NetworkActivity, usual
from probe.analysis.statistics.cusum import COLLAPSED, USUAL_LEAST, Change, collapse

ALONE = 20.0  # usual daily runs that one network needs for an event of its own
ALL_TOGETHER = 2 * USUAL_LEAST  # usual daily runs that a country needs: the minimum of two networks
Stopped = tuple[Change, list[str]]  # with the networks


def stopped(country: Country) -> list[Stopped]:
    """Return every collapse of the number of runs, with the networks that show it."""
    whole = list(_of_all(country))
    return whole + [one for one in _of_some(country) if not any(_meet(one[0], other[0]) for other in whole)]


def _meet(one: Change, other: Change) -> bool:
    return all(a.end is None or (b.onset or 0) <= a.end for a, b in ((one, other), (other, one)))


def _of_all(country: Country) -> Iterator[Stopped]:
    """Find collapses of a country's total. Each network may have too few runs for one of its own."""
    runs = [sum(column) for column in zip(*(network.runs for network in country.networks.values()), strict=True)]
    for change in collapse(runs):
        networks = [asn for asn, network in country.networks.items() if _fell(network, change)]
        if len(networks) > 1 and change.usual >= ALL_TOGETHER:
            yield change, networks


def _fell(network: NetworkActivity, change: Change) -> bool:
    """Return True if a network's own runs fell to COLLAPSED of their usual number during the change."""
    onset = change.onset or 0
    before, inside = usual(network.runs, onset), network.runs[onset : change.end]
    return before > 0 and sum(inside) <= COLLAPSED * before * len(inside)


def _of_some(country: Country) -> Iterator[Stopped]:
    fallen = [(asn, change) for asn, network in country.networks.items() for change in collapse(network.runs)]
    for same in began_together(fallen):
        if len(same) > 1 or same[0][1].usual >= ALONE:  # a small network may be one user who stopped
            yield typical(change for _, change in same), sorted({asn for asn, _ in same})
