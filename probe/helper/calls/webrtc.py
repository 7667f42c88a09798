"""Take part in WebRTC calls (`--webrtc`), and send each voice packet back. It needs the extra `calls`.

A caller needs a token of the HTTP side. ICE confirms its address: keys are exchanged only after checks in both
directions. `CallSources` limits what is sent before that.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from probe.helper.calls.ice_sources import CallSources
from probe.helper.helper_limits import WEBRTC_CALLS, Allowance, Tokens
from probe.helper.query import RequestRefused
from probe.http_server.client_shares import ClientShares, PortPlace
from probe.http_server.peers import UNKNOWN, Client
from probe.steps.calls.webrtc_call import need_aiortc

CALL_SECONDS = 15.0
CALLS_A_TOKEN = 2
MOST_PACKETS, RATE, BURST = 800, 100.0, 50.0  # reflected in one call, per second, and after a pause at once
LONGEST = 1200  # bytes of a reflected packet


@dataclass
class WebRTC:
    """Hold the running calls. `offer` is part of an answer of the HTTP side. Raises LocalFailure without the extra."""

    clock: Callable[[], float] = time.monotonic
    tokens: Tokens = field(init=False)
    shares: ClientShares = field(init=False)
    _running: set["asyncio.Task[None]"] = field(default_factory=set)

    def __post_init__(self) -> None:
        need_aiortc()
        self.tokens = Tokens(self.clock, CALLS_A_TOKEN)
        self.shares = ClientShares(WEBRTC_CALLS, self.clock)

    def __len__(self) -> int:
        return len(self._running)

    def offer(self, client: Client = UNKNOWN) -> dict[str, Any]:
        """Return a new token for a client."""
        return {"token": self.tokens.issue(client)}

    async def answer(self, question: Any, client: Client) -> dict[str, Any]:
        """Open a call, and return its description and ports. It ends by itself. Raises Refused."""
        from probe.steps.calls.webrtc_transport import Transport, read_description

        theirs = read_description(question)
        token = question.get("token") if theirs else None
        if theirs is None or not isinstance(token, str):
            raise RequestRefused(
                400, "the body of the request must be an object with token, ufrag, pwd and fingerprint"
            )
        try:
            pays = self.tokens.take(bytes.fromhex(token))
        except ValueError:
            pays = None
        if pays is None:
            raise RequestRefused(404, "the token is unknown, too old or used up, ask for a new one")
        place = self.shares.take(client, lambda: task.cancel())  # noqa: PLW0108 (the task begins later)
        if place is None:
            raise RequestRefused(503, "the helper has no place for a further call, try again later")
        sources = CallSources(self.clock)
        transport = Transport(self._reflector(place), controlling=False, guard=sources)
        sources.ufrag = transport.description()["ufrag"].encode()
        task = asyncio.create_task(_serve(transport, theirs, ready := asyncio.Event()))
        self._running.add(task)
        task.add_done_callback(partial(self._forget, place))
        await ready.wait()
        return {**transport.description(), "ports": transport.ports()}

    async def close(self) -> None:
        tasks = list(self._running)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _forget(self, place: PortPlace, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self.shares.free(place)
        if not task.cancelled():
            task.exception()  # a call that broke off is no bug

    def _reflector(self, place: PortPlace) -> Callable[[bytes], bytes | None]:
        allowance, left = Allowance(RATE, BURST, self.clock()), [MOST_PACKETS]

        def reflect(packet: bytes) -> bytes | None:
            if len(packet) > LONGEST or not left[0] or not allowance.take(self.clock()):
                return None
            left[0] -= 1
            self.shares.use(place)
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
