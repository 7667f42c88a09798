"""What all measurements of one run share: settings, pace, neutral hosts, resolvers, facts found by preflight."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from probe.formats.entries import DNSQuery
from probe.formats.packets import Flow, PacketRecord
from probe.session.pacing import Pace
from probe.session.trace import Transaction
from probe.signatures.ttl_distance import Interval
from probe.targets.target import Endpoint, Neutral, Target

HELPER = "helper"  # how the helper's address is written, always


class EncryptedResolver(Protocol):
    """A public resolver over DoT or DoH whose connections stay open during the run (encrypted.py)."""

    engine: Literal["dot", "doh"]
    host: str
    ip: str
    port: int

    async def ask(self, tx: Transaction, hostname: str, query_type: str) -> DNSQuery:
        """Ask one question; writes its entry to `tx`."""

    async def close(self) -> None:
        """Close what is open."""


class PacketWitness(Protocol):
    """Who saw the raw packets of our own flows (packets/capture.py)."""

    async def packets(self, flows: Iterable[Flow], zero: float) -> list[PacketRecord]:
        """The packets of these flows so far; `zero` on the monotonic clock is their time 0."""


@dataclass(frozen=True)
class Settings:
    """What the volunteer asked for. `control` are the URLs of helpers; roots: a PEM file or None."""

    control: tuple[str, ...] = ()
    control_pin: str | None = None
    followups: bool = True
    depth: Literal["standard", "deep"] = "standard"
    families: frozenset[int] = frozenset({4, 6})
    max_time: float | None = None
    public_roots: str | None = None
    network_withheld: bool = False  # the line says not in which network it was taken, so no router may either


@dataclass
class Session:
    """One run. `as_control` is set in the test helper: no innocuous hellos, no confirmations, no follow-ups."""

    run_id: str
    settings: Settings
    pace: Pace
    neutral: Neutral
    resolvers: Target  # services = public resolvers; endpoints dns+udp://, dot://, doh://
    preflight: dict[str, Any] = field(default_factory=dict)  # facts, as written to x_run.preflight
    ipv4: bool = True  # families that work here, as preflight found
    ipv6: bool = False
    as_control: bool = False
    public_only: bool = False  # in a helper that strangers ask: no name of theirs leads it into a private network
    stopping: asyncio.Event = field(default_factory=asyncio.Event)  # set by Ctrl-C or --max-time: start nothing new
    neutral_addresses: list[tuple[str, Endpoint]] = field(default_factory=list)  # proven by preflight: (IP, endpoint)
    asn_of: Callable[[str], int] = lambda address: 0  # offline lookup; 0 when unknown
    asn_database: str = ""  # name and date of the table behind `asn_of`
    encrypted: EncryptedResolver | None = None  # corroborates what the system resolver says; None: nothing does
    beside: dict[str, EncryptedResolver] = field(default_factory=dict)  # that follow-ups ask; each one connection
    approached: dict[str, asyncio.Future[bool]] = field(default_factory=dict)
    """Addresses that nothing corroborated and that got their one connect (law 7) → whether it proved them genuine."""
    visited_in_vain: dict[str, str] = field(default_factory=dict)  # of these → what the visit failed with
    located: dict[str, Interval] = field(default_factory=dict)  # payload → where it was met first: a guess for others
    capture: PacketWitness | None = None  # None: the system lets us see no packets
    bugs: list[str] = field(default_factory=list)  # of preflight; those of a measurement stand in its line

    def family_works(self, family: int) -> bool:
        """Say whether preflight found the family (4 or 6) working and the volunteer did not switch it off."""
        return family in self.settings.families and (self.ipv4 if family == 4 else self.ipv6)

    async def next_round(self) -> None:
        """Begin a repeat that the volunteer asked for: budgets, visits and follow-ups' connections begin anew."""
        self.pace.next_round()
        self.approached.clear()
        self.visited_in_vain.clear()
        for resolver in self.beside.values():
            await resolver.close()
        self.beside.clear()

    async def close(self) -> None:
        """Close the connections that the run kept open."""
        for resolver in (*self.beside.values(), *([self.encrypted] if self.encrypted else [])):
            await resolver.close()
        self.encrypted = None
        self.beside.clear()
