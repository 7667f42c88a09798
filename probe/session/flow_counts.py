"""Record what a run has sent where, and which flows failed when none to the same place passed any more (P8).

Services, content networks and access lines ban clients after a burst of connections. Such a ban begins after some
flows, holds for all that follow, whatever they carry, and ends after a time.
"""

import time
from bisect import bisect_left, bisect_right, insort
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import urlsplit

from probe.formats import failures as f
from probe.formats.entries import Entry
from probe.formats.followups.other_payloads import RANDOM_BYTES
from probe.formats.followups.other_servers import PATHS
from probe.formats.followups.transfers import TRANSFERS
from probe.formats.network_facts import InnocuousFailures, LoadBefore, OwnLoad
from probe.formats.transactions import TransactionRecord
from probe.signatures.own_load import COUNTED_SECONDS, IN_FLIGHT, SOON
from probe.signatures.parallel_hellos import network_of

Scope = Literal["address", "network", "operator", "target", "line"]
Layer = Literal["connect", "data"]
Transport = Literal["tcp", "udp"]
Transports = Literal["all", "tcp", "udp"]
Kind = Literal["connect_cut_off", "connect_silent", "data_cut_off", "data_silent"]

DNS_PORT = 53
CUT_OFF = f.CUT_OFF | {f.REFUSED}
NO_ANSWER = CUT_OFF | f.SILENT
WITH_LIMITED_TTL = frozenset(kind.name for kind in PATHS if kind.changes == "TTL")

OTHER_FORMS = frozenset(kind.name for kind in (*RANDOM_BYTES, *TRANSFERS))


@dataclass(frozen=True)
class EndedFlow:
    """Hold one flow that has ended. Times are those of the clock. `owner`: whose address it is, a target or a host."""

    begun: float
    step_began: float
    """When the last step began, so that what was lost was sent."""
    ended: float
    address: str
    port: int
    owner: str
    host: str = ""
    transport: Transport = "tcp"
    accepted: bool = False
    """A connection was opened. Always False over UDP."""
    answered: bool = False
    """The server answered what was sent to it."""
    lost: Layer | None = None
    """The layer at which it was cut off or got no answer, None for other ends."""
    silent: bool = False
    in_residual: bool = False
    named: bool = False
    """It carried a target's name or payload."""
    to_named: bool = False
    """A target's name or payload was sent to the address before its end."""
    form: str = ""
    """The follow-up that sends random bytes or asks for a whole page, which a device may treat otherwise than a hello.
    """

    @property
    def passed_at(self) -> float:
        """Return when what was accepted or answered was sent at the latest.

        A datagram is sent again until an answer comes. A busy computer reads answers late, so that it may have been
        sent earlier, but not before `step_began`.
        """
        if self.lost is not None:
            return self.begun
        return self.step_began if self.transport == "tcp" else max(self.step_began, self.ended - IN_FLIGHT)

    @property
    def lost_at(self) -> float:
        """Return when a failed flow was lost at the latest, if a ban was the cause."""
        if not self.silent:
            return self.ended
        return self.step_began if self.transport == "tcp" else min(self.step_began + IN_FLIGHT, self.ended)


class _LastTimes:
    """Hold the last time of each key, and count the keys since a time without looking at all of them."""

    def __init__(self) -> None:
        self._of: dict[str, float] = {}
        self._sorted: list[float] = []

    def note(self, key: str, at: float) -> None:
        """Keep the later one of two times."""
        last = self._of.get(key)
        if last is not None:
            del self._sorted[bisect_left(self._sorted, last)]
        self._of[key] = at if last is None else max(at, last)
        insort(self._sorted, self._of[key])

    def since(self, time: float) -> int:
        return len(self._sorted) - bisect_left(self._sorted, time)

    def after(self, time: float) -> int:
        return len(self._sorted) - bisect_right(self._sorted, time)


