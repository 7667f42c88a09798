"""Hold the helper's state: its targets, recent answers, running measurements and request counts per peer."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Any

from probe.asn.table import asn_of, default_table
from probe.helper.query import Refused
from probe.helper.udp_echo import Echo
from probe.nettests import NETTESTS
from probe.session.pacing import Pace
from probe.session.session import Session, Settings
from probe.steps.tls.certificates import Roots, load_roots
from probe.targets.target import Neutral, Target, load_neutral, load_target, target_names

CACHE_SECONDS = 60.0
CACHE_ENTRIES = 512
AT_ONCE = 32  # concurrent measurements. Further requests get 503.
PER_MINUTE = 120  # requests per peer
FRESH_PER_MINUTE = 40  # of these, requests per peer that are measured anew: one for each measurement of a run
CONNECTIONS = 256  # open at once for all requests with OONI's protocol

Answer = dict[str, Any]


@dataclass
class HelperState:
    """Hold the helper's state. Peer addresses are kept for one minute, in memory only."""

    targets: dict[str, Target]
    neutral: Neutral
    resolvers: Target
    lab: bool = False
    public_roots: str | None = None
    asn_of: Callable[[str], int] = lambda address: 0
    echo: Echo | None = None  # None if no echo is offered
    clock: Callable[[], float] = time.monotonic
    answers: "OrderedDict[str, tuple[float, asyncio.Task[Answer]]]" = field(default_factory=OrderedDict)
    session_task: tuple[float, "asyncio.Task[Session]"] | None = None
    requests: dict[str, list[float]] = field(default_factory=dict)
    fresh_requests: dict[str, list[float]] = field(default_factory=dict)
    numbers: Iterator[int] = field(default_factory=count)  # of fresh questions
    connections: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(CONNECTIONS))

    @cached_property
    def roots(self) -> Roots:
        """Return the public roots, read once."""
        return load_roots(self.public_roots)

    @property
    def digest(self) -> str:
        """Return one SHA-256 over all target files, so that probe and helper can compare what they measure."""
        listed = "".join(f"{name} {target.digest}\n" for name, target in sorted(self.targets.items()))
        return hashlib.sha256(listed.encode()).hexdigest()

    def session(self) -> Session:
        settings = Settings(followups=False, public_roots=self.public_roots)
        pace = Pace()
        session = Session("helper", settings, pace, self.neutral, self.resolvers, as_control=True, asn_of=self.asn_of)
        session.public_only = not self.lab
        return session


def load_state(
    folder: Path, *, lab: bool = False, public_roots: str | None = None, echo_ports: Sequence[int] = ()
) -> HelperState:
    """Load every target of `folder` and the table of networks. Raises TargetError or TableError with one sentence."""
    default_table()
    known = frozenset(NETTESTS)
    targets = {name: load_target(folder / f"{name}.toml", known) for name in target_names(folder)}
    neutral, resolvers = load_neutral(folder / "neutral.toml"), load_target(folder / "resolvers.toml")
    echo = Echo(echo_ports) if echo_ports else None
    return HelperState(targets, neutral, resolvers, lab, public_roots, asn_of, echo)


async def cached_answer(state: HelperState, key: str, measure: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Return the last minute's answer to the same question, or measure. Concurrent equal questions share one answer.

    Raises Refused (503) if too many measurements are running.
    """
    now = state.clock()
    while state.answers and now - next(iter(state.answers.values()))[0] > CACHE_SECONDS:
        state.answers.popitem(last=False)
    kept = state.answers.get(key)
    if kept is None:
        if sum(not task.done() for _, task in state.answers.values()) >= AT_ONCE or len(state.answers) >= CACHE_ENTRIES:
            raise Refused(503, "too much is being measured at the moment; ask again later")
        kept = (now, asyncio.create_task(measure()))
        state.answers[key] = kept
    try:
        return await asyncio.shield(kept[1])
    except Exception:
        state.answers.pop(key, None)  # the answer of a bug is not kept
        raise


async def fresh_answer(state: HelperState, measure: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
    """Measure now. The answer is neither taken from an earlier question nor kept for a later one.

    Raises Refused (503) if too many measurements are running.
    """
    key = f"fresh {next(state.numbers)}"
    try:
        return await cached_answer(state, key, measure)
    finally:
        if (kept := state.answers.get(key)) is not None and kept[1].done():
            del state.answers[key]


def admit(state: HelperState, peer: str) -> None:
    """Count a request of a peer. Raises Refused if it asks too often."""
    _count(state.requests, peer, state.clock(), PER_MINUTE, "questions")


def admit_fresh(state: HelperState, peer: str) -> None:
    """Count a request of a peer that is measured anew. Raises Refused if it asks too often."""
    _count(state.fresh_requests, peer, state.clock(), FRESH_PER_MINUTE, "fresh questions")


def _count(requests: dict[str, list[float]], peer: str, now: float, most: int, what: str) -> None:
    """Add a request of now. Peers without a request in the last minute are forgotten. Raises Refused."""
    for known in [known for known, times in requests.items() if now - times[-1] >= 60.0]:
        del requests[known]
    times = requests[peer] = [t for t in requests.get(peer, []) if now - t < 60.0]
    if len(times) >= most:
        raise Refused(429, f"more than {most} {what} in a minute came from here; slow down")
    times.append(now)


async def cancel_all(state: HelperState) -> None:
    """Cancel running measurements, so that the process ends within seconds."""
    tasks: list[asyncio.Task[Any]] = [task for _, task in state.answers.values()]
    tasks += [state.session_task[1]] if state.session_task else []
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=3.0)
