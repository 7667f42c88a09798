"""Declare and fill the tables about rules and mechanisms, which are the same for every measurement."""

from probe.analysis.pipeline.inputs import BOOL, INT, TEXT
from probe.analysis.pipeline.statement import InputTable
from probe.analysis.rules.mechanisms import IN_ORDER, ancestors
from probe.analysis.rules.rule import ACCUSING, SEVERITY
from probe.analysis.rules.tables import TABLES

RULE = InputTable(
    "rule_fact",
    "One row per rule.",
    {
        "rule_id": (TEXT, "id of the rule"),
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
            rule.rule_id,
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
