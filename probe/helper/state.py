"""Hold the helper's state: its targets, recent answers, running measurements and request counts per client.

Know the addresses that lead back to the helper's own machine, so that no question makes it connect to itself.
"""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from probe.asn.table import asn_of, default_table
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.webrtc import WebRTC
from probe.helper.client_admission import FLOWS, FRESH_PER_MINUTE, PER_MINUTE, MeasurementSlots
from probe.helper.dtls_port import DTLSPort
from probe.helper.media.media_reflector import Media
from probe.helper.transfer.port import TransferPort
from probe.helper.udp_echo import EchoResponder
from probe.http_server.peers import UNKNOWN, Address, Client, Network, parse_address
from probe.http_server.request_counts import RequestCounts
from probe.nettests import NETTESTS, load_nettests
from probe.platforms.own_addresses import interface_addresses
from probe.session.pacing import Pace
from probe.session.session import RunSettings, Session
from probe.signatures.evidence_age import HELPERS_CACHE
from probe.steps.tls.certificate_checks import Roots, load_roots
from probe.targets.address_guard import Contacts, Elsewhere, may_contact
from probe.targets.target import NeutralHosts, Target
from probe.targets.target_files import load_neutral, load_target, target_names

RENEW_SECONDS = 5.0  # after which the interfaces are read again. Reading them takes 1 ms.
MOST_REACHED = 1024  # addresses at which clients reached this machine. A whole prefix may lead to it.


