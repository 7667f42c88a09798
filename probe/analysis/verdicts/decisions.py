"""Read the feature rows that the pipeline made, and the rules that hold for each."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

from probe.analysis.engines.engine import Engine
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
from probe.analysis.rules.tables import tables_for

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
        yield Decision(found[: len(key)], _row(kind, values), rules)


def _row(kind: type[WideRow], values: tuple[Any, ...]) -> WideRow:
    """Return the row. SQLite has no conditions, only 0 and 1."""
    typed: dict[str, Any] = {
        column.name: bool(value) if isinstance(column.default, bool) else value
        for column, value in zip(fields(kind), values, strict=True)
    }
    return kind(**typed)
