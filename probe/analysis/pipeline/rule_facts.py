"""Declare and fill the tables about rules and mechanisms, and generate the statements that apply the rules."""

from dataclasses import fields

from probe.analysis.features.rows import WideRow
from probe.analysis.pipeline.input_tables import BOOL, INT, TEXT
from probe.analysis.rules.rule import ACCUSING, SEVERITY, first_match
from probe.analysis.ruleset.mechanisms import IN_ORDER, ancestors
from probe.analysis.ruleset.tables import TABLES, tables_for
from probe.analysis.sql.statement import InputTable, Statement

RULE = InputTable(
    "rule_fact",
    "One row per rule.",
    {
        "rule_id": (
            TEXT,
            "key of the rule: its kind, and layer, way and forged behind colons if the kind has several rules",
        ),
        "table_name": (TEXT, "table of rules that the rule belongs to"),
        "position": (INT, "position in its table, from 0"),
        "state": (TEXT, "state that the rule concludes"),
        "severity": (INT, "place of the state in SEVERITY, from 0 for the gravest"),
        "accusing": (BOOL, "the state claims interference"),
        "mechanism": (TEXT, "mechanism of an accusing rule, or anomaly of a rule with the state ok, empty for none"),
        "defers": (BOOL, "the record shows the rule of the part that decides"),
        "untested": (BOOL, "no test was finished here"),
        "because": (TEXT, "technical sentence of the verdict record"),
    },
    joined_by=(("rule_id",),),
)
MECHANISM_ABOVE = InputTable(
    "mechanism_above",
    "One row per mechanism and node above it in the tree.",
    {
        "mechanism": (TEXT, "node of the tree"),
        "ancestor": (TEXT, "node above it"),
    },
    joined_by=(("mechanism",),),
)


def _rule_rows() -> list[tuple[object, ...]]:
    return [
        (
            rule.key,
            table,
            position,
            str(rule.state),
            SEVERITY.index(rule.state),
            rule.state in ACCUSING,
            rule.mechanism,
            rule.defers,
            rule.untested,
            rule.because,
        )
        for table, (_, rules) in TABLES.items()
        for position, rule in enumerate(rules)
    ]


def _ancestor_rows() -> list[tuple[object, ...]]:
    return [(node, above) for node in IN_ORDER for above in ancestors(node)[1:]]


CONSTANTS = ((RULE, _rule_rows()), (MECHANISM_ABOVE, _ancestor_rows()))
"""The tables with their rows. A database is filled with them once."""


def feature_select(row: type[WideRow], key: str, source: str) -> str:
    """Return the SELECT that computes each declared column. `key` lists the key's expressions, `source` is FROM on."""
    columns = ",\n".join(f"  {column.metadata['sql']} AS {column.name}" for column in fields(row))
    return f"SELECT {key},\n{columns}\n{source}"


def decided(name: str, meaning: str, row: type[WideRow], key: tuple[str, ...], source: str) -> Statement:
    """Return the statement that finds the first rule that holds, in every table of rules for this row."""
    cases = ", ".join(f"{first_match(rules)} AS rule_{table}" for table, rules in tables_for(row).items())
    return Statement(name, meaning, key, f"SELECT {', '.join(key)}, {cases} FROM {source}")
