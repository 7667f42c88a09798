"""Run a SELECT of the user on a SQLite database in memory. It can change nothing, and reads no file."""

import sqlite3
from collections.abc import Iterator
from typing import Any

from probe.messages import mark, tr

MEMORY = 1 << 30  # bytes that SQLite may hold in this process
LONGEST = 50_000_000  # bytes of one value
STEPS = 100_000  # of SQLite's virtual machine between two looks for Ctrl-C
ONE_SELECT = mark("The tables accept one SELECT at a time, and no statement that changes something.")
TOO_MUCH = mark("This query needs more than 1GB of memory and was stopped. Ask for fewer or shorter values.")
_ALLOWED = {sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE}


class QueryError(Exception):
    """Report that a query of the user has no answer. The text is one sentence for the user."""


def answers(connection: sqlite3.Connection, statement: str) -> Iterator[dict[str, Any]]:
    """Iterate over the rows of one SELECT. The connection then serves for nothing else. Raises QueryError."""
    _restrict(connection)
    try:
        cursor = connection.execute(statement)
        if cursor.description is None:
            raise QueryError(tr(ONE_SELECT))
        names = [column[0] for column in cursor.description]
        yield from (dict(zip(names, row, strict=True)) for row in cursor)
    except MemoryError:
        raise QueryError(tr(TOO_MUCH)) from None
    except (sqlite3.Error, sqlite3.Warning) as error:  # Python 3.11 warns of a second statement
        raise _refusal(error) from None


def _restrict(connection: sqlite3.Connection) -> None:
    """Limit memory, and allow only what a SELECT needs. Sorting stays in memory (`temp_store`)."""
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA hard_heap_limit = {MEMORY}")
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST)
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.text_factory = lambda text: text.decode("utf-8", "replace")
    connection.set_progress_handler(lambda: 0, STEPS)  # Python handles Ctrl-C only when it is called
    connection.set_authorizer(_is_allowed)


def _is_allowed(action: int, _: str | None, function: str | None, *__: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if function == "load_extension" else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _refusal(error: Exception) -> BaseException:
    code = getattr(error, "sqlite_errorcode", None)
    if code == sqlite3.SQLITE_INTERRUPT:
        return KeyboardInterrupt()
    if code == sqlite3.SQLITE_NOMEM:
        return QueryError(tr(TOO_MUCH))
    refused = code == sqlite3.SQLITE_AUTH or "one statement at a time" in str(error)
    return QueryError(tr(ONE_SELECT) if refused else str(error))
