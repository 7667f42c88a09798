"""Run one nettest on one target and return its test keys: all that a verdict needs, and no conclusion (P1)."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from probe.connectivity.endpoint import Reach
from probe.control.attempt_times import since
from probe.followups.helper_offer import EchoOffer
from probe.followups.run_flows.run_flows import NO_FLOWS, RunFlows
from probe.formats import failures as f
from probe.nettests import NETTESTS
from probe.nettests.nettest import Nettest
from probe.resolution.lookup import MOST_ADDRESSES, Names, control_addresses
from probe.run.fresh_control import renew_control
from probe.run.measurement_keys import Measured, finished_measurement
from probe.run.sparing_control import ASKED, needed, not_asked
from probe.session.session import Session
from probe.session.trace import Trace
from probe.signatures.bogons import is_bogon
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.targets.target import Target

CONTROL_SECONDS = 25.0  # the test helper must answer within 30 s
CHECKED_WITHIN = {False: 16.0, True: 2.0}  # seconds for the last checks of the network, by whether the run is stopping
TAILS = 14.0  # seconds for sockets that still listen and for confirmations
LAST_TAILS = 3.0  # of a run that is stopping
AT_LIMIT = 0.5  # seconds for each of these after the time that the user set, so that the run ends soon after it


class AskControl(Protocol):
    """Ask the helper about the addresses found per name. `offered` receives the helper's echo offer.

    `fresh` has endpoints that are measured anew, alone.
    """

    async def __call__(
        self, addresses: dict[str, list[str]], offered: Callable[[EchoOffer], None], fresh: Sequence[str] = ()
    ) -> dict[str, Any]: ...


async def measure(
    target: Target,
    session: Session,
    *,
    services: Sequence[str] | None = None,
    addresses: dict[str, list[str]] | None = None,
    ask_control: AskControl | None = None,
    roots: Roots | None = None,
    tracing: Callable[[Trace], None] | None = None,
    flows: RunFlows | None = None,
    sparing: bool = False,
) -> Measured:
    """Run the target's nettest and ask the control at the same time. Only cancellation is raised.

    `services`: the roles to measure, default all. `addresses`: what the probe resolved (in the test helper). `tracing`
    gets the trace at the start. `flows` has the media flows and calls of the run. They are waited for if the target
    needs them. `sparing`: the helper is asked only about what does not prove here that it works.
    """
    nettest, trace = NETTESTS[target.nettest], Trace(on_opened=session.own_flows.opened)
    target = target if services is None else target.only(services)
    pages = (
        endpoint.url for _, endpoint in target.endpoints() if endpoint.scheme == "https" and not session.as_control
    )
    trace.long_page.url = next(pages, "")
    if tracing is not None:
        tracing(trace)
    start, clock = datetime.now(UTC), time.monotonic()
    control: dict[str, Any] | None = None
    results = NO_FLOWS
    if session.preflight.get("network") is not False:
        names = Names(trace, session, addresses)
        reach = Reach(trace, session, names, roots or load_roots(session.settings.public_roots))
        asking = asyncio.create_task(_ask(ask_control, reach, target, sparing=sparing)) if ask_control else None
        if asking is None:
            names.control_answered.set()  # no control will answer, so nothing must wait for it
        try:
            await _run(nettest, reach, target, partial(_renew, asking, ask_control, reach, target))
            control = await _answer(asking, session) if asking else None
            await _settle(session, trace)
            results = await flows.finish(target, trace, control) if flows else results
        finally:
            await _end(names, asking)
    measured = finished_measurement(nettest, target, session, trace, start, time.monotonic() - clock, control, results)
    await _add_packets(measured, session, trace)
    return measured


async def _add_packets(measured: Measured, session: Session, trace: Trace) -> None:
    """Add the captured packets of the measurement's flows, if packets are captured."""
    if session.capture is not None:
        packets = await session.capture.packets(trace.flows, trace.zero)
        measured.test_keys["x_packets"] = [packet.model_dump(mode="json") for packet in packets]


async def _settle(session: Session, trace: Trace) -> None:
    """Wait for checks of the network and for late answers."""
    if session.watch is not None:
        await session.watch.settle(_within_users_limit(CHECKED_WITHIN[session.stopping.is_set()], session))
    await trace.finish(patience=_seconds_for_tails(session))


