"""Show how a measurement is judged, step by step: rows, the rules that match, and the values that they read.

The rows are those of the tables that the pipeline made.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.features.rows import AddressRow, EndpointRow, NameRow, RegimeRow, ServiceRow, WideRow
from probe.analysis.observations.index import endpoint_of
from probe.analysis.rules.condition_parts import columns_of, parts_of
from probe.analysis.rules.tables import RULES
from probe.analysis.verdicts.decisions import Decision, Subject, decisions_in, regime_decisions_in
from probe.analysis.verdicts.regimes.regimes import judge_regime
from probe.analysis.verdicts.regimes.run_network import RunNetwork
from probe.analysis.verdicts.verdicts import judge_measurement

STEPS: dict[type[WideRow], str] = {
    NameRow: "name",
    AddressRow: "address",
    EndpointRow: "endpoint",
    ServiceRow: "service",
    RegimeRow: "network",
}
"""The steps by the class of their rows, in the order in which they are computed. The last one is about a whole run."""

Columns = dict[str, int | bool | str | None]
_DECIDING = "SELECT endpoint, address, rule_id FROM address_rule"


@dataclass(frozen=True)
class Match:
    """Hold the rule of one table that matches, and each part of its condition with the values of its columns.

    `decides` is False for a layer of an address above or below the one that decides.
    """

    table: str
    rule_id: str
    state: str
    mechanism: str
    decides: bool
    condition: tuple[tuple[str, Columns], ...]


@dataclass(frozen=True)
class JudgedRow:
    """Hold one row of a step: its subject, its columns that are not at their default, and its rules."""

    step: str
    subject: Subject
    columns: Columns
    matches: tuple[Match, ...]


@dataclass(frozen=True)
class Explanation:
    """Hold the rows in order, and the verdict records that follow."""

    rows: tuple[JudgedRow, ...]
    records: tuple[dict[str, Any], ...]

    def document(self) -> dict[str, Any]:
        """Return the same as data for JSON. The order of the keys is fixed."""
        return {"rows": [_row_document(row) for row in self.rows], "records": list(self.records)}


def explain(measurement: dict[str, Any], *, file: str, number: int) -> Explanation:
    """Judge a measurement that can be judged, and return each row."""
    with SQLiteEngine() as engine:
        records = judge_measurement(measurement, file=file, number=number, engine=engine)
        deciding: dict[Subject, str] = {(url, at): rule for url, at, rule in engine.rows(_DECIDING)}
        rows = tuple(_row(decision, deciding) for decision in decisions_in(engine))
    return Explanation(rows, tuple(records))


def explain_network(records: list[dict[str, Any]], network: RunNetwork) -> Explanation:
    """Judge the network of a run, and return the row of each regime. Without a check of the network there is none."""
    with SQLiteEngine() as engine:
        verdict = judge_regime(records, network, engine)
        rows = (
            tuple(_row(decision, {}) for decision in regime_decisions_in(engine))
            if verdict and verdict["valid"]
            else ()
        )
    return Explanation(rows, (dict(verdict),) if verdict else ())


def _row(decision: Decision, deciding: dict[Subject, str]) -> JudgedRow:
    row = decision.row
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    changed = {field.name: values[field.name] for field in fields(row) if values[field.name] != field.default}
    matches = tuple(
        _match(table, rule_id, table in decides, values) for table, rule_id, decides in _rules_of(decision, deciding)
    )
    return JudgedRow(STEPS[type(row)], decision.subject, changed, matches)


def _rules_of(decision: Decision, deciding: dict[Subject, str]) -> list[tuple[str, str, frozenset[str]]]:
    """Return table, rule id and the deciding tables. Of an address, only the tables of the endpoint's dialect count."""
    endpoint = endpoint_of(decision.subject[0]) if isinstance(decision.row, AddressRow) else None
    if endpoint is None:
        return [(table, rule_id, frozenset({table})) for table, rule_id in decision.rules.items()]
    tables = endpoint.facts.rule_tables
    decides = frozenset(table for table in tables if decision.rules[table] == deciding[decision.subject])
    return [(table, decision.rules[table], decides) for table in tables]


def _match(table: str, rule_id: str, decides: bool, values: Columns) -> Match:
    rule = RULES[rule_id]
    condition = tuple((part, {name: values[name] for name in columns_of(part)}) for part in parts_of(rule.when))
    return Match(table, rule_id, str(rule.state), rule.mechanism, decides, condition)


def _row_document(row: JudgedRow) -> dict[str, Any]:
    matches = [
        asdict(match) | {"condition": [{"part": part, "values": values} for part, values in match.condition]}
        for match in row.matches
    ]
    kind = next(kind for kind, step in STEPS.items() if step == row.step)
    expressions = {field.name: " ".join(field.metadata["sql"].split()) for field in fields(kind)}
    return {
        "step": row.step,
        "subject": list(row.subject),
        "columns": row.columns,
        "expressions": {name: expressions[name] for name in row.columns},
        "rules": matches,
    }
