"""Answer parsed questions about one store. Answers are kept until the store changes.

Name the state of a store, so that a change of its files is seen.

Read rows of the table `verdicts`, from any place in the order of the store's files.
"""

import asyncio
import hashlib
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from probe import __version__
from probe.analysis.compare.axes import QuestionError
from probe.analysis.engines.duckdb_files import HIVE, duckdb_in_memory, literal_name
from probe.analysis.ruleset.tables import RULESET
from probe.analysis.sql.expressions import literal
from probe.analysis.store.columns import VERDICT, select_list
from probe.analysis.store.files import table_files
from probe.analysis.store.versions import NAME
from probe.explore import cursor
from probe.explore.answer_cache import Answer, AnswerCache
from probe.explore.computation import Computation
from probe.explore.event_feed import feed_of
from probe.explore.five_questions import questions_part
from probe.explore.measurement_page import measurement_part
from probe.explore.parameters import (
    FeedParameters,
    PagedParameters,
    PageParameters,
    ParameterError,
    VerdictsParameters,
)
from probe.explore.sql_page import sql_part
from probe.explore.store_answers import document_of, facts_of, page_of, rows_of

_START = "coalesce(corrected_start_time, measurement_start_time)"  # rows of earlier releases have the second only
_CONDITIONS = {
    "service": "service = ?",
    "cc": "probe_cc = ?",
    "asn": "probe_asn = ?",
    "since": f"{_START} >= ?",
    "until": f"{_START} < ?",
    "state": "state = ?",
}
Place = tuple[int, int]  # number of a file, and the number of rows of it that were read


class VerdictRows:
    """Read rows with one DuckDB, on a connection per thread. Files are read in the order of their names."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._duckdb = duckdb_in_memory()
        self._duckdb.execute("SET parquet_metadata_cache = true")
        self._of_thread = threading.local()

    def page(self, asked: VerdictsParameters, place: Place) -> tuple[list[dict[str, Any]], Place | None]:
        """Return at most `limit` rows from a place on, and the place after them, None at the end."""
        files, rows = table_files(self._folder, "verdicts"), list[dict[str, Any]]()
        number, done = place
        for number, file in enumerate(files[place[0] :], place[0]):
            after = done if number == place[0] else 0
            for row in self._of_file(file, asked, after, asked.limit + 1 - len(rows)):
                if len(rows) == asked.limit:
                    return rows, (number, after)
                after = row.pop("file_row_number") + 1
                rows.append(row)
        return rows, None

    def _of_file(self, file: Path, asked: VerdictsParameters, after: int, most: int) -> Iterator[dict[str, Any]]:
        """Yield rows of one file in their order. DuckDB keeps it, and stops reading after `most` rows."""
        source, cursor = self._source(file), self._cursor()
        there = {name for name, *_ in cursor.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        given = {name: value for name in _CONDITIONS if (value := getattr(asked, name)) is not None}
        conditions = ["file_row_number >= ?", *(_CONDITIONS[name] for name in given)]
        if not asked.lab:
            conditions += ["coalesce(lab, '') = ''", "coalesce(synthetic, '') = ''"]
        # The columns that a file lacks have defaults, and can be compared.
        rows = f"SELECT {select_list('verdicts', there)}, file_row_number FROM {source}"
        statement = f"SELECT * FROM ({rows}) WHERE {' AND '.join(conditions)} LIMIT {most}"
        names = [*VERDICT, "file_row_number"]
        for values in cursor.execute(statement, [after, *map(str, given.values())]).fetchall():
            yield dict(zip(names, values, strict=True))

    def _source(self, file: Path) -> str:
        """Return the FROM clause of one file. Version 1 of stores has day and country in the folder names only."""
        old = file.relative_to(self._folder / "verdicts").parts[0].startswith("day=")
        folders = HIVE if old else "hive_partitioning = false"
        return f"read_parquet({literal(literal_name(file))}, file_row_number = true, {folders})"

    def _cursor(self) -> Any:
        if not hasattr(self._of_thread, "cursor"):
            self._of_thread.cursor = self._duckdb.cursor()
        return self._of_thread.cursor


def to_json(rows: list[dict[str, Any]]) -> list[str]:
    """Return each row as JSON. `endpoints`, `media` and `pass_rate` are JSON in the store, and values here."""
    return [json.dumps(row | {name: json.loads(row[name]) if row[name] else None for name in _JSON}) for row in rows]


_JSON = ("endpoints", "media", "pass_rate")


def state_of(folder: Path) -> str:
    """Return a digest of the names, sizes and times of the files that answers are made from, and of our version.

    A load, a merge and a removal change the database and the files of the verdicts.
    """
    digest = hashlib.sha256(f"{__version__} {RULESET}\n".encode())
    for name, size, changed in sorted(_files(folder)):
        digest.update(f"{name} {size} {changed}\n".encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _files(folder: Path) -> Iterator[tuple[str, int, int]]:
    yield _facts(folder / NAME)
    for place, _, names in os.walk(folder / "verdicts"):
        yield from (_facts(Path(place, name)) for name in names)


def _facts(file: Path) -> tuple[str, int, int]:
    """Return name, size and time of a file. One that is being removed has none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return str(file), 0, 0
    return str(file), found.st_size, found.st_mtime_ns


CHECKED_FOR = 1.0  # seconds for which the state of the store is taken as known
ATTEMPTS = 3  # at an answer while another process writes to the store