def measured_nothing(target: Target, session: Session, bug: str | None = None) -> Measured:
    """Return the measurement of a target that was not tried. `bug` names the fault of the probe that prevented it."""
    trace = Trace()
    trace.bugs += [bug] if bug else []
    return finished_measurement(NETTESTS[target.nettest], target, session, trace, datetime.now(UTC), 0.0, None)


async def _run(nettest: Nettest, reach: Reach, target: Target, renew: Callable[[], Awaitable[None]]) -> None:
    """Run the nettest. Steps that still run at the end of the run's time are recorded as interrupted.

    In the test helper they are after CONTROL_SECONDS.
    """
    limit = CONTROL_SECONDS if reach.session.as_control else reach.session.seconds_left()
    try:
        async with asyncio.timeout(limit):
            try:
                await nettest.measure(reach, target, list(target.services))
            finally:
                reach.names.want_control(all_tried=True)
            await renew()  # before the hop search, which causes residual censorship
            await reach.search_hops()
    except TimeoutError:
        reach.trace.cut_short = True
    except Exception as bug:
        reach.trace.note_bug(bug)


def _seconds_for_tails(session: Session) -> float:
    """Return the seconds to wait for what still runs, less if the run is stopping or its time is nearly over."""
    left = session.seconds_left()
    if session.stopping.is_set():
        return _within_users_limit(LAST_TAILS, session)
    return TAILS if left is None else _within_users_limit(min(TAILS, left + LAST_TAILS), session)


def _within_users_limit(seconds: float, session: Session) -> float:
    """Return so many seconds, but no more than end AT_LIMIT after the time of `--max-time` at which steps are given up.

    A target that is finished earlier must not wait for longer than one whose steps are given up.
    """
    left = session.seconds_left() if session.settings.max_time is not None else None
    return seconds if left is None else min(seconds, left + AT_LIMIT)


# -- the control ---------------------------------------------------------------------------------------------------


async def _ask(ask_control: AskControl, reach: Reach, target: Target, *, sparing: bool) -> dict[str, Any]:
    """Ask the test helper after the names are resolved. Its answers add addresses to try."""
    names, trace = reach.names, reach.trace
    hosts = {e.host for _, e in target.endpoints() if not e.is_literal}
    try:
        known = [await names.of(host) for host in sorted(hosts)]
        endpoints = await needed(reach, target) if sparing else []
        if sparing and not endpoints:
            return not_asked()
        found = {name.hostname: [ip for ip in name.sources if not is_bogon(ip)][:MOST_ADDRESSES] for name in known}
        addresses = {host: ips for host, ips in found.items() if ips}
        some = {"fresh": endpoints} if sparing else {}
        answer = since(trace.zero, await ask_control(addresses, reach.take_echo_offer, **some))
        if sparing:
            answer[ASKED] = endpoints
        names.learn_from_control(control_addresses(answer))
        return answer
    except Exception as bug:
        trace.note_bug(bug)
        return {"failure": f"{f.BUG}: {type(bug).__name__}"}
    finally:
        names.control_answered.set()


async def _renew(
    asking: asyncio.Task[dict[str, Any]] | None, ask_control: AskControl | None, reach: Reach, target: Target
) -> None:
    """Ask the test helper again about what failed here and worked there too long ago."""
    if asking is None or ask_control is None:
        return

    async def ask(addresses: dict[str, list[str]], endpoints: Sequence[str]) -> dict[str, Any]:
        again = asyncio.create_task(ask_control(addresses, lambda offer: None, endpoints))
        try:
            return since(reach.trace.zero, await _answer(again, reach.session))
        finally:
            again.cancel()

    await renew_control(await _answer(asking, reach.session), ask, reach, target)


async def _answer(asking: asyncio.Task[dict[str, Any]], session: Session) -> dict[str, Any]:
    """Return the control's answer, without waiting for it once the run is stopping."""
    stopping = asyncio.create_task(session.stopping.wait())
    await asyncio.wait({asking, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    return asking.result() if asking.done() else {"failure": f.INTERRUPTED}


async def _end(names: Names, asking: asyncio.Task[dict[str, Any]] | None) -> None:
    if asking is not None:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await names.finish()
