"""How right the judge was in a set of lab runs: states, mechanisms, false accusations, hops. Arithmetic alone."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from probe.lab.expectations import Expectation, wanted_for

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
    seconds: float = 0.0  # of the slowest run
    triggers: int = 0  # most in one run
    bytes_sent: int = 0  # most in one run
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


def tally(trial: Trial, expect: Mapping[str, Expectation], services: Iterable[str]) -> Tally:
    """Compare one run's verdicts with what its scenario expects of `services`; a missing verdict is a wrong one."""
    count = Tally(runs=1, seconds=trial.seconds, triggers=trial.triggers, bytes_sent=trial.bytes_sent)
    by_service: dict[str, list[Mapping[str, Any]]] = {}
    for record in trial.records:
        by_service.setdefault(str(record.get("service")), []).append(record)
    for service in sorted(services):
        wanted = wanted_for(service, expect)
        if wanted is None:
            continue
        for record in by_service.get(service, [{"service": service, "state": "none", "valid": None}]):
            _count_state(count, trial, service, wanted, record)
            _count_mechanisms(count, trial, service, wanted, record)
            _count_hop(count, wanted, record)
    return count


def _count_state(count: Tally, trial: Trial, service: str, wanted: Expectation, record: Mapping[str, Any]) -> None:
    allowed = _states(wanted)
    found = record.get("state")
    count.verdicts += 1
    if found in allowed:
        count.exact += 1
    else:
        says = "/".join(str(state) for state in sorted(allowed, key=str))
        count.wrong.append(f"{trial.scenario} {trial.seed} {service}: {says} -> {found}")
    if not allowed & ACCUSING:
        count.innocent += 1
        count.accused += found in ACCUSING


def _states(wanted: Expectation) -> set[str | None]:
    if wanted.valid is False or wanted.state is None:
        return {None}
    return set(wanted.state) if isinstance(wanted.state, list) else {wanted.state}


def _count_mechanisms(count: Tally, trial: Trial, service: str, wanted: Expectation, record: Mapping[str, Any]) -> None:
    if wanted.mechanisms is None:
        return
    named = record.get("mechanisms") or []
    if sorted(named) != sorted(wanted.mechanisms):
        says = ", ".join(wanted.mechanisms) or "none"
        count.wrong.append(f"{trial.scenario} {trial.seed} {service}: {says} -> {', '.join(named) or 'none'}")
    expected, found = nodes(wanted.mechanisms), nodes(named)
    count.nodes_expected += len(expected)
    count.nodes_found += len(found)
    count.nodes_shared += len(expected & found)


def nodes(names: Iterable[str]) -> set[str]:
    """The names and every node above them: `tls.reset.sni` → it, `tls.reset` and `tls`."""
    parts = [name.split(".") for name in names]
    return {".".join(words[:depth]) for words in parts for depth in range(1, len(words) + 1)}


def _count_hop(count: Tally, wanted: Expectation, record: Mapping[str, Any]) -> None:
    truth = wanted.hop
    if truth is None:
        return
    found = (record.get("hop") or {}).get("ttl")
    if found is None:
        count.unlocated += 1
        return
    count.hops += 1
    count.hops_exact += found == truth
    count.hops_near += abs(found - truth) <= 1


# -- the table -------------------------------------------------------------------------------------------------------

HEAD = ("scenario", "runs", "exact", "precision", "recall", "accused", "hop", "+-1", "seconds", "triggers", "kB sent")


def table(by_scenario: Mapping[str, Tally]) -> list[tuple[str, ...]]:
    """A row per scenario and one for all of them, the head first."""
    whole = Tally()
    for count in by_scenario.values():
        whole += count
    return [HEAD, *(_row(name, count) for name, count in by_scenario.items()), _row("all", whole)]


def _row(name: str, count: Tally) -> tuple[str, ...]:
    known = count.hops + count.unlocated
    return (
        name,
        str(count.runs),
        f"{count.exact}/{count.verdicts}",
        f"{count.precision:.3f}",
        f"{count.recall:.3f}",
        f"{count.accused}/{count.innocent}",
        f"{count.hops_exact}/{known}" if known else "-",
        f"{count.hops_near}/{known}" if known else "-",
        f"{count.seconds:.0f}",
        str(count.triggers),
        f"{count.bytes_sent / 1000:.0f}",
    )


def as_text(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows in columns, the first to the left and the others to the right."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) for row in rows]


def as_markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as a Markdown table."""
    head, *others = [f"| {' | '.join(row)} |" for row in rows]
    return [head, "|---" + "|---:" * (len(rows[0]) - 1) + "|", *others]
