"""Decide which regimes the networks of many runs have, without witnesses and texts."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.pipeline.conclusions.regimes import (
    REGIME_CANDIDATE,
    REGIME_STATEMENTS,
    RUN_CHECK,
    RUN_ENDPOINT,
    RUN_FLOW,
    RUN_NEUTRAL,
)
from probe.analysis.rules.regimes import REGIMES, UNKNOWN
from probe.analysis.verdicts.regimes.regimes import NOT_SHOWN, restricts, says_something
from probe.analysis.verdicts.regimes.run_network import Record, Row, StoredNetwork, endpoint_rows

TOGETHER = 100  # runs that the statements decide on at once


class Regimes(NamedTuple):
    """Hold the main regime of a run, and the other ones that restrict connections."""

    regime: str
    restrictions: tuple[str, ...] = ()


@dataclass
class RunRows:
    """Hold the verdict records of one run, and what its measurements say about its network."""

    records: list[Record] = field(default_factory=list)
    network: StoredNetwork = field(default_factory=StoredNetwork)


class RegimeSearch:
    """Decide on the regimes of runs. Runs with equal evidence are decided once."""

    def __init__(self) -> None:
        self._engine = SQLiteEngine()
        self._known: dict[tuple[frozenset[Row], ...], Regimes] = {}

    def of(self, runs: Sequence[RunRows]) -> list[Regimes | None]:
        """Return the regimes of each run, None for one that says nothing about its network."""
        evidence = [_evidence(run) for run in runs]
        new = list(dict.fromkeys(each for each in evidence if each is not None and each not in self._known))
        for start in range(0, len(new), TOGETHER):
            some = new[start : start + TOGETHER]
            self._known.update(zip(some, self._decided(some), strict=True))
        return [None if each is None else self._known[each] for each in evidence]

    def _decided(self, runs: Sequence[tuple[frozenset[Row], ...]]) -> Iterator[Regimes]:
        self._engine.put(REGIME_CANDIDATE, [(number, regime) for number in range(len(runs)) for regime in REGIMES])
        for place, table in enumerate((RUN_CHECK, RUN_NEUTRAL, RUN_ENDPOINT, RUN_FLOW)):
            self._engine.put(table, [(number, *row) for number, run in enumerate(runs) for row in run[place]])
        for statement in REGIME_STATEMENTS:
            self._engine.run(statement)
        decided = {(m, regime): rule for m, regime, rule in self._engine.rows(_DECIDED)}
        for number in range(len(runs)):
            yield _regimes({regime: decided[number, regime] for regime in REGIMES})

    def close(self) -> None:
        """Free the memory of the tables."""
        self._engine.__exit__()


_DECIDED = "SELECT m, regime, rule_regime FROM regime_decided"


def _evidence(run: RunRows) -> tuple[frozenset[Row], ...] | None:
    """Return the rows of the tables about a run. Lines of measurements, at the end of an endpoint's row, are 0."""
    usable = [record for record in run.records if says_something(record)]
    if not usable or not run.network.checks:
        return None
    endpoints = frozenset((*row[:-1], 0) for row in endpoint_rows(usable))
    network = run.network
    tables: Iterable[Iterable[Row]] = (network.check_rows(), network.neutral_rows(), endpoints, network.flow_rows())
    return tuple(map(frozenset, tables))


def _regimes(rules: dict[str, str]) -> Regimes:
    holding = [(regime, rule_id) for regime, rule_id in rules.items() if rule_id != NOT_SHOWN]
    if not holding:
        return Regimes(UNKNOWN)
    (first, _), *others = holding
    return Regimes(first, tuple(regime for regime, rule_id in others if restricts(rule_id)))
