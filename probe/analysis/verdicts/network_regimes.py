"""Compute the verdict about the network of a run: which regimes it has (docs/contract.md, 7.9)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import NamedTuple, TypedDict

from probe.analysis.engines.sql_engine import SQLiteEngine, TableEngine
from probe.analysis.features.rows import RegimeRow
from probe.analysis.observations.lenient_json import network_number, text
from probe.analysis.pipeline.run_tables import (
    REGIME_CANDIDATE,
    REGIME_STATEMENTS,
    RUN_CHECK,
    RUN_ENDPOINT,
    RUN_FLOW,
    RUN_NEUTRAL,
    WITNESSES,
)
from probe.analysis.rules.regime_rules import REGIMES, UNKNOWN
from probe.analysis.rules.rule import Rule, State
from probe.analysis.ruleset.tables import RULES, RULESET
from probe.analysis.verdicts.plain_sentences import plain_sentence
from probe.analysis.verdicts.run_network import Record, Row, RunNetwork, StoredNetwork, endpoint_rows
from probe.messages import tr

TEST_NAME = "network_regime"
NOT_SHOWN = "regime_not_shown"
MOST_WITNESSES = 20  # for each regime. More of the same kind add nothing.
NETWORK_REASONS = frozenset({"captive_portal", "no_network"})
"""Reasons of invalid measurements that are facts about the network. The others spoil every fact about it."""


class Witness(TypedDict):
    """Hold one piece of evidence: what was tested, what it showed, and the line of its measurement, 0 for several."""

    subject: str
    shows: str
    measurement_line: int


class HoldingRegime(TypedDict):
    """Hold one regime that the rules found, with its witnesses."""

    regime: str
    rule_id: str
    because: str
    witnesses: list[Witness]


class RegimeVerdict(TypedDict):
    """Hold the verdict about the network of one run, with the keys of docs/contract.md in their order."""

    measurement_start_time: str
    run_id: str
    probe_cc: str
    probe_asn: str
    test_name: str
    regime: str
    restrictions: list[str]
    valid: bool
    invalid_reason: str | None
    rule_id: str
    ruleset: str
    because: str
    sentence: str
    regimes: list[HoldingRegime]
    evidence: dict[str, int | bool]
    measurement_file: str


def judge_regime(
    records: Sequence[Record], network: RunNetwork, engine: TableEngine | None = None
) -> RegimeVerdict | None:
    """Compute the verdict about the network of one run, from its verdict records and what its measurements say.

    Return None without a record or a check of the network, as for OONI's measurements.
    """
    if not records or not network.checks:
        return None
    if engine is not None:
        return _judged(records, network, engine)
    with SQLiteEngine() as made:
        return _judged(records, network, made)


def _judged(records: Sequence[Record], network: RunNetwork, engine: TableEngine) -> RegimeVerdict:
    usable = [record for record in records if says_something(record)]
    if not usable:
        return _verdict(records[0], [], {}, plain_sentence(records[0]))
    _fill(engine, usable, network)
    for statement in REGIME_STATEMENTS:
        engine.run(statement)
    decided: dict[str, str] = dict(engine.rows("SELECT regime, rule_regime FROM regime_decided"))
    rules = {regime: RULES[decided[regime]] for regime in REGIMES}
    holding = [_holding(regime, rule, engine) for regime, rule in rules.items() if rule.rule_id != NOT_SHOWN]
    shown = [each["rule_id"] for each in holding] or [NOT_SHOWN]
    sentence = " ".join(tr(RULES[rule_id].plain) for rule_id in shown)
    return _verdict(usable[0], holding, _evidence(engine), sentence)


def says_something(record: Record) -> bool:
    """Return True for a record that is valid, or invalid because of the network."""
    return bool(record.get("valid", True)) or record.get("invalid_reason") in NETWORK_REASONS


def restricts(rule_id: str) -> bool:
    """Return True for the rule of a regime that restricts connections, which `open` does not."""
    return RULES[rule_id].state != State.OK


def _fill(engine: TableEngine, records: Iterable[Record], network: RunNetwork) -> None:
    engine.put(REGIME_CANDIDATE, [(0, regime) for regime in REGIMES])
    engine.put(RUN_CHECK, [(0, *row) for row in network.check_rows()])
    engine.put(RUN_NEUTRAL, [(0, *row) for row in network.neutral_rows()])
    engine.put(RUN_ENDPOINT, [(0, *row) for row in endpoint_rows(records)])
    engine.put(RUN_FLOW, [(0, *row) for row in network.flow_rows()])


def _holding(regime: str, rule: Rule, engine: TableEngine) -> HoldingRegime:
    found = {row[1:]: None for select in WITNESSES[regime] for row in sorted(set(engine.rows(select)))[:MOST_WITNESSES]}
    witnesses = [Witness(subject=subject, shows=shows, measurement_line=line) for subject, shows, line in found]
    return HoldingRegime(regime=regime, rule_id=rule.rule_id, because=rule.because, witnesses=witnesses)


def _evidence(engine: TableEngine) -> dict[str, int | bool]:
    """Return the columns that are not at their default. They are the same for every regime that is looked for."""
    columns = [column for column in fields(RegimeRow) if column.name != "candidate"]
    (values,) = engine.rows(f"SELECT DISTINCT {', '.join(column.name for column in columns)} FROM regime_row")
    return {
        column.name: bool(value) if isinstance(column.default, bool) else value
        for column, value in zip(columns, values, strict=True)
        if value != column.default
    }


def _verdict(
    first: Record, holding: list[HoldingRegime], evidence: dict[str, int | bool], sentence: str
) -> RegimeVerdict:
    """Return the record. Without evidence the run is invalid, and the first record says why."""
    rule = RULES[holding[0]["rule_id"] if holding else NOT_SHOWN]
    return RegimeVerdict(
        measurement_start_time=text(first.get("measurement_start_time")),
        run_id=text(first.get("run_id")),
        probe_cc=text(first.get("probe_cc")),
        probe_asn=network_number(first.get("probe_asn")),
        test_name=TEST_NAME,
        regime=holding[0]["regime"] if holding else UNKNOWN,
        restrictions=[each["regime"] for each in holding[1:] if restricts(each["rule_id"])],
        valid=bool(evidence),
        invalid_reason=None if evidence else text(first.get("invalid_reason")),
        rule_id=rule.rule_id if evidence else text(first.get("rule_id")),
        ruleset=RULESET,
        because=rule.because if evidence else text(first.get("because")),
        sentence=sentence,
        regimes=holding,
        evidence=evidence,
        measurement_file=text(first.get("measurement_file")),
    )


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
        evidence = [_rows_of_run(run) for run in runs]
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


def _rows_of_run(run: RunRows) -> tuple[frozenset[Row], ...] | None:
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
