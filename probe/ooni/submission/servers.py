"""Remember of each server which reports are open there, and when to try it again."""

import sqlite3
import time

FIRST_PAUSE, LONGEST_PAUSE = 30.0, 6 * 3600.0  # seconds to the next attempt, doubled after each failure


class Servers:
    """Read and change what the queue knows about servers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def report(self, server: str, key: str) -> str | None:
        """Return the id of the report that is open for measurements with this key, None without one."""
        sql = "SELECT report_id FROM report WHERE server = ? AND key = ?"
        row = self._connection.execute(sql, (server, key)).fetchone()
        return None if row is None else str(row[0])

    def keep_report(self, server: str, key: str, report_id: str) -> None:
        """Remember an open report."""
        self._connection.execute("INSERT OR REPLACE INTO report VALUES (?, ?, ?)", (server, key, report_id))

    def open_reports(self, server: str) -> list[str]:
        """Return the reports that are open at a server."""
        found = self._connection.execute("SELECT report_id FROM report WHERE server = ? ORDER BY 1", (server,))
        return [report_id for (report_id,) in found]

    def forget_report(self, server: str, report_id: str) -> None:
        """Forget a report that was closed."""
        self._connection.execute("DELETE FROM report WHERE server = ? AND report_id = ?", (server, report_id))

    def note_failure(self, server: str, pause: float) -> None:
        """Make the next attempt at a server wait twice as long as the one before, and at least `pause` seconds."""
        found = self._connection.execute("SELECT failures FROM server WHERE server = ?", (server,)).fetchone()
        failures = 1 if found is None else found[0] + 1
        wait = max(pause, min(FIRST_PAUSE * 2.0 ** min(failures - 1, 20), LONGEST_PAUSE))
        self._connection.execute(
            "INSERT OR REPLACE INTO server VALUES (?, ?, ?)", (server, failures, time.time() + wait)
        )

    def note_success(self, server: str) -> None:
        """Forget the failures of a server."""
        self._connection.execute("DELETE FROM server WHERE server = ?", (server,))

    def not_before(self, server: str) -> float:
        """Return the time of the next attempt at a server, in seconds of the epoch."""
        row = self._connection.execute("SELECT not_before FROM server WHERE server = ?", (server,)).fetchone()
        return 0.0 if row is None else float(row[0])
