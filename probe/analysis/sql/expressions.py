"""Build SQL expressions that several statements need."""

from collections.abc import Iterable

from probe.analysis.observations.failure_kinds import CLOSED, CLOSING, DNS_KINDS, KINDS, LOCAL, OTHER, THIS_MACHINE
from probe.formats import failures as f

LIMITED_TTL = "('path_sweep', 'limited_payload', 'near_reaction')"
"""The follow-ups whose packets do not reach the server. Routers answer them."""
_LOCAL = sorted(THIS_MACHINE | {f.INTERRUPTED})


def quoted(words: Iterable[str]) -> str:
    """Return the words as a list of SQL literals in parentheses."""
    return f"({', '.join(map(literal, words))})"


def literal(word: str) -> str:
    """Return a text as an SQL literal."""
    return "'" + word.replace("'", "''") + "'"


def starts_with(column: str, prefixes: Iterable[str]) -> str:
    """Return the condition that a text starts with one of the prefixes."""
    return " OR ".join(f"substr({column}, 1, {len(prefix)}) = {literal(prefix)}" for prefix in prefixes)


def kind_of(column: str) -> str:
    """Return the expression for the kind of a failure, as `failure_kinds.kind_of` computes it."""
    by_kind: dict[str, list[str]] = {}
    for failure, kind in KINDS.items():
        by_kind.setdefault(kind, []).append(failure)
    cases = " ".join(f"WHEN {column} IN {quoted(failures)} THEN '{kind}'" for kind, failures in by_kind.items())
    local = f"{column} IN {quoted(_LOCAL)} OR {starts_with(column, f.LOCAL)}"
    closing = starts_with(column, CLOSING)
    return (
        f"CASE WHEN {column} IS NULL THEN '' {cases} WHEN {local} THEN '{LOCAL}'"
        f" WHEN {closing} THEN '{CLOSED}' ELSE '{OTHER}' END"
    )


def dns_kind_of(column: str) -> str:
    """Return the expression for the kind of a failed lookup, as `failure_kinds.dns_kind_of` computes it."""
    cases = " ".join(f"WHEN {column} = {literal(failure)} THEN '{kind}'" for failure, kind in DNS_KINDS.items())
    return f"CASE WHEN {column} IS NULL THEN '' {cases} ELSE 'other' END"


def is_local(column: str) -> str:
    """Return the condition that the probe, an interruption or this computer caused a failure."""
    local = f"{column} IN {quoted(_LOCAL)} OR {starts_with(column, f.LOCAL)}"
    return f"({column} IS NOT NULL AND ({local}))"


def near(began: str, start: str, end: str, seconds: float) -> str:
    """Return the condition that evidence is near in time to a span, as `evidence_age.in_time` computes it."""
    return f"({began} IS NULL OR ({start} - {seconds!r}e0 <= {began} AND {began} <= {end} + {seconds!r}e0))"


def program_of(engine: str) -> str:
    """Return the expression for the library that built a hello, without the words for a changed one."""
    return f"CASE WHEN instr({engine}, ',') > 0 THEN substr({engine}, 1, instr({engine}, ',') - 1) ELSE {engine} END"


def any_in(condition: str, *columns: str) -> str:
    """Return the condition that some row with the same values of the columns fulfils a condition."""
    return f"max(CASE WHEN {condition} THEN 1 ELSE 0 END) OVER (PARTITION BY {', '.join(columns)}) = 1"


def same(one: str, other: str, *columns: str) -> str:
    """Return the condition that two rows have the same values of the columns."""
    return " AND ".join(f"{other}.{column} = {one}.{column}" for column in columns)


def counts(conditions: dict[str, str]) -> str:
    """Return one column per condition that counts the rows of a group that fulfil it."""
    return ", ".join(f"count(*) FILTER (WHERE {condition}) AS {name}" for name, condition in conditions.items())