class MachineAddresses:
    """Hold the machine's addresses: of its interfaces, at which clients reached it, and those that its operator named.

    Services at these addresses may trust connections from the same machine, and its firewall may let them pass.
    `named` are those that no interface has, as behind NAT. `read` returns the addresses of the interfaces.
    """

    def __init__(
        self,
        named: Sequence[Network] = (),
        read: Callable[[], Iterable[str]] = interface_addresses,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._named, self._read, self._clock = tuple(named), read, clock
        self._interfaces: frozenset[Address] = frozenset()
        self._renew_at = clock()
        self._reached: OrderedDict[Address, None] = OrderedDict()  # least recently used first

    def includes(self, ip: Address) -> bool:
        """Return whether an address leads to this machine."""
        self._renew()
        return ip in self._interfaces or ip in self._reached or any(ip in network for network in self._named)

    def reached_at(self, address: str) -> None:
        """Remember the local address of a client's connection. A text that is no address is ignored."""
        ip = parse_address(address)
        if ip is not None:
            self._reached[ip] = None
            self._reached.move_to_end(ip)
        if len(self._reached) > MOST_REACHED:
            self._reached.popitem(last=False)

    def knows_public(self) -> bool:
        """Return whether a public address of this machine is known. Behind NAT only its operator knows it."""
        self._renew()
        return bool(self._named) or any(may_contact(str(ip), Contacts.PUBLIC) for ip in self._interfaces)

    def _renew(self) -> None:
        """Read the interfaces again after some seconds. If the kernel does not answer, the earlier result stays."""
        if self._clock() >= self._renew_at:
            self._renew_at = self._clock() + RENEW_SECONDS
            found = (parse_address(text) for text in self._read())
            self._interfaces = frozenset(ip for ip in found if ip is not None) or self._interfaces


CACHE_ENTRIES = 512

Answer = dict[str, Any]


@dataclass
class HelperState:
    """Hold the helper's state. Clients' addresses are kept for about a minute, in memory only.

    `trusted` are the reverse proxies that may name the client's address. `machine` are addresses that lead back here.
    `running` are the tasks that measure.
    `flows` is the most that one request with OONI's protocol has in flight.
    """

    targets: dict[str, Target]
    neutral: NeutralHosts
    resolvers: Target
    lab: bool = False
    public_roots: str | None = None
    asn_of: Callable[[str], int] = lambda address: 0
    echo: EchoResponder | None = None  # None if no echo is offered
    media: Media | None = None  # None if no media flows are reflected
    sip: SIPPorts | None = None  # None if no calls are answered
    dtls: DTLSPort | None = None  # None if no DTLS hellos are answered
    webrtc: WebRTC | None = None  # None if there are no calls over WebRTC
    trusted: Sequence[Network] = ()
    machine: MachineAddresses = field(default_factory=MachineAddresses)
    clock: Callable[[], float] = time.monotonic
    answers: "OrderedDict[str, tuple[float, asyncio.Task[Answer]]]" = field(default_factory=OrderedDict)
    session_task: tuple[float, "asyncio.Task[Session]"] | None = None
    running: set[asyncio.Task[Any]] = field(default_factory=set)
    slots: MeasurementSlots = field(default_factory=MeasurementSlots)
    flows: int = FLOWS
    transfer: TransferPort | None = None  # None if no transfers are sent

    @cached_property
    def counts(self) -> RequestCounts:
        """Return the requests of each client in the last minute."""
        return RequestCounts(PER_MINUTE, "questions", self.clock)

    @cached_property
    def fresh_counts(self) -> RequestCounts:
        """Return the requests of each client in the last minute that were measured anew."""
        return RequestCounts(FRESH_PER_MINUTE, "fresh questions", self.clock)

    @cached_property
    def roots(self) -> Roots:
        """Return the public roots, read once."""
        return load_roots(self.public_roots)

    @property
    def digest(self) -> str:
        """Return one SHA-256 over all target files, so that probe and helper can compare what they measure."""
        listed = "".join(f"{name} {target.digest}\n" for name, target in sorted(self.targets.items()))
        return hashlib.sha256(listed.encode()).hexdigest()

    @property
    def contacts(self) -> Contacts | Elsewhere:
        """Return the addresses that the helper may contact. In the lab all servers may be on one machine."""
        return Contacts.LAB if self.lab else Elsewhere(Contacts.PUBLIC, self.machine.includes)

    def session(self) -> Session:
        settings = RunSettings(followups=False, public_roots=self.public_roots)
        pace = Pace(contacts=self.contacts)
        return Session("helper", settings, pace, self.neutral, self.resolvers, as_control=True, asn_of=self.asn_of)


def load_state(
    folder: Path,
    *,
    lab: bool = False,
    public_roots: str | None = None,
    echo_ports: Sequence[int] = (),
    media_port: int | None = None,
    sip_port: int | None = None,
    dtls_port: int | None = None,
    webrtc: bool = False,
    transfer_port: int | None = None,
    transfer_http_port: int | None = None,
    trusted: Sequence[Network] = (),
    own: Sequence[Network] = (),
) -> HelperState:
    """Load every target of `folder` and the table of networks. `own` are addresses that lead to this machine.

    Raises TargetError or TableError with one sentence.
    """
    default_table()
    known = frozenset(NETTESTS)
    targets = {name: load_target(folder / f"{name}.toml", known) for name in target_names(folder)}
    load_nettests()
    neutral, resolvers = load_neutral(folder / "neutral.toml"), load_target(folder / "resolvers.toml")
    echo = EchoResponder(echo_ports) if echo_ports else None
    media = Media(media_port) if media_port is not None else None
    calls = WebRTC() if webrtc else None
    sip = SIPPorts(sip_port) if sip_port is not None else None
    dtls = DTLSPort(dtls_port) if dtls_port is not None else None
    machine = MachineAddresses(own)
    state = HelperState(
        targets, neutral, resolvers, lab, public_roots, asn_of, echo, media, sip, dtls, calls, trusted, machine
    )
    state.transfer = TransferPort(transfer_port, transfer_http_port) if transfer_port is not None else None
    return state


async def cached_answer(
    state: HelperState, key: str, measure: Callable[[], Coroutine[Any, Any, Answer]], *, client: Client = UNKNOWN
) -> Answer:
    """Return the last minute's answer to the same question, or measure. Concurrent equal questions share one answer.

    `client` is the one whose place the measurement takes. Raises Refused (503) if no place is free in time.
    """
    now = state.clock()
    kept = state.answers.get(key)
    if kept is None or now - kept[0] > HELPERS_CACHE:
        kept = (now, _in_background(state, state.slots.run(client, measure)))
        state.answers[key] = kept
    state.answers.move_to_end(key)
    _forget_old_answers(state, now)
    try:
        return await asyncio.shield(kept[1])
    except Exception:
        if state.answers.get(key) is kept:
            del state.answers[key]  # a refusal or the answer of a bug is not kept
        raise


def _in_background(state: HelperState, work: Coroutine[Any, Any, Answer]) -> "asyncio.Task[Answer]":
    task = asyncio.create_task(work)
    state.running.add(task)
    task.add_done_callback(state.running.discard)
    return task


def _forget_old_answers(state: HelperState, now: float) -> None:
    """Forget answers that are too old, and the least recently used of too many. The least recently used come first."""
    while state.answers:
        oldest = next(iter(state.answers.values()))[0]
        if now - oldest <= HELPERS_CACHE and len(state.answers) <= CACHE_ENTRIES:
            break
        state.answers.popitem(last=False)


async def fresh_answer(
    state: HelperState, measure: Callable[[], Coroutine[Any, Any, Answer]], *, client: Client = UNKNOWN
) -> Answer:
    """Measure now. The answer is neither taken from an earlier question nor kept for a later one.

    Raises Refused (503) if no place is free in time.
    """
    return await asyncio.shield(_in_background(state, state.slots.run(client, measure)))


async def cancel_all(state: HelperState) -> None:
    """Cancel running measurements, so that the process ends within seconds."""
    tasks: list[asyncio.Task[Any]] = list(state.running)
    tasks += [state.session_task[1]] if state.session_task else []
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=3.0)
