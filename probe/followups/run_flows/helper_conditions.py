"""Say when flows to the test helper that serve a whole run cannot be measured, and end them when the run is stopped."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import asynccontextmanager
from typing import Any, Literal

from probe.session.round_trips import CROWDED
from probe.session.session import Session
from probe.session.trace import Trace

LEAST_RATE = 50_000  # bytes a second. A pair takes 19 kB a second each way, and the other measurements need the rest.

Obstacle = Literal["no_udp", "slow_line", "out_of_time", "interrupted"]
NoOffer = Literal["no_followups", "out_of_time", "interrupted", "no_helper", "not_offered"]


def obstacle(session: Session, seconds: float) -> Obstacle | None:
    """Return the reason why no flow of this many seconds can begin now, None if one can."""
    public, left = session.preflight.get("udp_public"), seconds_left(session)
    if (session.preflight.get("udp") if public is None else public) is False:
        return "no_udp"
    if session.stopping.is_set():
        return "out_of_time" if session.out_of_time else "interrupted"
    if left is not None and left < seconds:
        return "out_of_time"
    pace = session.pace
    return "slow_line" if pace.line_queueing > CROWDED and pace.received_rate < LEAST_RATE else None


def reason_without_offer(session: Session, control: Mapping[str, Any] | None) -> NoOffer:
    """Return why nothing was offered. `control` is the helper's answer to a measurement."""
    if not session.settings.followups:
        return "no_followups"
    if session.stopping.is_set():
        return "out_of_time" if session.out_of_time else "interrupted"
    return "no_helper" if control is None or control.get("failure") is not None else "not_offered"


@asynccontextmanager
async def waiting_for_turn(session: Session, trace: Trace) -> AsyncIterator[None]:
    """Hold the turn of flows that must have the line without call packets, test calls and transfers beside them.

    While it waits, the measurement shows that it awaits these flows.
    """
    trace.awaits_media = session.steady_flows.locked()
    try:
        await session.steady_flows.acquire()
    finally:
        trace.awaits_media = False
    try:
        yield
    finally:
        session.steady_flows.release()


async def until_stopped(session: Session, flows: Coroutine[Any, Any, None]) -> None:
    """Run flows, and cancel them when the run is stopped. What they have received by then is kept."""
    tasks = (asyncio.create_task(flows), asyncio.create_task(_stopped(session)))
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _stopped(session: Session) -> None:
    """Return when flows must end. A run that is out of time gives up its steps some seconds after it stops."""
    await session.stopping.wait()
    if session.out_of_time:
        await asyncio.sleep(session.seconds_left() or 0.0)


def seconds_left(session: Session) -> float | None:
    """Return the seconds until the run's own limit or the user's, None without a limit."""
    limit, began = session.settings.max_time, session.preflight_began
    if limit is None or began is None:
        return session.seconds_left()
    return began + limit - time.monotonic()
