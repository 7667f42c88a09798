"""Define a phenomenon: all that one kind of evidence adds to the analysis, from entries to sentences.

The phases of the analysis collect these parts. `measurement_reader.py` reads columns of entries, and
`linked_flows.py` links flows. `features/rows.py` has the columns that rules read, and `steps.py` the statements.
`ruleset/` collects rules and mechanisms, `verdicts/verdict_records.py` figures, and `app_sentences.py` words.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, NamedTuple

from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.media_figures import MediaRow
from probe.analysis.observations.transfer_row import TransferRow
from probe.analysis.rules.rule import Rule
from probe.analysis.sql.differentials import Differential
from probe.analysis.sql.linked_roles import LinkedRole
from probe.analysis.sql.statement import Statement

Entry = dict[str, Any]
Record = Mapping[str, Any]

PHENOMENA: dict[str, "Phenomenon"] = {}
"""Every phenomenon by its name."""


@dataclass(frozen=True)
class RowPart:
    """Add columns to a feature row, and the tables that they are computed from.

    `columns` is a dataclass whose fields are columns. `joined` has the tables, or SELECTs in parentheses, that their
    SQL reads, by the short name that it uses. Each has one row, or none, for each row that it is joined to.
    `statements` make the tables. `compared` has further tables, which the columns that count linked flows read too.
    """

    columns: type
    joined: dict[str, str] = field(default_factory=dict)
    statements: tuple[Statement, ...] = ()
    compared: dict[str, str] = field(default_factory=dict)


def by_short_name(*tables: Mapping[str, str]) -> dict[str, str]:
    """Return tables of several parts by their short names. Raises ValueError if two have the same short name."""
    found: dict[str, str] = {}
    for short, table in (item for each in tables for item in each.items()):
        if short in found:
            raise ValueError(f"The tables {found[short]} and {table} have the short name {short}.")
        found[short] = table
    return found


def columns_read(part: RowPart) -> list[str]:
    """Return the columns of the joined tables that the part's SQL reads, such as `k.alike`, each once."""
    read = (each for one in fields(part.columns) for each in re.findall(r"\b[a-z]\.\w+", one.metadata["sql"]))
    return list(dict.fromkeys(each for each in read if each.partition(".")[0] in part.joined))


class Judged(NamedTuple):
    """Hold what the figures of a service are computed from: rows of its measurement and of the pipeline, and its rule.

    `mechanism` is that of the rule that decided, and `mechanisms` are those of the verdict, anomalies included.
    """

    role: str
    mechanism: str
    mechanisms: Sequence[str]
    media: Sequence[MediaRow]
    transfers: Sequence[TransferRow]
    rows: Sequence[tuple[Any, ...]]


@dataclass(frozen=True)
class Figures:
    """Write one key of the verdict record.

    `select` selects the number of the measurement, the role and further columns of the pipeline's tables. `of` returns
    the value of `key`, None without figures. `transactions` returns those that the figures rest on.
    """

    key: str
    select: str
    of: Callable[[Judged], dict[str, Any] | None]
    transactions: Callable[[FlatMeasurement], Iterable[int]]


@dataclass(frozen=True)
class Phenomenon:
    """Hold the parts of one kind of evidence. It registers itself.

    `place` orders the phenomena: of two rules about a service that hold, that of the first phenomenon decides. Rules
    that accuse come before all others. `roles` link flows to addresses, and `differentials` compare these flows with
    others before or after them. `entry_columns` reads columns of `Observation` from a transaction's record and
    its entries. `mechanisms` are nodes of the tree with their meanings. `app_words` say how a node shows to a user, in
    at most 25 characters. `shown_though_ok` has such words for rules of services that work, and a number: of several
    rules in an app, the lowest number is shown. `anomalies` selects the number of the measurement, the role and a
    mechanism. `values` are the placeholders of the rules' sentences. `no_hop` are prefixes of mechanisms that show no
    place on the path.
    """

    name: str
    about: str
    place: int = 50
    entry_columns: Callable[[Entry, dict[str, list[Entry]]], Entry] | None = None
    roles: tuple[LinkedRole, ...] = ()
    differentials: tuple[Differential, ...] = ()
    name_part: RowPart | None = None
    address: RowPart | None = None
    service: RowPart | None = None
    rules: tuple[Rule, ...] = ()
    figures: Figures | None = None
    anomalies: str = ""
    mechanisms: Mapping[str, str] = field(default_factory=dict)
    app_words: Mapping[str, str] = field(default_factory=dict)
    shown_though_ok: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    values: Callable[[Record], dict[str, int]] | None = None
    no_hop: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name in PHENOMENA:
            raise ValueError(f"Two phenomena have the name {self.name}.")
        PHENOMENA[self.name] = self
