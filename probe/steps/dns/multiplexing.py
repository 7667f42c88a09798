"""Match answers on one connection to several open questions by number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Generic, TypeVar

from probe.formats import failures as f
from probe.session.classify import NETWORK_ERRORS, RemoteError, classify

Answer = TypeVar("Answer")


class Multiplexer(Generic[Answer]):
    """Deliver the answers that `receive` reads to the questions with their numbers.

    Reading continues only while a question is open. If the last question is cancelled in the middle of a message, the
    start of the next message is unknown. The connection then counts as broken, and later questions fail as that one
    did.
    """

    def __init__(self, receive: Callable[[], Awaitable[Iterable[tuple[int, Answer | RemoteError]]]]) -> None:
        self._receive = receive
        self._waiting: dict[int, asyncio.Future[Answer]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._broken: str | None = None
        self._sending = asyncio.Lock()

    def is_waiting(self, number: int) -> bool:
        """Tell whether a question with this number is open."""
        return number in self._waiting

    def raise_if_broken(self) -> None:
        """Raise RemoteError with the first failure if the connection is broken."""
        if self._broken is not None:
            raise RemoteError(self._broken)

    async def ask(self, number: int, send: Callable[[], Awaitable[None]]) -> Answer:
        """Send a question and return the answer with its number. Raises the error that broke the connection, or
        RemoteError.
        """
        self.raise_if_broken()
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        try:
            await self._send(send)
            self._keep_reading()
            return await answer
        finally:
            del self._waiting[number]
            self._stop_if_idle()

    async def _send(self, send: Callable[[], Awaitable[None]]) -> None:
        async with self._sending:
            try:
                await send()
            except BaseException as error:  # half of the question may have been sent
                self._broken = f.TIMEOUT if isinstance(error, asyncio.CancelledError) else classify(error)
                raise

    def _keep_reading(self) -> None:
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        try:
            while any(not answer.done() for answer in self._waiting.values()):
                for number, answer in await self._receive():
                    self._hand_over(number, answer)
        except NETWORK_ERRORS as error:
            self._broken = classify(error)
            for number in list(self._waiting):
                self._hand_over(number, RemoteError(self._broken))
        except Exception as bug:
            self._broken = f"{f.BUG}: {type(bug).__name__}"
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(bug)

    def _hand_over(self, number: int, answer: Answer | RemoteError) -> None:
        waiting = self._waiting.get(number)
        if waiting is None or waiting.done():
            return
        if isinstance(answer, RemoteError):
            waiting.set_exception(answer)
        else:
            waiting.set_result(answer)

    def _stop_if_idle(self) -> None:
        if not self._waiting and self._reading is not None and not self._reading.done():
            self._reading.cancel()
            self._broken = self._broken or f.TIMEOUT
