"""Show how a measurement is judged, step by step: rows, the rules that match, and the values that they read.

The rows are those of the tables that the pipeline made.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from typing import Any

from probe.analysis.engines.sql_engine import Engine, SQLiteEngine
from probe.analysis.features.rows import (
    AddressRow,
    AppRow,
    EndpointRow,
    NameRow,
    NeedRow,
    RegimeRow,
    ServiceRow,
    WideRow,
)
from probe.analysis.observations.entry_index import endpoint_of
from probe.analysis.rules.condition_parts import columns_of, parts_of
from probe.analysis.ruleset.tables import RULES, tables_for
from probe.analysis.verdicts.network_regimes import judge_regime
from probe.analysis.verdicts.run_network import RunNetwork
from probe.analysis.verdicts.verdicts import judge_measurement

Subject = tuple[str, ...]
"""What a row describes: (host name,), (endpoint's URL, address), (endpoint's URL,) or (role of a service,).

A row of an app has (need,) or (), and a row of a network has (regime,).
"""

_ENDPOINTS = (
    "SELECT e.m, e.endpoint, min(10000 * s.rank + e.position) AS place FROM service_endpoint e"
    " JOIN service s ON s.m = e.m AND s.role = e.role GROUP BY e.m, e.endpoint"
)
_ORDER = "ORDER BY e.m, e.place"
_SOURCES: dict[type[WideRow], tuple[tuple[str, ...], str]] = {
    NameRow: (
        ("host",),
        "FROM name_row r JOIN name_decided d ON d.m = r.m AND d.host = r.host ORDER BY r.m, r.host",
    ),
    AddressRow: (
        ("endpoint", "address"),
        "FROM address_row r JOIN address_decided d ON d.m = r.m AND d.endpoint = r.endpoint AND d.address = r.address"
        f" JOIN ({_ENDPOINTS}) e ON e.m = r.m AND e.endpoint = r.endpoint {_ORDER}, r.first_n",
    ),
    EndpointRow: (
        ("endpoint",),
        "FROM endpoint_row r JOIN endpoint_decided d ON d.m = r.m AND d.endpoint = r.endpoint"
        f" JOIN ({_ENDPOINTS}) e ON e.m = r.m AND e.endpoint = r.endpoint {_ORDER}",
    ),
    ServiceRow: (
        ("role",),
        "FROM service_row r JOIN service_decided d ON d.m = r.m AND d.role = r.role ORDER BY r.m, r.role",
    ),
}
_APP_SOURCES: dict[type[WideRow], tuple[tuple[str, ...], str]] = {
    NeedRow: (
        ("need",),
        "FROM need_row r JOIN need_decided d ON d.m = r.m AND d.need = r.need ORDER BY r.m, r.need",
    ),
    AppRow: ((), "FROM app_row r JOIN app_decided d ON d.m = r.m ORDER BY r.m"),
}
_REGIME_SOURCE = (
    ("regime",),
    "FROM regime_row r JOIN regime_decided d ON d.m = r.m AND d.regime = r.regime ORDER BY r.m, r.regime",
)


@dataclass(frozen=True)
class Decision:
    """Hold one row with its subject and the ids of the rules that hold for it, by table."""

    subject: Subject
    row: WideRow
    rules: dict[str, str]


def decisions_in(engine: Engine) -> list[Decision]:
    """Return the rows of the batch that the engine judged last: of names, addresses, endpoints and services."""
    return [decision for kind, place in _SOURCES.items() for decision in _decisions(kind, place, engine)]


def app_decisions_in(engine: Engine) -> list[Decision]:
    """Return the rows of the apps that the engine judged last: of needs and apps."""
    return [decision for kind, place in _APP_SOURCES.items() for decision in _decisions(kind, place, engine)]


def regime_decisions_in(engine: Engine) -> list[Decision]:
    """Return the rows of the network that the engine judged last, one for each regime."""
    return list(_decisions(RegimeRow, _REGIME_SOURCE, engine))


def _decisions(kind: type[WideRow], place: tuple[tuple[str, ...], str], engine: Engine) -> Iterator[Decision]:
    key, source = place
    names, tables = [column.name for column in fields(kind)], list(tables_for(kind))
    selected = [f"r.{name}" for name in (*key, *names)] + [f"d.rule_{table}" for table in tables]
    for found in engine.rows(f"SELECT {', '.join(selected)} {source}"):
        values = found[len(key) : len(key) + len(names)]
        rules = dict(zip(tables, found[len(key) + len(names) :], strict=True))
        yield Decision(found[: len(key)], _typed_row(kind, values), rules)


def _typed_row(kind: type[WideRow], values: tuple[Any, ...]) -> WideRow:
    """Return the row. SQLite has no conditions, only 0 and 1."""
    typed: dict[str, Any] = {
        column.name: bool(value) if isinstance(column.default, bool) else value
        for column, value in zip(fields(kind), values, strict=True)
    }
    return kind(**typed)


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
