"""Keep what is to be sent, and the ids of what was sent, in one SQLite file beside the runs.

Each change is one transaction in a write-ahead log (https://www.sqlite.org/wal.html, opened 2026-11-28) that is synced
to disk. A program that is killed leaves every measurement in one of the states of `State`. The results files are never
changed.

Remember of each server which reports are open there, and when to try it again.
"""

import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from probe.messages import tr
from probe.ooni.submission.outcomes import Protocol, SubmissionOutcome, SubmissionState
from probe.ooni.submission.sendable import SendableLine
from probe.platforms.descriptors import PRIVATE, try_lock
from probe.results import ResultsError, make_private_folder

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


QUEUE, LOCK = "submissions.sqlite", "submissions.lock"
_VERSION = 1
_SCHEMA = """
CREATE TABLE measurement (
  id INTEGER PRIMARY KEY AUTOINCREMENT, server TEXT NOT NULL, protocol TEXT NOT NULL, run TEXT NOT NULL,
  line INTEGER NOT NULL, test_name TEXT NOT NULL, sha256 TEXT NOT NULL, packed BLOB,
  state TEXT NOT NULL DEFAULT 'waiting', reason TEXT NOT NULL DEFAULT '', report_id TEXT, measurement_uid TEXT,
  changed TEXT NOT NULL, UNIQUE (server, sha256));
CREATE INDEX measurement_state ON measurement (state, server, id);
CREATE INDEX measurement_run ON measurement (run);
CREATE TABLE report (server TEXT NOT NULL, key TEXT NOT NULL, report_id TEXT NOT NULL, PRIMARY KEY (server, key));
CREATE TABLE server (server TEXT PRIMARY KEY, failures INTEGER NOT NULL, not_before REAL NOT NULL);
PRAGMA user_version = 1;
"""
LARGEST_LINE = 32 * 1024 * 1024  # bytes
UNSOUND = "not sent: the entry in the queue is damaged or was changed"
UNSAFE = "not sent: the address of the server in the queue cannot be used"
_TEXTS = ("server", "protocol", "run", "test_name", "sha256", "state", "reason", "changed")
_SOUND = " AND ".join(
    [
        *(f"typeof({name}) = 'text'" for name in _TEXTS),
        *(f"typeof({name}) IN ('text', 'null')" for name in ("report_id", "measurement_uid")),
        "typeof(line) = 'integer'",
        "typeof(packed) IN ('blob', 'null')",
        f"state IN ({', '.join(repr(state.value) for state in SubmissionState)})",
        f"protocol IN ({', '.join(repr(protocol.value) for protocol in Protocol)})",
    ]
)
_REFUSE = f"UPDATE measurement SET state = '{SubmissionState.REFUSED.value}', reason = ?"
_KEPT = "id, server, protocol, run, line, test_name, state, reason, report_id, measurement_uid, changed"


class QueueError(ResultsError):
    """Report that the queue cannot be used. The text is for the user."""


class UnsoundEntryError(ValueError):
    """Report that the content of one entry cannot be sent."""


class QueueEntry(NamedTuple):
    """Hold what the queue knows about one measurement, without its content."""

    id: int
    server: str
    protocol: str
    run: str
    line: int
    test_name: str
    state: str
    reason: str
    report_id: str | None
    measurement_uid: str | None
    changed: str


