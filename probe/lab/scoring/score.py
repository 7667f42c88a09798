"""Count right states, mechanisms and hops, and false accusations, in the verdicts of lab runs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from probe.lab.scenario.expectations import (
    Expectation,
    NetworkExpectation,
    expectation_for,
    is_about_network,
    network_differences,
)
from probe.lab.scoring.confusion import Confusion, count_pairs, merged
from probe.lab.scoring.places import Places, count_place

ACCUSING = frozenset({"blocked", "likely_blocked", "degraded"})  # states that accuse the network


@dataclass
class Tally:
    """Hold counts of service verdicts. `+=` adds those of other runs.

    Mechanisms are compared as sets of nodes with all ancestors, so `tls.reset` for `tls.reset.sni` is two thirds right
    (hierarchical precision and recall). `hops` counts verdicts with an expected and a found hop. `places` counts
    accusing verdicts of all scenarios whose censors are at one hop.
    """

    runs: int = 0
    verdicts: int = 0
    exact: int = 0
    nodes_found: int = 0
    nodes_expected: int = 0
    nodes_shared: int = 0
    confusion: Confusion = field(default_factory=dict)
    uncensored: int = 0  # verdicts of services without interference
    accused: int = 0  # those of them that accuse
    hops: int = 0
    hops_exact: int = 0
    hops_near: int = 0  # within one, with the exact ones
    unlocated: int = 0  # a hop was expected and none was found
    invented: int = 0  # no hop was expected and one was found
    places: Places = field(default_factory=dict)
    networks: int = 0  # verdicts about the network of a run, where the scenario expects one
    networks_exact: int = 0
    seconds: float = 0.0  # of the slowest run
    triggers: int = 0  # most in one run
    bytes_sent: int = 0  # most in one run
    seeds: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # "scenario seed service: expected -> found"

    def __iadd__(self, other: "Tally") -> "Tally":
        for name, value in asdict(other).items():
            own = getattr(self, name)
            if name in _TABLES:
                setattr(self, name, merged(own, value))
            else:
                setattr(self, name, max(own, value) if name in _LARGEST else own + value)
        return self

    @property
    def precision(self) -> float:
        """Return the share of found mechanism nodes that were expected, 1 if none was found."""
        return self.nodes_shared / self.nodes_found if self.nodes_found else 1.0

    @property
    def recall(self) -> float:
        """Return the share of expected mechanism nodes that were found, 1 if none was expected."""
        return self.nodes_shared / self.nodes_expected if self.nodes_expected else 1.0


_WITHOUT_INTERFERENCE = frozenset({"ok", "down", None})  # states of a service without interference, None: not valid
_MISSING: Mapping[str, Any] = {"state": "none"}  # in place of a missing verdict
_LARGEST = frozenset({"seconds", "triggers", "bytes_sent"})
_TABLES = frozenset({"confusion", "places"})


@dataclass(frozen=True)
class Trial:
    """Hold one run of one scenario. `records` are its verdicts, `code` is its exit code (-1: it was stopped)."""

    scenario: str
    seed: int
    records: Sequence[Mapping[str, Any]]
    code: int = 0
    seconds: float = 0.0
    triggers: int = 0
    bytes_sent: int = 0


def tally(
    trial: Trial,
    expect: Mapping[str, Expectation],
    services: Iterable[str],
    *,
    censor_hop: int | None = None,
    censor_hops: Collection[int] = (),
    censored: bool = True,
    network: NetworkExpectation | None = None,
) -> Tally:
    """Compare the verdicts of one run with the scenario's expectations of `services`. A missing verdict is wrong.

    `network` is the expected verdict about the network, None if it is not compared. `censor_hop` is the hop that
    "censor" means, `censor_hops` are those of all censors. `censored`: the scenario has a censor.
    """
    count = Tally(1, seconds=trial.seconds, triggers=trial.triggers, bytes_sent=trial.bytes_sent, seeds=[trial.seed])
    _count_network(count, trial, network)
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for record in trial.records:
        by_service.setdefault(str(record.get("service")), []).append(record)
    for service in sorted(services):
        wanted = expectation_for(service, expect)
        if wanted is None:
            continue
        run = f"{trial.scenario} {trial.seed} {service}"
        for record in by_service.get(service, [_MISSING]):
            _count_state(count, run, wanted, record, censored=censored)
            _count_mechanisms(count, run, wanted, record)
            _count_hop(count, run, wanted, record, censor_hop)
            _count_place(count, wanted, record, censor_hop, censor_hops)
    return count


def _count_network(count: Tally, trial: Trial, wanted: NetworkExpectation | None) -> None:
    if wanted is None:
        return
    wrong = network_differences(wanted, filter(is_about_network, trial.records))
    count.networks += 1
    count.networks_exact += not wrong
    run = f"{trial.scenario} {trial.seed}"
    count.wrong += [f"{run} {each.service} {each.key}: {each.expected} -> {each.found}" for each in wrong]


def _count_state(count: Tally, run: str, wanted: Expectation, record: Mapping[str, Any], *, censored: bool) -> None:
    allowed, found = _states(wanted), record.get("state")
    count.verdicts += 1
    if allowed is None or found in allowed:
        count.exact += 1
    else:
        expected = "/".join(str(state) for state in sorted(allowed, key=str))
        count.wrong.append(f"{run}: {expected} -> {found}")
    if allowed is not None and record is not _MISSING and _is_uncensored(allowed, censored=censored):
        count.uncensored += 1
        count.accused += found in ACCUSING


def _states(wanted: Expectation) -> set[str | None] | None:
    """Return the allowed states, with None for an invalid verdict. None: the state is not compared."""
    if wanted.valid is False:
        return {None}
    if wanted.state is None:
        return None
    return set(wanted.state) if isinstance(wanted.state, list) else {wanted.state}


def _is_uncensored(allowed: set[str | None], *, censored: bool) -> bool:
    """Return whether a service with these allowed states is without interference.

    With a censor, a service that neither works nor is down is censored, even if no measurement can show it.
    """
    return not allowed & ACCUSING and (not censored or bool(allowed & _WITHOUT_INTERFERENCE))


def _count_mechanisms(count: Tally, run: str, wanted: Expectation, record: Mapping[str, Any]) -> None:
    if wanted.mechanisms is None:
        return
    named = record.get("mechanisms") or []
    if sorted(named) != sorted(wanted.mechanisms):
        names = ", ".join(wanted.mechanisms) or "none"
        count.wrong.append(f"{run}: {names} -> {', '.join(named) or 'none'}")
    count_pairs(count.confusion, wanted.mechanisms, named)
    expected, found = nodes(wanted.mechanisms), nodes(named)
    count.nodes_expected += len(expected)
    count.nodes_found += len(found)
    count.nodes_shared += len(expected & found)


def nodes(names: Iterable[str]) -> set[str]:
    """Return the names and all their ancestors: for `tls.reset.sni` also `tls.reset` and `tls`."""
    paths = [name.split(".") for name in names]
    return {".".join(path[:depth]) for path in paths for depth in range(1, len(path) + 1)}


def _count_hop(count: Tally, run: str, wanted: Expectation, record: Mapping[str, Any], censor_hop: int | None) -> None:
    truth = wanted.hop_in(censor_hop)
    if wanted.hop is None:
        return
    found = (record.get("hop") or {}).get("ttl")
    if found != truth:
        count.wrong.append(f"{run}: hop {truth or 'none'} -> {found or 'none'}")
    if truth is None:
        count.invented += found is not None
    elif found is None:
        count.unlocated += 1
    else:
        count.hops += 1
        count.hops_exact += found == truth
        count.hops_near += abs(found - truth) <= 1


def _count_place(
    count: Tally,
    wanted: Expectation,
    record: Mapping[str, Any],
    censor_hop: int | None,
    censor_hops: Collection[int],
) -> None:
    """Count the hop of an accusing verdict about a censored service, if all censors are at one hop."""
    allowed = _states(wanted)
    accuses = record.get("state") in ACCUSING and record.get("mechanisms")
    if not accuses or (allowed is not None and allowed & _WITHOUT_INTERFERENCE):
        return
    if wanted.hop is not None:
        count_place(count.places, record, wanted.hop_in(censor_hop))
    elif len(censor_hops) == 1:
        count_place(count.places, record, next(iter(censor_hops)))
