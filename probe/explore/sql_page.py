"""Answer a SELECT of the reader about the store, in a process with a limit of time and memory."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from probe.analysis.store.columns import TABLES
from probe.analysis.store.query_process import query
from probe.messages import printable, tr

SECONDS = 30.0  # with the start of the process
MOST_ROWS, LONGEST_VALUE = 200, 300  # rows, and characters of a value, that the page shows
EXAMPLE = "SELECT service, probe_cc, state, count(*) AS n FROM verdicts GROUP BY ALL ORDER BY n DESC"
_JINJA = Environment(
    loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)


def sql_part(folder: Path, statement: str, token: str) -> str:
    """Return the form and the answer as a part of a page. Raises StoreError."""
    rows, more = _rows(folder, statement) if statement else ([], False)
    template = _JINJA.get_template("sql_page.html.jinja")
    return template.render(
        statement=statement or EXAMPLE,
        asked=bool(statement),
        names=list(rows[0]) if rows else [],
        rows=[[_shown(value) for value in row.values()] for row in rows],
        more=tr("Only the first {count} rows are shown.", count=MOST_ROWS) if more else "",
        tables=sorted(TABLES),
        token=token,
        tr=tr,
    )


def _rows(folder: Path, statement: str) -> tuple[list[dict[str, Any]], bool]:
    """Return the first rows, and True if there are more. The process ends when enough rows have come."""
    texts, text, rows = query(folder, statement, _as_line, SECONDS), "", list[dict[str, Any]]()
    for part in texts:
        *lines, text = (text + part).split("\n")
        rows += map(json.loads, lines)
        if len(rows) > MOST_ROWS:
            break
    texts.close()
    return rows[:MOST_ROWS], len(rows) > MOST_ROWS


def _as_line(number: int, row: dict[str, Any]) -> Iterator[str]:
    yield json.dumps(row, default=str) + "\n"


def _shown(value: Any) -> str:
    text = "" if value is None else printable(str(value))
    return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + "…"
