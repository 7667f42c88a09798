"""Answer parsed questions about one store. Answers are kept until the store changes."""

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from probe.analysis.compare.axes import QuestionError
from probe.explore import cursor
from probe.explore.answer_cache import Answer, AnswerCache
from probe.explore.answers import document_of, facts_of, page_of, rows_of
from probe.explore.computation import Computation
from probe.explore.parameters import PagedParameters, PageParameters, ParameterError, VerdictsParameters
from probe.explore.store_state import state_of
from probe.explore.verdict_rows import VerdictRows, to_json

CHECKED_FOR = 1.0  # seconds for which the state of the store is taken as known
ATTEMPTS = 3  # at an answer while another process writes to the store


class UnsteadyError(Exception):
    """Report a store that another process changes too often for an answer."""


class Explorer:
    """Hold a store, its state, and the answers of this state."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.answers = AnswerCache()
        self._computation = Computation()
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

    async def facts(self, state: str) -> bytes:
        """Return the description of the store."""
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
