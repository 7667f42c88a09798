"""Listen on a UDP port and answer each datagram with at most one, as far as its source's budget reaches."""

import asyncio
import concurrent.futures
from typing import Any, cast

from probe.helper.reply_budget import Answer, ReplyBudgets
from probe.platforms.event_loop import run_in_thread


class _Responder(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer, budgets: ReplyBudgets) -> None:
        self._answer, self._budgets = answer, budgets
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        answer = self._budgets.answered(self._answer, data, addr[:2])
        if self._transport is not None and answer is not None:
            self._transport.sendto(answer, addr)

    def error_received(self, exc: Exception) -> None:
        """Ignore ICMP errors about a client that has gone."""


async def listen(
    host: str, port: int, answer: Answer, budgets: ReplyBudgets | None = None
) -> tuple[asyncio.DatagramTransport, int]:
    """Listen at `host`. Return the transport and its port, which is a free one for 0. Raises OSError with the port."""
    loop, responder = asyncio.get_running_loop(), _Responder(answer, budgets or ReplyBudgets())
    try:
        transport, _ = await loop.create_datagram_endpoint(lambda: responder, local_addr=(host, port))
    except OSError as error:
        raise OSError(error.errno, f"UDP port {port}: {error.strerror}") from error
    return transport, transport.get_extra_info("sockname")[1]


async def listen_in_thread(host: str, port: int, answer: Answer) -> tuple[asyncio.Task[None], int]:
    """Listen as `listen` does, in a thread of its own, so that measurements of the helper delay no answer.

    Return the task that listens until it is cancelled, and the port. Raises OSError that names the port.
    """
    bound = concurrent.futures.Future[int]()

    async def serve() -> None:
        try:
            transport, free = await listen(host, port, answer)
        except OSError as error:
            bound.set_exception(error)
            return
        bound.set_result(free)
        try:
            await asyncio.Event().wait()
        finally:
            transport.close()

    task = asyncio.create_task(run_in_thread(serve()))
    return task, await asyncio.wrap_future(bound)
