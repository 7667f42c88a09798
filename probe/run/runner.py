"""Measure every target concurrently, ask the control, and write one record each. The run can be stopped at any time."""

import asyncio
import random
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from probe.control import Control, Offered
from probe.nettests import lines_of
from probe.packets.capture import Capture, may_capture
from probe.results import ResultsFile
from probe.run.measure import Measured, measure, measured_nothing
from probe.run.measurement_writer import Lines
from probe.run.preflight import preflight
from probe.run.vantage import Vantage, where_are_we
from probe.session.classify import describe, has_run_out
from probe.session.session import Session
from probe.steps.tls.certificates import Roots
from probe.targets.target import Target

ADDRESSES_SIDE_BY_SIDE = 16  # of a list of web addresses. A test helper measures 32 at once for all clients.
GRACE = 12.0  # seconds for running steps after a stop. The longest step takes 10.
BUG, NO_NETWORK, BUDGET = 1, 4, 5  # exit codes (docs/contract.md, 9)
PORTALS = ("redirect", "content", "dns")


class Watcher(Protocol):
    """Receive the progress of a run. It gets nothing that identifies the user."""

    def prepared(self, facts: Mapping[str, Any], vantage: Vantage) -> None: ...
    def started(self, target: Target) -> None: ...
    def finished(self, target: Target, documents: Sequence[Mapping[str, Any]], seconds: float) -> None: ...
    def stopping(self, why: str) -> None: ...


@dataclass(frozen=True)
class Plan:
    """Describe a run: `repeat` rounds over `targets`. `cc` and `asn` are the user's own statements, if any."""

    targets: list[Target]
    repeat: int = 1
    cc: str | None = None
    asn: str | None = None
    pcap: bool = False  # also write the packets


@dataclass
class RunOutcome:
    """Hold the result of a run. `path` is None if nothing was written. `code` is the exit code without --exit-code."""

    path: Path | None = None
    packets: Path | None = None  # the pcapng file, if one was asked for and written
    # only if the output is a pipe and cannot be read again
    documents: list[dict[str, Any]] = field(default_factory=list)
    annotations: dict[str, str] = field(default_factory=dict)  # of the measurements
    code: int = 0
    problem: str | None = None
    seconds: float = 0.0
    bytes_sent: int = 0
    bytes_received: int = 0
    bugs: list[str] = field(default_factory=list)


async def run(
    plan: Plan, session: Session, roots: Roots, open_results: Callable[[Vantage], ResultsFile], watch: Watcher
) -> RunOutcome:
    """Measure every target of `plan` and write a record for each as soon as it is finished.

    `open_results` is called once before the first record, when the vantage point is known. Never raises for the network
    or the disk. The outcome reports such errors.
    """
    running = Run(plan, session, roots, open_results, watch)
    return await running.go()


