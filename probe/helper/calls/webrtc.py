"""Take part in WebRTC calls (`--webrtc`), and send each voice packet back. It needs the extra `calls`.

A caller needs a token of the HTTP side. ICE confirms its address: only a check with the password of this call is
answered, and keys are exchanged only after checks in both directions.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from probe.helper.limits import Allowance, Tokens
from probe.helper.query import Refused
from probe.steps.calls.webrtc_call import need_aiortc

CALL_SECONDS = 15.0
CALLS_A_TOKEN = 2
MOST_CALLS, MOST_CALLS_OF_A_PEER = 12, 2
MOST_PACKETS, RATE, BURST = 800, 100.0, 50.0  # reflected in one call, per second, and after a pause at once
LONGEST = 1200  # bytes of a reflected packet


@dataclass
class WebRTC:
    """Hold the running calls. `offer` is part of an answer of the HTTP side. Raises LocalFailure without the extra."""

    clock: Callable[[], float] = time.monotonic
    tokens: Tokens = field(init=False)
    _running: dict["asyncio.Task[None]", bytes] = field(default_factory=dict)  # the peer of each call

    def __post_init__(self) -> None:
        need_aiortc()
        self.tokens = Tokens(self.clock, CALLS_A_TOKEN)

    def __len__(self) -> int:
        return len(self._running)

    def offer(self) -> dict[str, Any]:
        """Return a new token."""
        return {"token": self.tokens.issue()}

    async def answer(self, question: Any, peer: bytes) -> dict[str, Any]:
        """Open a call, and return its description and ports. It ends by itself. Raises Refused."""
        from probe.steps.calls.webrtc_transport import Transport, read_description

        theirs = read_description(question)
        token = question.get("token") if theirs else None
        if theirs is None or not isinstance(token, str):
            raise Refused(400, "the question is no object with token, ufrag, pwd and fingerprint")
        try:
            known = self.tokens.take(bytes.fromhex(token))
        except ValueError:
            known = False
        if not known:
            raise Refused(404, "the token is unknown, too old or used up")
        if len(self._running) >= MOST_CALLS or Counter(self._running.values())[peer] >= MOST_CALLS_OF_A_PEER:
            raise Refused(503, "the helper has no place for a further call")
        transport = Transport(self._reflector(), controlling=False)
        task = asyncio.create_task(_serve(transport, theirs, ready := asyncio.Event()))
        self._running[task] = peer
        task.add_done_callback(self._forget)
        await ready.wait()
        return {**transport.description(), "ports": transport.ports()}

    async def close(self) -> None:
        """End all calls."""
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)
        if not task.cancelled():
            task.exception()  # a call that broke off is no bug

    def _reflector(self) -> Callable[[bytes], bytes | None]:
        allowance, left = Allowance(RATE, BURST, self.clock()), [MOST_PACKETS]

        def reflect(packet: bytes) -> bytes | None:
            if len(packet) > LONGEST or not left[0] or not allowance.take(self.clock()):
                return None
            left[0] -= 1
            return packet

        return reflect


async def _serve(transport: Any, theirs: dict[str, str], ready: asyncio.Event) -> None:
    """Carry one call, which ends after some seconds."""
    from probe.steps.calls.webrtc_transport import closed

    try:
        async with asyncio.timeout(CALL_SECONDS):
            try:
                await transport.gather()
            finally:
                ready.set()
            await transport.connect(theirs)
            await transport.secure(theirs)
            await transport.ended()
    except (TimeoutError, ConnectionError):
        return
    finally:
        await closed(transport)