class Queue:
    """Read and change the queue of one results folder."""

    def __init__(self, connection: sqlite3.Connection, root: Path) -> None:
        self._connection, self._root = connection, root
        self.servers = Servers(connection)

    def add(self, server: str, protocol: Protocol, run: str, lines: Iterable[SendableLine]) -> int:
        """Add measurements, all or none, and return how many are new. None is in the queue twice for one server."""
        with self._transaction():
            return sum(self._add(server, protocol, run, line) for line in lines)

    def _add(self, server: str, protocol: Protocol, run: str, line: SendableLine) -> int:
        return self._connection.execute(
            "INSERT OR IGNORE INTO measurement (server, protocol, run, line, test_name, sha256, packed, changed)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(server, protocol.value, run, line.number, line.test_name),
                *(sha256(line.raw).hexdigest(), zlib.compress(line.raw), _now()),
            ),
        ).rowcount

    def waiting_servers(self) -> list[str]:
        """Return the servers for which measurements wait, the one that has waited longest first."""
        found = self._connection.execute(
            "SELECT server FROM measurement WHERE state = 'waiting' GROUP BY server ORDER BY min(id)"
        )
        return [server for (server,) in found]

    def next_waiting(self, server: str) -> QueueEntry | None:
        """Return the measurement that has waited longest for a server."""
        sql = f"SELECT {_KEPT} FROM measurement WHERE state = 'waiting' AND server = ? ORDER BY id LIMIT 1"
        row = self._connection.execute(sql, (server,)).fetchone()
        return None if row is None else QueueEntry(*row)

    def content(self, number: int) -> bytes:
        """Return the line of a measurement that was not sent. Raise UnsoundEntryError if it is not what was added."""
        sql = "SELECT packed, sha256 FROM measurement WHERE id = ?"
        packed, digest = self._connection.execute(sql, (number,)).fetchone()
        try:
            line = zlib.decompressobj().decompress(packed, LARGEST_LINE)
        except (TypeError, zlib.error):
            raise UnsoundEntryError(UNSOUND) from None
        if sha256(line).hexdigest() != digest:
            raise UnsoundEntryError(UNSOUND)
        return line

    def refuse_server(self, server: str) -> None:
        """Refuse what waits for a server to which nothing may be sent."""
        self._connection.execute(
            f"{_REFUSE}, changed = ? WHERE state = 'waiting' AND server = ?", (UNSAFE, _now(), server)
        )

    def mark_sending(self, number: int) -> None:
        """Note that the last byte of a measurement is about to leave."""
        self._connection.execute("UPDATE measurement SET state = 'sending' WHERE id = ?", (number,))

    def settle(self, number: int, outcome: SubmissionOutcome) -> None:
        """Note the outcome. The content of a measurement that was sent is removed, because the run has it."""
        self._connection.execute(
            "UPDATE measurement SET state = ?, reason = ?, report_id = ?, measurement_uid = ?, changed = ?,"
            " packed = CASE WHEN ? = 'sent' THEN NULL ELSE packed END WHERE id = ?",
            (
                *(outcome.state.value, outcome.reason, outcome.report_id, outcome.measurement_uid, _now()),
                *(outcome.state.value, number),
            ),
        )

    def send_again(self) -> int:
        """Let the uncertain measurements wait again, and return their number."""
        sql = "UPDATE measurement SET state = 'waiting', changed = ? WHERE state = 'uncertain'"
        return self._connection.execute(sql, (_now(),)).rowcount

    def drop(self, numbers: Iterable[int] | None) -> int:
        """Remove measurements that were not sent, all for None, and return how many were removed."""
        unsent = "state IN ('waiting', 'refused', 'uncertain')"
        with self._transaction():
            if numbers is None:
                return self._connection.execute(f"DELETE FROM measurement WHERE {unsent}").rowcount
            sql = f"DELETE FROM measurement WHERE id = ? AND {unsent}"
            return sum(self._connection.execute(sql, (number,)).rowcount for number in numbers)

    def entries(self, run: str | None = None) -> list[QueueEntry]:
        """Return all measurements in their order, or those of one run."""
        sql = f"SELECT {_KEPT} FROM measurement WHERE ?1 IS NULL OR run = ?1 ORDER BY id"
        return [QueueEntry(*row) for row in self._connection.execute(sql, (run,))]

    def counts(self) -> dict[str, dict[SubmissionState, int]]:
        """Return the number of measurements by run and state."""
        found: dict[str, dict[SubmissionState, int]] = {}
        for run, state, count in self._connection.execute("SELECT run, state, count(*) FROM measurement GROUP BY 1, 2"):
            found.setdefault(run, {})[SubmissionState(state)] = count
        return found

    @contextmanager
    def sole_sender(self) -> Iterator[None]:
        """Hold the lock of the senders. Raise QueueError if another program has it, which may go on sending."""
        descriptor = os.open(self._root / LOCK, os.O_RDWR | os.O_CREAT | PRIVATE, 0o600)
        try:
            _lock(descriptor)
            self._settle_interrupted()
            yield
        finally:
            os.close(descriptor)

    def _settle_interrupted(self) -> None:
        """Note that nothing is known of measurements whose sending program ended."""
        self._connection.execute(
            "UPDATE measurement SET state = 'uncertain', reason = 'the program ended before the answer', changed = ?"
            " WHERE state = 'sending'",
            (_now(),),
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")


@contextmanager
def open_queue(root: Path) -> Iterator[Queue]:
    """Open the queue of a results folder, and make it if there is none. Raise QueueError and OSError."""
    file = root / QUEUE
    make_private_folder(root)
    # Made before SQLite opens it, because SQLite would make it readable for other users.
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | PRIVATE, 0o600))
    connection = sqlite3.connect(file, timeout=30, isolation_level=None)
    try:
        _prepare(connection)
        _refuse_unsound(connection)
        yield Queue(connection, root)
    except sqlite3.Error as error:
        raise QueueError(tr("The queue {path} cannot be used: {reason}", path=file, reason=error)) from None
    finally:
        connection.close()


def _refuse_unsound(connection: sqlite3.Connection) -> None:
    """Refuse entries that no release writes. The others stay as they are."""
    if connection.execute(f"SELECT 1 FROM measurement WHERE NOT ({_SOUND}) LIMIT 1").fetchone() is None:
        return
    connection.execute(
        f"{_REFUSE}, server = CAST(server AS TEXT), run = CAST(run AS TEXT), test_name = CAST(test_name AS TEXT),"
        f" line = CAST(line AS INTEGER), protocol = '{Protocol.SUBMIT.value}', sha256 = CAST(sha256 AS TEXT),"
        f" report_id = NULL, measurement_uid = NULL, packed = NULL, changed = ? WHERE NOT ({_SOUND})",
        (UNSOUND, _now()),
    )


def _prepare(connection: sqlite3.Connection) -> None:
    # FULL: an outcome survives a power failure. secure_delete: the content of a removed measurement is overwritten.
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "secure_delete = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN IMMEDIATE")  # two programs may make the file at the same time
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version == 0:
        for statement in filter(str.strip, _SCHEMA.split(";")):
            connection.execute(statement)
    connection.execute("COMMIT")
    if version > _VERSION:
        raise sqlite3.DatabaseError("a newer version of probe made it")


def _lock(descriptor: int) -> None:
    try:
        try_lock(descriptor)
    except BlockingIOError:
        raise QueueError(tr("Another probe sends from this queue. Wait for its end.")) from None


def has_queue(root: Path) -> bool:
    """Return whether a results folder has a queue."""
    return (root / QUEUE).is_file()


def _now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime())