class Run:
    """Carry out one run."""

    def __init__(
        self,
        plan: Plan,
        session: Session,
        roots: Roots,
        open_results: Callable[[Vantage], ResultsFile],
        watch: Watcher,
    ) -> None:
        self._plan, self._session, self._roots, self._watch = plan, session, roots, watch
        self._lines = Lines(open_results, self._locate)
        self._control = Control(session, roots, self._lines.learn) if session.settings.control else None
        self._capture: Capture | None = None
        self._work: asyncio.Task[None] | None = None
        self._outcome = RunOutcome()
        self._stopped_by = 0  # the exit code of the reason to stop
        self._addresses = asyncio.Semaphore(ADDRESSES_SIDE_BY_SIDE)

    async def go(self) -> RunOutcome:
        zero = time.monotonic()
        self._work = asyncio.create_task(self._all())
        with self._stoppable():
            await self._wait(self._work)
        await self._session.close()
        self._outcome.path = self._lines.close()
        self._outcome.documents, self._outcome.annotations = self._lines.documents, self._lines.annotations
        self._outcome.problem = self._lines.problem
        await self._end_capture()
        self._outcome.seconds = time.monotonic() - zero
        self._outcome.bytes_sent = self._session.pace.bytes_sent
        self._outcome.bytes_received = self._session.pace.bytes_received
        self._outcome.bugs += self._session.bugs
        self._outcome.code = self._code()
        return self._outcome

    # -- stopping --------------------------------------------------------------------------------------------------

    def stop(self, code: int, why: str) -> None:
        """Start nothing new. A second call stops immediately."""
        if self._session.stopping.is_set() and self._work is not None:
            self._work.cancel()
            return
        self._stopped_by = code
        self._session.stopping.set()
        self._watch.stopping(why)

    @contextmanager
    def _stoppable(self) -> Iterator[None]:
        loop = asyncio.get_running_loop()
        again = "stopping: what is under way ends, nothing new starts (again to stop at once)"
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop, 128 + number, again)
        limit = self._session.settings.max_time
        timer = loop.call_later(limit, self._budget_spent) if limit is not None else None
        try:
            yield
        finally:
            if timer:
                timer.cancel()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _budget_spent(self) -> None:
        if not self._session.stopping.is_set():
            self.stop(BUDGET, f"stopping: the {self._session.settings.max_time:g} s of --max-time are over")

    async def _wait(self, work: "asyncio.Task[None]") -> None:
        """Wait for the work, and after a stop at most for GRACE."""
        stopping = asyncio.create_task(self._session.stopping.wait())
        await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if not work.done():
            await asyncio.wait({work}, timeout=GRACE)
            work.cancel()
        stopping.cancel()
        with suppress(asyncio.CancelledError):  # our own cancellation, after GRACE or a second Ctrl-C
            await work

    # -- measuring -------------------------------------------------------------------------------------------------

    async def _all(self) -> None:
        await asyncio.gather(preflight(self._session, self._roots), self._start_capture())
        self._watch.prepared(self._session.preflight, await self._lines.vantage())
        for number in range(self._plan.repeat):
            if number and not self._session.stopping.is_set():
                await self._session.next_round()
            targets = random.sample(self._plan.targets, len(self._plan.targets))  # no two runs use the same order
            if not self._session.stopping.is_set():
                await asyncio.gather(*(self._in_turn(target) for target in targets))

    async def _in_turn(self, target: Target) -> None:
        """Measure a target immediately. Of a list of web addresses only some are measured at a time."""
        if target.input is None:
            await self._one(target)
            return
        async with self._addresses:
            if not self._session.stopping.is_set():
                await self._one(target)

    async def _locate(self, learned: str | None) -> Vantage:
        return await where_are_we(self._session, cc=self._plan.cc, asn=self._plan.asn, learned=learned)

    async def _one(self, target: Target) -> None:
        """Write the target's records concurrently, each as soon as it is finished."""
        zero = time.monotonic()
        self._watch.started(target)
        written = await asyncio.gather(*map(self._line, lines_of(target)))
        if documents := [document for document in written if document is not None]:
            self._watch.finished(target, documents, time.monotonic() - zero)

    async def _line(self, target: Target) -> dict[str, Any] | None:
        measured = await self._measured(target)
        self._outcome.bugs += measured.bugs
        try:
            document = await self._lines.write(measured)
        except Exception as bug:  # a bug costs only this record
            self._outcome.bugs.append(describe(bug))
            return None
        if self._lines.problem:
            self._session.stopping.set()
        return document

    async def _measured(self, target: Target) -> Measured:
        """Measure. Behind a portal no name is sent, and a bug still leaves a record."""
        if self._session.preflight.get("portal") in PORTALS:
            return measured_nothing(target, self._session)

        control = self._control

        async def ask_control(
            addresses: dict[str, list[str]], offered: Offered, fresh: Sequence[str] = ()
        ) -> dict[str, Any]:
            assert control is not None
            return await control.ask(target, addresses, offered, fresh)

        try:
            asking = ask_control if control else None
            return await measure(target, self._session, ask_control=asking, roots=self._roots)
        except Exception as bug:
            return measured_nothing(target, self._session, describe(bug))

    # -- packets ---------------------------------------------------------------------------------------------------

    async def _start_capture(self) -> None:
        """Start the sniffer if the system allows it. A sniffer that fails costs only its packets."""
        if not may_capture():
            return
        try:
            self._session.capture = self._capture = await Capture.start(keep=self._plan.pcap)
        except OSError as error:
            if not has_run_out(error):  # exhausted descriptors are no fault of the sniffer
                self._outcome.bugs.append(f"the sniffer could not be started: {error.strerror}")

    async def _end_capture(self) -> None:
        if self._capture is None:
            return
        if self._plan.pcap and self._outcome.path is not None:
            path = self._outcome.path.with_suffix(".pcapng")
            problem = await self._capture.write(str(path))
            self._outcome.packets = None if problem else path
            self._outcome.problem = self._outcome.problem or problem
        await self._capture.close()

    def _code(self) -> int:
        if self._outcome.problem or self._outcome.bugs:
            return self._stopped_by if self._stopped_by > 128 else BUG
        if self._stopped_by:
            return self._stopped_by
        return 0 if usable(self._session.preflight) else NO_NETWORK


def usable(facts: Mapping[str, Any]) -> bool:
    """Tell whether the preflight found a usable network: some host answers, and there is no sign-in page."""
    return facts.get("network") is not False and facts.get("portal") not in PORTALS
