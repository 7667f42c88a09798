"""Measure every target concurrently, ask the control, and write one record each. The run can be stopped at any time."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any

from probe.control import ControlClient, Offered
from probe.followups.run_flows.run_flows import RunFlows
from probe.messages import tr
from probe.nettests import lines_of, load_nettests
from probe.packets.capture import Capture
from probe.platforms.raw_packets import may_capture
from probe.results import ResultsFile, packets_file
from probe.run.learned_addresses import LearnedAddresses
from probe.run.measure import measure, measured_nothing
from probe.run.measurement_keys import Measured
from probe.run.measurement_writer import MeasurementWriter
from probe.run.network.check_results import PORTALS, usable
from probe.run.network.network_checks import NetworkChecks
from probe.run.network.preflight import preflight
from probe.run.phases import phase_of
from probe.run.run_plan import RunOutcome, RunPlan, Watcher
from probe.run.time_budget import LAST_START, WRITING, TimeBudget, stopped_by_signals
from probe.run.vantage import Vantage, where_are_we
from probe.session.classify import describe, has_run_out
from probe.session.round_trips import CROWDED
from probe.session.session import Session
from probe.session.trace import Trace
from probe.signatures.unfit_networks import Unfit, unfit_for_targets
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Target

ADDRESSES_SIDE_BY_SIDE = 16  # of a list of web addresses. A test helper measures 32 at once for all clients.
EARLY = 1.0  # seconds before the end of --max-time at which steps are given up, so that what they found is written
LATEST = 1.0  # seconds after the end of --max-time at which the rest is cancelled. Then the verdicts have a second.
GRACE = 12.0  # seconds for running steps after a stop. The longest step takes 10.
BUG, NO_NETWORK, BUDGET, NOT_WRITTEN = 1, 4, 5, 7  # exit codes (docs/contract.md, 9)


async def run(
    plan: RunPlan, session: Session, roots: Roots, open_results: Callable[[Vantage], ResultsFile], watch: Watcher
) -> RunOutcome:
    """Measure every target of `plan` and write a record for each as soon as it is finished.

    `open_results` is called once before the first record, when the vantage point is known. Never raises for the network
    or the disk. The outcome reports such errors.
    """
    running = RunInProgress(plan, session, roots, open_results, watch)
    return await running.go()


class RunInProgress:
    """Carry out one run."""

    def __init__(
        self,
        plan: RunPlan,
        session: Session,
        roots: Roots,
        open_results: Callable[[Vantage], ResultsFile],
        watch: Watcher,
    ) -> None:
        self._plan, self._session, self._roots, self._watch = plan, session, roots, watch
        load_nettests(target.nettest for target in plan.targets)
        learned = self._learned = LearnedAddresses(session.public_addresses())
        session.helpers_saw = learned.said
        self._lines = MeasurementWriter(open_results, self._locate, learned, plan.contributor_secret)
        self._flows = RunFlows(session, plan.targets)
        self._control = (
            ControlClient(session, roots, learned.add, self._flows.take_offers) if session.settings.control else None
        )
        self._checks = NetworkChecks(session, roots)
        self._capture: Capture | None = None
        self._work: asyncio.Task[None] | None = None
        self._writing = set[asyncio.Task[dict[str, Any]]]()
        self._latest: float | None = None  # on the monotonic clock
        self._outcome = RunOutcome()
        self._watched = True  # progress is reported
        self._stopped_by = 0  # the exit code of the reason to stop
        self._budget = TimeBudget(
            session, plan.targets, plan.repeat, lambda why: self._tell(lambda: watch.stopping(why))
        )
        self._addresses = asyncio.Semaphore(ADDRESSES_SIDE_BY_SIDE)

    async def go(self) -> RunOutcome:
        zero = time.monotonic()
        self._work = asyncio.create_task(self._all())
        with self._stoppable():
            await self._wait(self._work)
        await asyncio.gather(*self._writing, return_exceptions=True)
        await self._checks.close()
        await self._flows.close()
        await self._session.close()
        self._outcome.path = self._lines.close()
        self._outcome.documents, self._outcome.annotations = self._lines.documents, self._lines.annotations
        self._outcome.problem, self._outcome.unwritten = self._lines.problem, self._lines.unwritten
        await self._end_capture()
        self._outcome.seconds = time.monotonic() - zero
        self._outcome.bytes_sent = self._session.pace.bytes_sent
        self._outcome.bytes_received = self._session.pace.bytes_received
        self._outcome.bugs += self._session.bugs
        self._outcome.out_of_time = self._budget.spent
        self._outcome.code = self._code()
        return self._outcome

    # -- stopping --------------------------------------------------------------------------------------------------

    def stop(self, code: int, why: str) -> None:
        """Start nothing new. A second call stops immediately."""
        ends_by_itself = self._budget.spent and not self._stopped_by
        if self._session.stopping.is_set() and not ends_by_itself and self._work is not None:
            self._work.cancel()
            return
        self._stopped_by = code
        self._session.stopping.set()
        with suppress(OSError):  # reported in any case, because this report also leaves a closed terminal
            self._watch.stopping(why)

    def _hung_up(self, code: int, why: str) -> None:
        """Stop once. A shell repeats SIGHUP for its jobs, and the repetition is no wish to stop immediately."""
        if not self._session.stopping.is_set():
            self.stop(code, why)

    def _tell(self, report: Callable[[], None]) -> None:
        """Report progress until a report fails. A screen that cannot be written to costs no measurement."""
        try:
            if self._watched:
                report()
        except OSError:
            self._watched = False

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        limit, timer = self._session.settings.max_time, None
        if limit is not None:  # steps under way are given up then, so that the run ends soon after it
            ends = limit - min(EARLY, limit / 10)
            self._session.steps_end_at = time.monotonic() + ends
            self._latest = time.monotonic() + limit + LATEST
            timer = asyncio.get_running_loop().call_later(ends, self._budget_spent)
        try:
            with stopped_by_signals(self.stop, self._hung_up):
                yield
        finally:
            self._budget.cancel()
            if timer:
                timer.cancel()

    def _budget_spent(self) -> None:
        if not self._session.stopping.is_set():
            self.stop(BUDGET, f"stopping: the {self._session.settings.max_time:g} s of --max-time are over")

    async def _wait(self, work: "asyncio.Task[None]") -> None:
        """Wait for the work, and after a stop at most for GRACE or until LATEST. Out of time it ends by itself."""
        stopping = asyncio.create_task(self._session.stopping.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=self._patience())
            work.cancel()
        stopping.cancel()
        with suppress(asyncio.CancelledError):  # our own cancellation, after GRACE or a second Ctrl-C
            await work

    def _patience(self) -> float:
        """Return the seconds for the work that is under way when the run is stopped."""
        if self._budget.spent:
            return LAST_START + WRITING
        return GRACE if self._latest is None else max(0.0, min(GRACE, self._latest - time.monotonic()))

    # -- measuring -------------------------------------------------------------------------------------------------

    async def _all(self) -> None:
        self._session.country = (await self._locate(None)).probe_cc
        checks = (preflight(self._session, self._roots), self._start_capture(), self._check_helpers())
        _, _, helpers = await asyncio.gather(*checks)
        self._budget.begin()
        self._session.preflight["helpers"] = helpers
        self._session.watch = self._checks
        self._checks.start()
        vantage = await self._lines.vantage()
        facts, reason = self._session.preflight, self._refusal()
        self._tell(lambda: self._watch.refused(facts, reason) if reason else self._watch.prepared(facts, vantage))
        if usable(facts) and not reason:
            self._tell(lambda: self._watch.expected(self._budget.expected(), self._budget.seconds))
        for number in range(1 if reason else self._plan.repeat):
            if number and self._continues():
                await self._renew()
            targets = random.sample(self._plan.targets, len(self._plan.targets))  # no two runs use the same order
            if self._continues():
                self._tell(partial(self._watch.round_begins, number + 1, self._plan.repeat))
                await asyncio.gather(self._begin_long_flows(), *map(self._in_turn, targets))

    async def _renew(self) -> None:
        """Start a repeat that the user asked for."""
        await self._flows.next_round()
        await asyncio.gather(self._session.next_round(), self._check_helpers(), self._checks.renew_preflight())

    async def _begin_long_flows(self) -> None:
        """Begin flows that take long beside the first lookups. On a crowded line they wait for the helper's answer."""
        fit = usable(self._session.preflight) and not self._refusal() and self._session.pace.line_queueing <= CROWDED
        if fit and self._control and self._flows.wait_for_offers:
            await self._control.offer_early()

    async def _check_helpers(self) -> list[str | None]:
        return await self._control.check() if self._control else []

    async def _in_turn(self, target: Target) -> None:
        """Measure a target immediately. Of a list of web addresses only some are measured at a time.

        Targets that share a host name look it up at the same time. Otherwise the connections of the first one would
        leave no trigger for the lookup of the last one.
        """
        if target.input is None:
            await self._one(target)
            return
        async with self._addresses:
            if self._continues():
                await self._checks.renew_preflight()
                await self._one(target)

    def _continues(self) -> bool:
        """Tell whether more may be started. After a disk error only what has started ends, because memory is short."""
        return not self._session.stopping.is_set() and self._lines.problem is None

    async def _locate(self, learned: str | None) -> Vantage:
        return await where_are_we(self._session, cc=self._plan.cc, asn=self._plan.asn, learned=learned)

    async def _one(self, target: Target) -> None:
        """Write the target's records concurrently, each as soon as it is finished."""
        zero, traces = time.monotonic(), list[Trace]()
        phase = partial(phase_of, traces, asks_helper=self._control is not None)
        self._tell(lambda: self._watch.started(target, phase))
        written = await asyncio.gather(*(self._line(each, traces.append) for each in lines_of(target)))
        if documents := [document for document in written if document is not None]:
            self._tell(lambda: self._watch.finished(target, documents, time.monotonic() - zero))

    async def _line(self, target: Target, tracing: Callable[[Trace], None]) -> dict[str, Any] | None:
        measured = await self._measured(target, tracing)
        self._outcome.bugs += measured.bugs
        try:
            document = await self._written(measured)
        except Exception as bug:  # a bug costs only this record
            self._outcome.bugs.append(describe(bug))
            return None
        return document

    async def _written(self, measured: Measured) -> dict[str, Any]:
        """Write a measurement. The end of the run waits for it, because what was measured must not be lost."""
        writing = asyncio.create_task(self._lines.write(measured))
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)
        return await asyncio.shield(writing)

    async def _measured(self, target: Target, tracing: Callable[[Trace], None]) -> Measured:
        """Measure. Where the network is unfit no name is sent, and a bug still leaves a record."""
        if self._session.preflight.get("portal") in PORTALS or self._refusal():
            return measured_nothing(target, self._session)

        control = self._control

        async def ask_control(
            addresses: dict[str, list[str]], offered: Offered, fresh: Sequence[str] = ()
        ) -> dict[str, Any]:
            assert control is not None
            return await control.ask(target, addresses, offered, fresh)

        try:
            asking = ask_control if control else None
            how: dict[str, Any] = {"roots": self._roots, "tracing": tracing, "flows": self._flows}
            how["sparing"] = self._session.settings.depth != "deep" and control is not None and control.serves_many
            return await measure(target, self._session, ask_control=asking, **how)
        except Exception as bug:
            return measured_nothing(target, self._session, describe(bug))

    # -- packets ---------------------------------------------------------------------------------------------------

    async def _start_capture(self) -> None:
        """Start the sniffer if the system allows it. A sniffer that fails costs only its packets."""
        if not may_capture():
            return
        try:
            self._session.capture = self._capture = await Capture.start(keep=self._plan.pcap)
            if self._capture is not None:
                self._capture.ours = self._learned.said
        except OSError as error:
            if not has_run_out(error):  # exhausted descriptors are no fault of the sniffer
                self._outcome.bugs.append(f"the sniffer could not be started: {error.strerror}")

    async def _end_capture(self) -> None:
        if self._capture is None:
            if self._plan.pcap:
                missing = tr("The packets could not be recorded, because the packet recorder did not start.")
                self._outcome.problem = self._outcome.problem or missing
            return
        if self._plan.pcap and self._outcome.path is not None:
            path = packets_file(self._outcome.path)
            known = (await self._lines.vantage()).known.and_address(*self._learned.said())
            problem = await self._capture.write(str(path), known)
            self._outcome.packets = None if problem else path
            self._outcome.problem = self._outcome.problem or problem
        await self._capture.close()

    def _code(self) -> int:
        if self._stopped_by > 128:
            return self._stopped_by
        if self._outcome.problem or self._outcome.bugs:
            return NOT_WRITTEN if self._outcome.problem else BUG
        if self._stopped_by:
            return self._stopped_by
        return 0 if usable(self._session.preflight) and not self._refusal() else NO_NETWORK

    def _refusal(self) -> Unfit | None:
        """Return why no target's name is sent, None if names are sent."""
        return None if self._session.settings.measure_anyway else unfit_for_targets(self._session.preflight)