class UnsteadyError(Exception):
    """Report a store that another process changes too often for an answer."""


class Explorer:
    """Hold a store, its state, and the answers of this state."""

    def __init__(
        self, folder: Path, new_question: Callable[[], None] = lambda: None, seconds: float | None = None
    ) -> None:
        """Open a store. `new_question` is called before an answer is computed, which may take `seconds`."""
        self.folder = folder
        self.answers = AnswerCache(new_question)
        self._computation = Computation() if seconds is None else Computation(seconds)
        self._rows = VerdictRows(folder)
        self._state, self._checked = "", 0.0
        self._checking = asyncio.Lock()

    async def state(self) -> str:
        """Return the state of the store, at most CHECKED_FOR seconds old."""
        async with self._checking:
            if time.monotonic() - self._checked >= CHECKED_FOR:
                self._state = await asyncio.to_thread(state_of, self.folder)
                self._checked = time.monotonic()
        return self._state

    async def page(self, asked: PageParameters, state: str, finished: Callable[[str], str]) -> bytes:
        """Return the page after `finished`, empty if no measurement matches."""

        def make() -> bytes:
            page = self._computation.run(page_of, self.folder, asked)
            return finished(page).encode(errors="replace") if page else b""

        return bytes(await self._get(state, asked, make))  # type: ignore[arg-type]

    async def document(self, asked: Any, state: str) -> bytes:
        """Return all rows as one file."""
        whole = asked.model_copy(update={"limit": 0, "cursor": None})
        return bytes(await self._get(state, whole, self._of(document_of, whole)))  # type: ignore[arg-type]

    async def rows(self, asked: PagedParameters, state: str) -> bytes:
        """Return some rows of a long answer as one JSON object. Raises ParameterError and ChangedError."""
        if isinstance(asked, VerdictsParameters):
            return await self._verdicts(asked, state)
        (first,) = cursor.place_of(asked.cursor, state, 1)
        whole = asked.model_copy(update={"limit": 0, "cursor": None})
        rows = await self._get(state, whole, self._of(rows_of, whole))
        end = first + asked.limit
        return _as_json(rows[first:end], cursor.written(state, end) if end < len(rows) else None)

    async def _verdicts(self, asked: VerdictsParameters, state: str) -> bytes:
        place = cursor.place_of(asked.cursor, state, 2)

        def read() -> bytes:
            rows, after = self._rows.page(asked, (place[0], place[1]))
            return _as_json(to_json(rows), cursor.written(state, *after) if after else None)

        return bytes(await self._get(state, asked, read, quick=True))  # type: ignore[arg-type]

    async def measurement(self, identity: str, state: str, back: str) -> str:
        """Return the part of a page about one measurement."""

        def make() -> bytes:
            return self._computation.run(measurement_part, self.folder, identity, back).encode(errors="replace")

        found = await self._get(state, f"measurement {identity}", make)
        return bytes(found).decode()  # type: ignore[arg-type]

    async def questions(self, lab: bool, state: str, token: str) -> str:
        """Return the part of a page with the five questions."""

        def make() -> bytes:
            return self._computation.run(questions_part, self.folder, lab, token).encode(errors="replace")

        return bytes(await self._get(state, f"questions {lab}", make, quick=True)).decode()  # type: ignore[arg-type]

    async def sql(self, statement: str, state: str, token: str) -> str:
        """Return the part of a page with the answer to a statement. A process of its own computes it."""

        def make() -> bytes:
            return sql_part(self.folder, statement, token).encode(errors="replace")

        return bytes(await self._get(state, f"sql {statement}", make)).decode()  # type: ignore[arg-type]

    async def feed(self, asked: FeedParameters, state: str, page: str, kind: str) -> bytes:
        """Return the feed of events."""

        def make() -> bytes:
            return self._computation.run(feed_of, self.folder, asked, page, kind)

        return bytes(await self._get(state, f"{kind} {asked.model_dump_json()}", make))  # type: ignore[arg-type]

    async def facts(self, state: str) -> bytes:
        return bytes(await self._get(state, "store", lambda: facts_of(self.folder), quick=True))  # type: ignore[arg-type]

    def _of(self, function: Callable[[Path, Any], Answer], asked: Any) -> Callable[[], Answer]:
        return lambda: self._computation.run(function, self.folder, asked)

    async def _get(self, state: str, asked: Any, compute: Callable[[], Answer], *, quick: bool = False) -> Answer:
        key = (state, asked if isinstance(asked, str) else f"{type(asked).__name__} {asked.model_dump_json()}")
        return await self.answers.get(key, lambda: self._steady(state, compute), quick=quick)

    def _steady(self, state: str, compute: Callable[[], Answer]) -> Answer:
        """Compute an answer of one state of the store. Raises UnsteadyError if the store is in another one."""
        try:
            answer = compute()
        except (ParameterError, QuestionError):
            raise
        except Exception:
            if state_of(self.folder) == state:
                raise
            raise UnsteadyError from None  # a merge removed a file that was being read
        if state_of(self.folder) != state:
            raise UnsteadyError
        return answer

    def forget_state(self) -> None:
        """Look at the files before the next answer."""
        self._checked = 0.0

    def close(self) -> None:
        """Start no further computation."""
        self.answers.close()
        self._computation.close()


def _as_json(rows: Any, after: str | None) -> bytes:
    return f'{{"rows": [{", ".join(rows)}], "next": {json.dumps(after)}}}'.encode()
