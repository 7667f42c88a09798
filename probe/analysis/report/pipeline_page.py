"""Write the reference page about the tables of the pipeline: those that Python fills, and those that SQL makes."""

from collections.abc import Iterator

from probe.analysis.engines.engine import SQLiteEngine
from probe.analysis.pipeline.conclusions.rule_facts import CONSTANTS
from probe.analysis.pipeline.filling import filled
from probe.analysis.pipeline.inputs import INPUTS
from probe.analysis.pipeline.statement import InputTable
from probe.analysis.pipeline.steps import STATEMENTS, STEPS


def pipeline_page() -> Iterator[str]:
    """Yield the Markdown lines of the page about the pipeline's tables."""
    yield "# Tables of the pipeline\n"
    yield "Verdicts are computed by a list of SQL statements. Each makes one table from tables above it."
    yield "Python fills the first tables. `m` numbers the measurements that are judged together."
    yield "`probe sql --measurement FILE:LINE` shows each table for one measurement."
    yield "[From measurement to verdict](../concepts/judge.md) follows a measurement through them."
    yield "\n## Input tables\n\nPython fills these tables when it flattens measurements."
    for table in INPUTS:
        yield from _input(table)
    yield "\n## Tables about rules\n\nThese tables are the same for all measurements."
    for table, _ in CONSTANTS:
        yield from _input(table)
    columns = columns_made()
    for name, meaning, statements in STEPS:
        yield f"\n## Step `{name}`\n\n{meaning}\n\n| table | meaning | key | further columns |\n|---|---|---|---|"
        for each in statements:
            others = [column for column in columns[each.name] if column not in each.key]
            yield f"| `{each.name}` | {each.meaning} | {_codes(each.key)} | {_codes(others)} |"


def _input(table: InputTable) -> Iterator[str]:
    yield f"\n### `{table.name}`\n\n{table.meaning}\n\n| column | type | meaning |\n|---|---|---|"
    yield from (f"| `{name}` | {kind} | {meaning} |" for name, (kind, meaning) in table.columns.items())


def columns_made() -> dict[str, list[str]]:
    """Return the columns of each table that SQL makes, from a batch without measurements."""
    with SQLiteEngine() as engine:
        engine.fill(filled([]))
        for statement in STATEMENTS:
            engine.run(statement)
        return {
            each.name: [name for (name,) in engine.rows(f"SELECT name FROM pragma_table_info('{each.name}')")]
            for each in STATEMENTS
        }


def _codes(names: tuple[str, ...] | list[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
