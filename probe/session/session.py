"""Hold the settings, pace, neutral hosts, resolvers and preflight facts of one run."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal, Protocol

from probe.formats.entries import DNSQuery
from probe.formats.exchanges.recorded_packets import Flow, PacketRecord
from probe.formats.network_facts import LoadBefore, PortConnect
from probe.formats.transactions import TransactionRecord
from probe.platforms.abilities import abilities
from probe.session.flow_counts import FlowCounts, flow_of
from probe.session.innocuous_resets import ResetCounts
from probe.session.pacing import Pace
from probe.session.trace import Trace, Transaction
from probe.session.turns import Turns
from probe.signatures.own_load import may_be_ban
from probe.signatures.ttl_distance import Interval
from probe.targets.address_guard import Contacts, Elsewhere
from probe.targets.filter_file import NameFilters
from probe.targets.target import Endpoint, NeutralHosts, Target

HELPER = "helper"  # replaces the test helper's address in every record


class EncryptedResolver(Protocol):
    """Represent a public resolver over DoT or DoH with connections that stay open during the run."""

    engine: Literal["dot", "doh"]
    host: str
    ip: str
    port: int

    async def ask(self, tx: Transaction, hostname: str, query_type: str) -> DNSQuery:
        """Ask one question and write its entry into `tx`."""

    async def close(self) -> None:
        """Close open connections."""


class PacketWitness(Protocol):
    """Represent the sniffer that sees the raw packets of our own flows (`packets/capture.py`)."""

    async def packets(self, flows: Iterable[Flow], zero: float) -> list[PacketRecord]:
        """Return the packets of these flows so far. `zero` on the monotonic clock is their time 0."""


class NetworkWatch(Protocol):
    """Represent the checks of the network during the run (`run/network/network_checks.py`)."""

    def beside(self, neutral: str = "") -> None:
        """Begin a check of the network beside a flow whose failure may accuse, or soon if one has just begun.

        `neutral` is the address of the neutral host that the flow goes to.
        """

    async def settle(self, patience: float) -> None:
        """Wait at most `patience` seconds for the checks that are planned or under way."""

    def lost_since(self, when: float, family: int) -> bool:
        """Return whether the last checks that began after `when` got a handshake with no neutral host of the family.

        `when` is a time of the monotonic clock.
        """

    def since(self, zero: float) -> list[dict[str, Any]]:
        """Return the checks that are near in time to a measurement that began at `zero`, as x_run has them."""


@dataclass(frozen=True)
class RunSettings:
    """Hold what the user asked for. `control` has the URLs of test helpers. `roots` is a PEM file or None."""

    control: tuple[str, ...] = ()
    control_pin: str | None = None
    followups: bool = True
    depth: Literal["standard", "deep"] = "standard"
    families: frozenset[int] = frozenset({4, 6})
    max_time: float | None = None
    public_roots: str | None = None
    measure_anyway: bool = False  # send the targets' names through a VPN, with a wrong clock or through interception
    network_withheld: bool = False  # the measurement hides its network, so it must name no router either


@dataclass
class Session:
    """Represent one run. `as_control` is set in the test helper: no innocuous flows, confirmations or follow-ups."""

    run_id: str
    settings: RunSettings
    pace: Pace
    neutral: NeutralHosts
    resolvers: Target  # services are public resolvers, endpoints dns+udp://, dot://, doh://
    preflight: dict[str, Any] = field(default_factory=dict)  # facts as written to x_run.preflight
    resolver_ttl: int = 0  # TTL of the system resolver's answers on arrival, 0 if unknown. Never written.
    ipv4: bool = True  # families that the preflight found working
    ipv6: bool = False
    as_control: bool = False
    # set by Ctrl-C, --max-time or the run's time limit: start nothing new
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    steps_end_at: float | None = None  # time on the monotonic clock at which steps are given up, None without a limit
    out_of_time: bool = False  # the run's time limit is the reason to stop
    # verified by the preflight: (IP, endpoint)
    neutral_addresses: list[tuple[str, Endpoint]] = field(default_factory=list)
    home_addresses: list[tuple[str, Endpoint]] = field(default_factory=list)  # the same for hosts in the country
    # a neutral host accepted a connection in the preflight, and its handshake was cut off or silent
    neutral_cut_off: bool = False
    # our addresses as the test helpers said that they saw them
    helpers_saw: Callable[[], Iterable[str]] = tuple
    asn_of: Callable[[str], int] = lambda address: 0  # offline lookup, 0 if unknown
    asn_database: str = ""  # name and date of the table behind `asn_of`
    # corroborates the system resolver's answers, None if no encrypted resolver works
    encrypted: EncryptedResolver | None = None
    beside: dict[str, EncryptedResolver] = field(default_factory=dict)  # used by follow-ups, one connection each
    outdated: list[EncryptedResolver] = field(default_factory=list)  # replaced by a later preflight
    approached: dict[str, asyncio.Future[bool]] = field(default_factory=dict)
    """Unverified addresses that got their one connect (P4), and whether the connection proved them."""
    visited_in_vain: dict[str, str] = field(default_factory=dict)  # unverified address: failure of its only visit
    located: dict[str, Interval] = field(default_factory=dict)  # payload: hop found first, where later searches start
    turns: Turns = field(default_factory=Turns)
    repeated_lookups: asyncio.Lock = field(default_factory=asyncio.Lock)  # one at a time, so that each is alone
    filters: NameFilters = field(default_factory=NameFilters)
    name_filter: dict[str, Any] | None = None  # whether the system resolver filters names, as x_run has it
    assigned_resolvers: list[str] = field(default_factory=list)  # what the network assigned, none if it is unknown
    filter_lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    port_connects: dict[int, list[PortConnect]] = field(default_factory=dict)  # to unrelated servers, by port compared
    port_locks: defaultdict[int, asyncio.Lock] = field(default_factory=lambda: defaultdict(asyncio.Lock))
    # call packets, test calls and transfers: each would change what another one shows
    steady_flows: asyncio.Lock = field(default_factory=asyncio.Lock)
    one_burst: asyncio.Lock = field(default_factory=asyncio.Lock)  # of SYNs, whose repetitions the system counts
    innocuous_resets: ResetCounts = field(default_factory=ResetCounts)
    own_flows: FlowCounts = field(default_factory=FlowCounts)
    watch: NetworkWatch | None = None  # None in the test helper
    country: str = ""  # two letters, as far as it is known before the first packet
    preflight_began: float | None = None  # on the monotonic clock
    capture: PacketWitness | None = None  # None if the system does not let us see packets
    bugs: list[str] = field(default_factory=list)  # bugs of the preflight. Those of a measurement are in its record.

    def __post_init__(self) -> None:
        self.own_flows.operator_of = self.asn_of

    def note_flow(self, trace: Trace, record: TransactionRecord, owner: str = "") -> None:
        """Count a flow that has ended. `owner`: the neutral host that it went to, by default the measurement."""
        named = self.pace.was_named(record.address)
        flow = flow_of(
            record, trace.entries_of(record), trace.zero, owner or self._owner(trace, record), to_named=named
        )
        if flow is not None:
            self.own_flows.note(flow)

    def note_load(self, trace: Trace) -> None:
        """Write into the failed transactions of a measurement what the run had sent before."""
        for record in trace.transactions:
            if record.failure is not None:
                record.load = self._load_before(trace, record) or None

    def may_be_banned(self, trace: Trace, record: TransactionRecord) -> bool:
        """Return whether a failed flow may have met a ban after our own burst, as far as other flows show it now."""
        found = self._load_before(trace, record)
        return any(may_be_ban(each.flows, each.passed, each.turned, each.hosts) for each in found)

    def _load_before(self, trace: Trace, record: TransactionRecord) -> list[LoadBefore]:
        flow = flow_of(record, trace.entries_of(record), trace.zero, self._owner(trace, record), to_named=True)
        return self.own_flows.before(flow) if flow is not None else []

    def _owner(self, trace: Trace, record: TransactionRecord) -> str:
        """Return whose address a flow went to: a neutral host, a resolver, or the target of the measurement."""
        neutral = any(ip == record.address for ip, _ in self.neutral_addresses)
        return record.address if neutral or record.kind == "lookup" else str(id(trace))

    @property
    def public_only(self) -> bool:
        """Return True in a public test helper: names of strangers must not lead it into a private network."""
        return self.pace.contacts is Contacts.PUBLIC or isinstance(self.pace.contacts, Elsewhere)

    @cached_property
    def abilities(self) -> dict[str, bool]:
        """Return what this system lets the run see, as it is at the first call.

        To look takes 10 ms or more, in which no flow of the run goes on: the kernel closes a packet socket slowly.
        """
        return abilities()

    def public_addresses(self) -> list[str]:
        """Return the addresses in the files of resolvers and neutral hosts, which no user has."""
        resolvers = [endpoint for _, endpoint in self.resolvers.endpoints()]
        literals = [one.host for one in (*resolvers, *self.neutral.endpoints) if one.is_literal]
        return literals + ([self.neutral.dark] if self.neutral.dark else [])

    def family_works(self, family: int) -> bool:
        """Tell whether the preflight found the family (4 or 6) working and the user did not switch it off."""
        return family in self.settings.families and (self.ipv4 if family == 4 else self.ipv6)

    def seconds_left(self) -> float | None:
        """Return the seconds until steps are given up, None without a limit."""
        return None if self.steps_end_at is None else max(0.0, self.steps_end_at - time.monotonic())

    async def next_round(self) -> None:
        """Start a repeat that the user asked for. Budgets, visited addresses and the follow-ups' connections start
        anew.
        """
        self.pace.next_round()
        self.turns = Turns()
        self.approached.clear()
        self.visited_in_vain.clear()
        for resolver in self.beside.values():
            await resolver.close()
        self.beside.clear()

    async def close(self) -> None:
        """Close the connections that the run kept open."""
        for resolver in (*self.beside.values(), *self.outdated, *([self.encrypted] if self.encrypted else [])):
            await resolver.close()
        self.encrypted = None
        self.beside.clear()
        self.outdated.clear()
