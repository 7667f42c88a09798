"""Derive `likely_blocked` for a cell whose single failures repeat, while the control and other services work.

A measurement of OONI tries once, so one failure is `impaired`. The rule needs repetition that outages, bad lines,
servers, software versions and local filters do not explain. The limits are design values. `tests/worlds` measures them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from probe.analysis.compare.current import NetworkNow
from probe.analysis.compare.failure_evidence import DEVICES, IMPAIRED, Evidence, Network, ServiceRuns, joined, since
from probe.analysis.compare.repeated_runs import RepeatedRuns
from probe.analysis.compare.units import Unit
from probe.analysis.rules.rule import State

RULE, DERIVED = "repeated_failures", State.LIKELY_BLOCKED.value
RUNS = 8  # that fail alike
DAYS = 5  # with such runs. Outages are shorter.
CHANCE = 1e-4  # largest p-value of the test against other services in the same runs
ELSEWHERE = 3  # networks of other countries in which the service works
ELSEWHERE_SHARE = 0.5  # of the networks of other countries. Below, the server has a fault.
MOST_NETWORKS = 0.5  # of a country's networks fail alike, if no single one has several users


@dataclass(frozen=True)
class Repetition:
    """Hold why a cell is likely blocked although each measurement is `impaired`.

    - `failing` of the `runs` of these `networks` fail alike, on so many `days`. `rule_id` is that of their verdicts.
    - `sources` counts networks, and versions in them. `country_networks` fail alike, in the cell and beside it.
    - `others_failing` and `others_working` count other services in the failing runs. `p_value` compares both.
    - The service works in `elsewhere_working` of the `elsewhere` networks of other countries.
    """

    rule: str
    rule_id: str
    networks: list[str]
    failing: int
    runs: int
    days: int
    sources: int
    country_networks: int
    others_failing: int
    others_working: int
    p_value: float
    elsewhere_working: int
    elsewhere: int


def repetition(
    units: Sequence[Unit], repeated: Sequence[RepeatedRuns], networks: Mapping[Network, NetworkNow], all_: ServiceRuns
) -> Repetition | None:
    """Return why a cell with these units is likely blocked, None if it is not. `all_` has the runs of all cells.

    A cell of several countries gets None.
    """
    if len({unit.cc for unit in units}) > 1:
        return None
    for rule_id in sorted({one.rule_id for one in repeated}):
        alike = [one for one in repeated if one.rule_id == rule_id]
        for evidence in _candidates(units, alike, networks):
            if (found := _judged(rule_id, evidence, all_)) is not None:
                return found
    return None


def _candidates(
    units: Sequence[Unit], alike: Sequence[RepeatedRuns], networks: Mapping[Network, NetworkNow]
) -> Iterator[Evidence]:
    """Iterate over the evidence of all networks together that fail alike, then over that of each."""
    found = []
    for network in sorted({one.network for one in alike}):
        own = [unit for unit in units if unit.network == network], [one for one in alike if one.network == network]
        if networks[network].found == IMPAIRED and (evidence := since(*own, networks[network])).alike():
            found.append(evidence)
    if len(found) > 1:
        yield joined(found)
    yield from found


def _judged(rule_id: str, evidence: Evidence, all_: ServiceRuns) -> Repetition | None:
    if evidence.failing < RUNS or evidence.days < DAYS or evidence.p_value() > CHANCE:
        return None
    country = evidence.units[0].cc
    beside = all_.beside(country, rule_id)
    alone = len({one.network for one in evidence.repeated}) == 1 and evidence.of_several_users()
    if not alone and not _of_country(beside, all_.measured(country)):
        return None
    working, measured = all_.elsewhere(evidence)
    if working < max(ELSEWHERE, ELSEWHERE_SHARE * measured):
        return None
    return Repetition(
        RULE,
        rule_id,
        sorted({one.asn for one in evidence.repeated}),
        evidence.failing,
        evidence.runs(),
        evidence.days,
        len(evidence.sources()),
        len(beside),
        *evidence.others,
        evidence.p_value(),
        working,
        measured,
    )


def _of_country(beside: Mapping[Network, Evidence], measured: int) -> bool:
    """Return True if several networks of a country fail alike, MOST_NETWORKS of those that measured."""
    sources = sum(len(one.sources()) for one in beside.values())
    return len(beside) >= max(2, MOST_NETWORKS * measured) and sources > DEVICES
