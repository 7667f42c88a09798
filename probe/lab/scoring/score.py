"""How right the judge was in a set of lab runs: states, mechanisms, false accusations, hops. Arithmetic alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from probe.lab.scenario.expectations import Expectation, expectation_for

ACCUSING = frozenset({"blocked", "likely_blocked", "degraded"})  # the words that say somebody interferes


@dataclass
class Tally:
    """Counts over service verdicts; `+=` adds those of another set.

    Mechanisms are compared as sets of nodes, every ancestor included, so that `tls.reset` for `tls.reset.sni` is two
    thirds right (hierarchical precision and recall). `hops` counts verdicts whose hop is known and expected.
    """

    runs: int = 0
    verdicts: int = 0
    exact: int = 0
    nodes_found: int = 0
    nodes_expected: int = 0
    nodes_shared: int = 0
    innocent: int = 0  # verdicts of services with which nobody interferes
    accused: int = 0  # of these: accused all the same
    hops: int = 0
    hops_exact: int = 0
    hops_near: int = 0  # within one, exact ones included
    unlocated: int = 0  # a hop was expected and none was named
    invented: int = 0  # none can be known and one was named
    seconds: float = 0.0  # of the slowest run
    triggers: int = 0  # most in one run
    bytes_sent: int = 0  # most in one run
    seeds: list[int] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # "scenario seed service: expected -> found"

    def __iadd__(self, other: "Tally") -> "Tally":
        for name, value in asdict(other).items():
            mine = getattr(self, name)
            setattr(self, name, max(mine, value) if name in _LARGEST else mine + value)
        return self

    @property
    def precision(self) -> float:
        """Share of the mechanism nodes named that were right; 1 where none was named."""
        return self.nodes_shared / self.nodes_found if self.nodes_found else 1.0

    @property
    def recall(self) -> float:
        """Share of the mechanism nodes at work that were named; 1 where there are none."""
        return self.nodes_shared / self.nodes_expected if self.nodes_expected else 1.0


_NOBODYS_DOING = frozenset({"ok", "down", None})  # what a service is with which nobody interferes; None: not valid
_MISSING: Mapping[str, Any] = {"state": "none"}  # stands for a verdict that did not come
_LARGEST = frozenset({"seconds", "triggers", "bytes_sent"})


@dataclass(frozen=True)
class Trial:
    """One run of one scenario. `records` are its verdicts; `code` is the command's exit code, negative: it died."""

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
    censored: bool = True,
) -> Tally:
    """Compare one run's verdicts with what its scenario expects of `services`; a missing verdict is a wrong one.

    `censor_hop`: what "censor" means in this run. `censored`: whether anybody in the scenario interferes with anything.
    """
    count = Tally(1, seconds=trial.seconds, triggers=trial.triggers, bytes_sent=trial.bytes_sent, seeds=[trial.seed])
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for record in trial.records:
        by_service.setdefault(str(record.get("service")), []).append(record)
    for service in sorted(services):
        wanted = expectation_for(service, expect)
        if wanted is None:
            continue
        where = f"{trial.scenario} {trial.seed} {service}"
        for record in by_service.get(service, [_MISSING]):
            _count_state(count, where, wanted, record, censored=censored)
            _count_mechanisms(count, where, wanted, record)
            _count_hop(count, where, wanted, record, censor_hop)
    return count


def _count_state(count: Tally, where: str, wanted: Expectation, record: Mapping[str, Any], *, censored: bool) -> None:
    allowed, found = _states(wanted), record.get("state")
    count.verdicts += 1
    if allowed is None or found in allowed:
        count.exact += 1
    else:
        says = "/".join(str(state) for state in sorted(allowed, key=str))
        count.wrong.append(f"{where}: {says} -> {found}")
    if allowed is not None and record is not _MISSING and _is_innocent(allowed, censored=censored):
        count.innocent += 1
        count.accused += found in ACCUSING


def _states(wanted: Expectation) -> set[str | None] | None:
    """The states allowed, None among them for a verdict that is not valid; None where the state is not compared."""
    if wanted.valid is False:
        return {None}
    if wanted.state is None:
        return None
    return set(wanted.state) if isinstance(wanted.state, list) else {wanted.state}


def _is_innocent(allowed: set[str | None], *, censored: bool) -> bool:
    """Whether nobody interferes with a service of which only these states are allowed.

    Where there is a censor, a service that neither works nor fails for everybody is his, even if nobody can tell.
    """
    return not allowed & ACCUSING and (not censored or bool(allowed & _NOBODYS_DOING))


def _count_mechanisms(count: Tally, where: str, wanted: Expectation, record: Mapping[str, Any]) -> None:
    if wanted.mechanisms is None:
        return
    named = record.get("mechanisms") or []
    if sorted(named) != sorted(wanted.mechanisms):
        says = ", ".join(wanted.mechanisms) or "none"
        count.wrong.append(f"{where}: {says} -> {', '.join(named) or 'none'}")
    expected, found = nodes(wanted.mechanisms), nodes(named)
    count.nodes_expected += len(expected)
    count.nodes_found += len(found)
    count.nodes_shared += len(expected & found)


def nodes(names: Iterable[str]) -> set[str]:
    """The names and every node above them: `tls.reset.sni` → it, `tls.reset` and `tls`."""
    parts = [name.split(".") for name in names]
    return {".".join(words[:depth]) for words in parts for depth in range(1, len(words) + 1)}


def _count_hop(
    count: Tally, where: str, wanted: Expectation, record: Mapping[str, Any], censor_hop: int | None
) -> None:
    truth = wanted.hop_in(censor_hop)
    if wanted.hop is None:
        return
    found = (record.get("hop") or {}).get("ttl")
    if found != truth:
        count.wrong.append(f"{where}: hop {truth or 'none'} -> {found or 'none'}")
    if truth is None:
        count.invented += found is not None
    elif found is None:
        count.unlocated += 1
    else:
        count.hops += 1
        count.hops_exact += found == truth
        count.hops_near += abs(found - truth) <= 1
