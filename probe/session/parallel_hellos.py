"""Count the TLS connections of a run that are open side by side, by network and kind of hello (P8).

A network is a /24 of IPv4 or a /48 of IPv6. The kind is the library that makes the hello and what it changes.
The connections of all services are counted together too. Servers in several networks may share a limit of connections.
"""

import asyncio
import time
from collections import Counter, defaultdict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass, field

from probe.formats.exchanges.tls import ParallelHellos
from probe.signatures.parallel_hellos import CLEARLY_LATER, COOL_DOWN, CROWD, SOON, network_of

NEVER = float("-inf")
TURN = 0.4  # seconds after which a flow to a neutral host lets the next one begin, if it is not answered before
LIMITED = 2  # connections to one network side by side, after the network was found to police them

Key = tuple[str, str]  # the network's first address, and the kind of hello
RUN: Key = ("", "")  # all networks and kinds
CHECKS: Key = ("", "checks")  # connections of no service, which do not count in RUN


@dataclass(frozen=True)
class _Moment:
    """Hold the open connections by address when another one was opened, that one included."""

    number: int
    time: float
    total: int
    open: Counter[str]


@dataclass
class _Network:
    """Hold what is known of one network and kind of hello, or of all together."""

    open: Counter[str] = field(default_factory=Counter)
    moments: deque[_Moment] = field(default_factory=deque)
    opened: int = 0
    used: float = NEVER  # time at which several connections were last open
    answered: list[float] = field(default_factory=list)  # times at which the answered hellos were sent
    unanswered: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    """When hellos were sent that got no answer, by address."""
    answers: dict[str, float] = field(default_factory=dict)  # time at which the last answered connection began, by name
    failures: dict[str, float] = field(default_factory=dict)  # time of the last unanswered hello, by name
    again: asyncio.Lock = field(default_factory=asyncio.Lock)  # held while the names that were answered are sent again
    refused: bool = False  # one of these names was not answered again
    crowded: int = 0
    crowded_answered: int = 0
    repetitions: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))
    planned: int = 0  # repetitions that run or wait for their turn
    repeated: asyncio.Event = field(default_factory=asyncio.Event)  # set while no repetition runs or waits
    running: int = 0
    failed: bool = False  # a repetition failed
    slots: asyncio.Semaphore | None = None  # None: connections to the network are not limited
    turns: asyncio.Lock = field(default_factory=asyncio.Lock)

    def connected(self, address: str, now: float) -> _Moment:
        """Add a connection. Return the moment."""
        self.open[address] += 1
        self.opened += 1
        moment = _Moment(self.opened, now, self.open.total(), Counter(self.open))
        self.moments.append(moment)
        return moment

    def most_beside(self, own: _Moment, since: float) -> int:
        """Return the most other connections that were open side by side since a time."""
        return max(one.total - (one.number >= own.number) for one in self.moments if one.time >= since)

    def not_again(self, name: str) -> set[str]:
        """Return the names that were answered, but not since the last hello with `name` that was not."""
        failed = self.failures.get(name)
        return {other for other, sent in self.answers.items() if failed is None or sent < failed + CLEARLY_LATER}

    def later(self, address: str) -> int:
        """Return the answered hellos that were sent after an unanswered one to the address, and soon.

        Much later a policer would have forgotten the unanswered one.
        """
        failed = self.unanswered.get(address, ())
        return sum(any(CLEARLY_LATER <= sent - one <= SOON for one in failed) for sent in self.answered)


class OpenHello:
    """Represent one connection of which the hello is about to be sent."""

    def __init__(self, network: _Network, run: _Network, address: str, name: str, now: float, cool_down: float) -> None:
        self._network, self._run, self._address, self._since = network, run, address, now - cool_down
        self._name = name
        self.begun = now
        self._own, self._in_run = network.connected(address, now), run.connected(address, now)
        self._result: ParallelHellos | None = None

    def ended(self, *, answered: bool) -> ParallelHellos:
        """Return what was open beside the hello until now, its handshake's end. Count the hello once."""
        if self._result is None:
            self._result = self._count(answered)
        return self._result

    def _count(self, answered: bool) -> ParallelHellos:
        network, own = self._network, self._own
        most = network.most_beside(own, self._since)
        moments = [one for one in network.moments if one.time >= self._since]
        elsewhere = max(one.total - one.open[self._address] for one in moments)
        not_again = len(network.not_again(self._name)) if self._name in network.failures else None
        self._note_result(answered=answered, by_name_alone=own.total == 1 and not_again == 0)
        if most >= CROWD:
            network.crowded += 1
            network.crowded_answered += answered
        return ParallelHellos(
            open=own.open.total() - 1,
            most=most,
            elsewhere=elsewhere,
            crowded=network.crowded,
            crowded_answered=network.crowded_answered,
            later=network.later(self._address),
            not_again=not_again,
            most_in_run=self._run.most_beside(self._in_run, self._since),
        )

    def _note_result(self, *, answered: bool, by_name_alone: bool) -> None:
        """Note when the hello was answered or not. `by_name_alone`: no count of connections made it fail."""
        network, own, name = self._network, self._own, self._name
        if answered:
            network.answered.append(own.time)
            network.answers[name] = max(self.begun, network.answers.get(name, NEVER))
            return
        network.unanswered[self._address].append(own.time)
        if not by_name_alone:
            network.failures[name] = max(own.time, network.failures.get(name, NEVER))