@dataclass
class _Scope:
    """Hold the times of flows in a scope, sorted: of their begin, and when what was accepted or answered was sent."""

    begun: list[float] = field(default_factory=list)
    accepted: list[float] = field(default_factory=list)
    answered: list[float] = field(default_factory=list)
    any_passed: list[float] = field(default_factory=list)  # both, since a datagram may be lost where connects pass
    first_sent: dict[float, float] = field(default_factory=dict)  # by the latest time of what passed, the earliest
    failed_hosts: _LastTimes = field(default_factory=_LastTimes)  # when the last flow for a host was lost
    accepting: set[str] = field(default_factory=set)
    turned: _LastTimes = field(default_factory=_LastTimes)  # addresses that accepted no connection any more, and when

    def add(self, flow: EndedFlow) -> None:
        insort(self.begun, flow.begun)
        if flow.accepted:
            insort(self.accepted, flow.passed_at)
            self.accepting.add(flow.address)
        if flow.answered:
            insort(self.answered, flow.passed_at)
        if flow.accepted or flow.answered:
            insort(self.any_passed, flow.passed_at)
            self.first_sent[flow.passed_at] = flow.step_began
        if flow.lost is not None and not flow.in_residual:
            self.failed_hosts.note(flow.host, flow.begun if flow.transport == "tcp" else flow.lost_at)
        if flow.lost == "connect" and flow.address in self.accepting:
            self.turned.note(flow.address, flow.begun)

    def before(self, flow: EndedFlow) -> LoadBefore | None:
        """Return what came before a failed flow. None if another one passed since, or none before."""
        passed = self.accepted if flow.lost == "connect" else self.answered
        passed = self.any_passed if flow.transport == "udp" else passed
        happened = flow.lost_at
        since = passed[bisect_right(passed, happened) : bisect_right(passed, flow.ended + SOON)]
        if any(self.first_sent[at] > happened for at in since):
            return None
        count = bisect_left(self.begun, happened) - bisect_right(self.begun, happened - COUNTED_SECONDS)
        count -= flow.begun < happened  # the flow itself
        accepted = bisect_right(self.accepted, flow.ended + SOON)
        last = self.accepted[accepted - 1] if accepted else flow.begun
        turned = self.turned.after(last) if flow.lost == "data" else 0
        passed_before = bisect_right(passed, happened)
        if not passed_before and not turned:
            return None
        last_passed = passed[passed_before - 1] if passed_before else flow.begun - COUNTED_SECONDS
        hosts = self.failed_hosts.since(last_passed)
        return LoadBefore(scope="line", flows=count, passed=passed_before, turned=turned, hosts=hosts)


ASKED_AGAIN: frozenset[Scope] = frozenset({"address", "network", "target"})

_Same = tuple[str, int, str]
"""The address, port and form of flows that have equal chances."""


