"""Fill a wide table of SQLite whose rows come again in many batches.

SQLite copies a row several times faster than Python passes its values.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any

from probe.analysis.sql.statement import InputTable

Row = tuple[Any, ...]
MOST_STORED = 20_000  # rows, about 30 MB


class RepeatedRows:
    """Store each row once, without its first columns, and copy it from there.

    `placed` is the number of first columns, which say where a row is and differ between batches.
    """

    def __init__(self, connection: sqlite3.Connection, table: InputTable, placed: int) -> None:
        self.name = table.name
        self._connection, self._placed = connection, placed
        self._numbers: dict[Row, int] = {}  # of the stored rows
        names = list(table.columns)
        first, others = ", ".join(names[:placed]), ", ".join(names[placed:])
        columns = ", ".join(f"{name} {kind}" for name, (kind, _) in list(table.columns.items())[placed:])
        connection.execute(f"CREATE TEMPORARY TABLE stored_row (number INTEGER PRIMARY KEY, {columns})")
        connection.execute(f"CREATE TEMPORARY TABLE row_place ({first}, number)")
        self._store = f"INSERT INTO stored_row VALUES ({', '.join('?' * (len(names) - placed + 1))})"
        self._place = f"INSERT INTO row_place VALUES ({', '.join('?' * (placed + 1))})"
        chosen = f"SELECT {first}, {others} FROM row_place p CROSS JOIN stored_row s ON s.number = p.number"
        self._copy = f"INSERT INTO {table.name} {chosen} ORDER BY p.rowid"

    def insert(self, rows: Sequence[Row]) -> None:
        """Insert rows into the empty table, in their order."""
        if len(self._numbers) + len(rows) > MOST_STORED:
            self._connection.execute("DELETE FROM stored_row")
            self._numbers.clear()
        places, new = list[Row](), list[Row]()
        for row in rows:
            first, others = row[: self._placed], row[self._placed :]
            if (number := self._numbers.get(others)) is None:
                number = self._numbers[others] = len(self._numbers)
                new.append((number, *others))
            places.append((*first, number))
        self._connection.executemany(self._store, new)
        self._connection.execute("DELETE FROM row_place")
        self._connection.executemany(self._place, places)
        self._connection.execute(self._copy)