class HelloCounts:
    """Count the TLS connections of a run by network and kind of hello.

    It is not thread-safe, because all of them use one event loop. `in_run` counts all networks and kinds together.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, cool_down: float = COOL_DOWN) -> None:
        self._clock, self.cool_down = clock, cool_down
        self._networks: defaultdict[Key, _Network] = defaultdict(_Network)

    @asynccontextmanager
    async def open(
        self, address: str, kind: str, name: str = "", *, begun: float | None = None, of_service: bool = True
    ) -> AsyncIterator[OpenHello]:
        """Count a connection from its hello to its end. Wait for a place in a network that polices connections.

        It was `begun` at a time of the clock, by default now. One `of_service` counts in the run too. Resolvers and
        neutral hosts share no limit with the servers of an app.
        """
        network, run = self._of(address, kind), self._networks[RUN if of_service else CHECKS]
        async with network.slots or nullcontext():
            hello = OpenHello(network, run, address, name, self._clock(), self.cool_down)
            hello.begun = begun or hello.begun
            self._use(network, run)
            try:
                yield hello
            finally:
                self._use(network, run)
                network.open[address] -= 1
                run.open[address] -= 1

    @asynccontextmanager
    async def alone(self, address: str, kind: str, *, in_run: bool = False) -> AsyncIterator[None]:
        """Let one repetition run at a time, and two after one has failed.

        Repetitions do not begin the cool-down again.
        """
        network = self._of(address, kind, in_run=in_run)
        repeated = (network, self._of(address, kind)) if in_run else (network,)
        network.planned += 1
        network.repeated.clear()
        try:
            async with network.repetitions:
                for one in repeated:
                    one.running += 1
                try:
                    yield
                finally:
                    for one in repeated:
                        one.running -= 1
        finally:
            network.planned -= 1
            if not network.planned:
                network.repeated.set()

    def failed_alone(self, address: str, kind: str, *, in_run: bool = False) -> None:
        """Note that a repetition failed. Then it takes too long to repeat the others one by one."""
        network = self._of(address, kind, in_run=in_run)
        if not network.failed:
            network.failed = True
            network.repetitions.release()

    async def all_repeated(self, address: str, kind: str, *, in_run: bool = False) -> None:
        """Wait until no repetition to the network runs or waits for its turn."""
        network = self._of(address, kind, in_run=in_run)
        if network.planned:
            await network.repeated.wait()

    def limit(self, address: str, kind: str) -> None:
        """Allow `LIMITED` connections to the network side by side from now on."""
        network = self._of(address, kind)
        network.slots = network.slots or asyncio.Semaphore(LIMITED)

    def quiet_in(self, address: str, kind: str, *, in_run: bool = False) -> float:
        """Return the seconds until no two such connections were open for the cool-down.

        A check of the network sends one hello in a minute, which is no crowd.
        """
        return max(0.0, self._of(address, kind, in_run=in_run).used + self.cool_down - self._clock())

    def is_free(self, address: str, kind: str) -> bool:
        """Return whether no connection to the network is open."""
        return not self._of(address, kind).open.total()

    def not_again(self, address: str, kind: str, name: str) -> set[str]:
        """Return the names that were answered in the network, but not since the last unanswered hello with `name`.

        If there are none, no count of connections stops `name`. A policer that counts hellos of all names would not
        answer the other names now either. `name` itself may be among them.
        """
        return self._of(address, kind).not_again(name)

    @asynccontextmanager
    async def again(self, address: str, kind: str) -> AsyncIterator[bool]:
        """Let one attempt at a time send the names again that were answered. False if one was not answered again."""
        network = self._of(address, kind)
        async with network.again:
            yield not network.refused

    def refused_again(self, address: str, kind: str) -> None:
        """Note that a name was not answered again, and begin the cool-down of the network again."""
        network = self._of(address, kind)
        network.refused, network.used = True, self._clock()

    def passed(self, address: str, kind: str) -> bool:
        """Return whether such a hello was answered in this network beside three or more others."""
        return self._of(address, kind).crowded_answered > 0

    def answered_later(self, address: str, kind: str) -> bool:
        """Return whether a hello of this kind was answered that was sent soon after an unanswered one to `address`."""
        return self._of(address, kind).later(address) > 0

    def answered_after(self, address: str, kind: str, when: float) -> bool:
        """Return whether a hello of this kind that was sent clearly after `when`, but soon after it, was answered.

        `when` is a time of the clock.

        Much later a policer would have forgotten what was sent before.
        """
        return any(CLEARLY_LATER <= sent - when <= SOON for sent in self._of(address, kind).answered)

    @asynccontextmanager
    async def turn(self, address: str, kind: str) -> AsyncIterator[None]:
        """Let flows to a network begin one by one, `TURN` seconds apart if the one before gets no answer.

        Otherwise flows of several attempts to one neutral host would be side by side themselves.
        """
        turns = self._of(address, kind).turns
        await turns.acquire()
        held = asyncio.get_running_loop().call_later(TURN, turns.release)
        try:
            yield
        finally:
            if held.when() > asyncio.get_running_loop().time():
                held.cancel()
                turns.release()

    def _of(self, address: str, kind: str, *, in_run: bool = False) -> _Network:
        return self._networks[RUN if in_run else (network_of(address), kind)]

    def _use(self, *networks: _Network) -> None:
        now = self._clock()
        for network in networks:
            while network.moments and network.moments[0].time < now - 2 * self.cool_down:
                network.moments.popleft()
            if not network.running and network.open.total() > 1:
                network.used = now