@dataclass
class _KindCounts:
    """Count the flows without a target's name that passed or failed in one way."""

    flows: int = 0
    failures: int = 0
    passed: set[_Same] = field(default_factory=set)
    failed: defaultdict[_Same, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Owners of the addresses of failed flows."""
    at_times: set[_Same] = field(default_factory=set)
    """Equal flows of which some failed and others passed."""

    def add(self, flow: EndedFlow, *, fails: bool) -> None:
        place = flow.address, flow.port, flow.form
        self.flows += 1
        self.failures += fails
        if fails:
            self.failed[place].add(flow.owner)
        else:
            self.passed.add(place)
        if place in self.passed and place in self.failed:
            self.at_times.add(place)


class FlowCounts:
    """Record the flows of a run. It is not thread-safe, because all of them use one event loop."""

    operator_of: Callable[[str], int]

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.operator_of, self._clock = lambda address: 0, clock
        self._scopes: defaultdict[tuple[Scope, Transports, str], _Scope] = defaultdict(_Scope)
        self._operators: dict[str, int] = {}
        self._kinds = {kind: _KindCounts() for kind in KINDS}
        self._by_address: Counter[str] = Counter()
        self._by_network: Counter[str] = Counter()
        self._by_resolver: Counter[str] = Counter()
        self._by_second: Counter[int] = Counter()

    def note(self, flow: EndedFlow) -> None:
        """Count a flow that has ended."""
        for scope, place in self._places(flow):
            self._scopes[scope, "all", place].add(flow)
            self._scopes[scope, flow.transport, place].add(flow)
        for kind, counts in self._kinds.items():
            if not flow.to_named and _tries(kind, flow):
                counts.add(flow, fails=_fails(kind, flow))

    def opened(self, address: str, port: int) -> None:
        """Count a socket that is opened to an address, for the figures of the run."""
        if port == DNS_PORT:
            self._by_resolver[address] += 1
        else:
            self._by_address[address] += 1
            self._by_network[network_of(address)] += 1
        self._by_second[int(self._clock())] += 1

    def before(self, flow: EndedFlow) -> list[LoadBefore]:
        """Return the scopes in which others passed before a failed flow, and none did since."""
        if flow.lost is None:
            return []
        found = (self._before(scope, place, flow) for scope, place in self._places(flow))
        return [load for load in found if load is not None]

    def _before(self, scope: Scope, place: str, flow: EndedFlow) -> LoadBefore | None:
        """Return what came before a failed flow in a scope: over both transports, or else over its own alone.

        Its own alone counts where endpoints of the measurement are asked again over it.
        """
        transports: tuple[Transports, ...] = ("all", flow.transport) if scope in ASKED_AGAIN else ("all",)
        for transport in transports:
            if (load := self._scopes[scope, transport, place].before(flow)) is not None:
                return load.model_copy(update={"scope": scope, "transport": transport})
        return None

    def _places(self, flow: EndedFlow) -> Iterator[tuple[Scope, str]]:
        family = "6" if ":" in flow.address else "4"  # servers see two clients
        yield "address", flow.address
        yield "network", network_of(flow.address)
        if flow.address not in self._operators:
            self._operators[flow.address] = self.operator_of(flow.address)
        if operator := self._operators[flow.address]:
            yield "operator", f"{operator} {family}"
        yield "target", f"{flow.owner} {family}"
        yield "line", family

    def most(self) -> OwnLoad | None:
        """Return the largest numbers of flows of the run so far. None without any."""
        if not self._by_second:
            return None
        return OwnLoad(
            flows=self._by_second.total(),
            address=max(self._by_address.values(), default=0),
            network=max(self._by_network.values(), default=0),
            resolver=max(self._by_resolver.values(), default=0),
            second=max(self._by_second.values()),
        )

    def innocuous_failures(self) -> list[InnocuousFailures]:
        """Return how many flows without a target's name failed, by kind, if equal ones failed at times only."""
        return [
            InnocuousFailures(
                kind=kind,
                flows=counts.flows,
                failures=counts.failures,
                networks=len({network_of(address) for address, _, _ in counts.at_times}),
                owners=len({owner for place in counts.at_times for owner in counts.failed[place]}),
            )
            for kind, counts in self._kinds.items()
            if counts.at_times
        ]


KINDS: tuple[Kind, ...] = ("connect_cut_off", "connect_silent", "data_cut_off", "data_silent")


def _tries(kind: Kind, flow: EndedFlow) -> bool:
    """Return whether the flow passed at the layer, or failed in this way."""
    passed = flow.accepted if kind.startswith("connect") else (flow.answered and not flow.named)
    return passed or _fails(kind, flow)


def _fails(kind: Kind, flow: EndedFlow) -> bool:
    layer, _, way = kind.partition("_")
    return flow.lost == layer and flow.silent == (way == "silent") and not (layer == "data" and flow.named)


def flow_of(
    record: TransactionRecord, entries: Sequence[Entry], zero: float, owner: str, *, to_named: bool
) -> EndedFlow | None:
    """Return the flow of a transaction that has ended. `zero`: the clock at the begin of its measurement.

    None for one without an address, with a limited TTL, or that this computer made fail.
    """
    if not record.port or not _is_address(record.address) or record.followup in WITH_LIMITED_TTL:
        return None
    if record.failure is not None and f.is_local(record.failure):
        return None
    lost: Layer = "connect" if record.failed_operation == "connect" else "data"
    no_answer, ended_early = record.failure in NO_ANSWER, record.failure is not None and lost == "data"
    accepted = "connect" in record.steps
    return EndedFlow(
        begun=zero + record.t0,
        step_began=zero + max((entry.t0 for entry in entries), default=record.t0),
        ended=zero + record.t,
        address=record.address,
        port=record.port,
        owner=owner,
        host=urlsplit(record.endpoint).hostname or record.address,
        transport="tcp" if accepted or record.failed_operation == "connect" else "udp",
        accepted=accepted,
        answered=len(record.steps) > accepted or (ended_early and not no_answer),  # not by a connect alone
        lost=lost if no_answer else None,
        silent=record.failure in f.SILENT,
        in_residual=record.in_residual,
        named=record.trigger,
        to_named=to_named,
        form=record.followup if record.followup in OTHER_FORMS else "",
    )


def _is_address(place: str) -> bool:
    return ":" in place or place.replace(".", "").isdigit()
