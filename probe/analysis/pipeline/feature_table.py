"""Generate the statements that make the feature tables and apply the rules, from the declared columns."""

from dataclasses import fields

from probe.analysis.features.rows import WideRow
from probe.analysis.pipeline.statement import Statement
from probe.analysis.rules.rule import first_match
from probe.analysis.rules.tables import tables_for


def feature_select(row: type[WideRow], key: str, source: str) -> str:
    """Return the SELECT that computes each declared column. `key` lists the key's expressions, `source` is FROM on."""
    columns = ",\n".join(f"  {column.metadata['sql']} AS {column.name}" for column in fields(row))
    return f"SELECT {key},\n{columns}\n{source}"


def decided(name: str, meaning: str, row: type[WideRow], key: tuple[str, ...], source: str) -> Statement:
    """Return the statement that finds the first rule that holds, in every table of rules for this row."""
    cases = ", ".join(f"{first_match(rules)} AS rule_{table}" for table, rules in tables_for(row).items())
    return Statement(name, meaning, key, f"SELECT {', '.join(key)}, {cases} FROM {source}")
