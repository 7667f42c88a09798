"""Hold the helper's state: its targets, recent answers, running measurements and request counts per peer."""

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from probe.asn.table import asn_of, default_table
from probe.helper.admission import FLOWS, FRESH_PER_MINUTE, MeasurementSlots, RequestCounts
from probe.helper.calls.sip_ports import SIPPorts
from probe.helper.calls.webrtc import WebRTC
from probe.helper.dtls_port import DTLSPort
from probe.helper.machine_addresses import MachineAddresses
from probe.helper.media.reflector import Media
from probe.helper.transfer.port import TransferPort
from probe.helper.udp_echo import Echo
from probe.http_server.peers import Network
from probe.nettests import NETTESTS, load_nettests
from probe.session.pacing import Pace
from probe.session.session import Session, Settings
from probe.signatures.evidence_age import HELPERS_CACHE
from probe.steps.tls.certificates import Roots, load_roots
from probe.targets.address_guard import Contacts, Elsewhere
from probe.targets.target import Neutral, Target
from probe.targets.target_files import load_neutral, load_target, target_names

CACHE_ENTRIES = 512

Answer = dict[str, Any]


@dataclass
class HelperState:
    """Hold the helper's state. Peer addresses are kept for about a minute, in memory only.

    `trusted` are the reverse proxies that may name the client's address. `machine` are addresses that lead back here.
    `running` are the tasks that measure.
    `flows` is the most that one request with OONI's protocol has in flight.
    """

    targets: dict[str, Target]
    neutral: Neutral
    resolvers: Target
    lab: bool = False
    public_roots: str | None = None
    asn_of: Callable[[str], int] = lambda address: 0
    echo: Echo | None = None  # None if no echo is offered
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
        """Return the requests of each peer in the last minute."""
        return RequestCounts(self.clock)

    @cached_property
    def fresh_counts(self) -> RequestCounts:
        """Return the requests of each peer in the last minute that were measured anew."""
        return RequestCounts(self.clock, FRESH_PER_MINUTE, "fresh questions")

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
        settings = Settings(followups=False, public_roots=self.public_roots)
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
    echo = Echo(echo_ports) if echo_ports else None
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
    state: HelperState, key: str, measure: Callable[[], Coroutine[Any, Any, Answer]], *, peer: bytes = b""
) -> Answer:
    """Return the last minute's answer to the same question, or measure. Concurrent equal questions share one answer.

    `peer` is the one whose place the measurement takes. Raises Refused (503) if no place is free in time.
    """
    now = state.clock()
    kept = state.answers.get(key)
    if kept is None or now - kept[0] > HELPERS_CACHE:
        kept = (now, _in_background(state, state.slots.run(peer, measure)))
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
    state: HelperState, measure: Callable[[], Coroutine[Any, Any, Answer]], *, peer: bytes = b""
) -> Answer:
    """Measure now. The answer is neither taken from an earlier question nor kept for a later one.

    Raises Refused (503) if no place is free in time.
    """
    return await asyncio.shield(_in_background(state, state.slots.run(peer, measure)))


async def cancel_all(state: HelperState) -> None:
    """Cancel running measurements, so that the process ends within seconds."""
    tasks: list[asyncio.Task[Any]] = list(state.running)
    tasks += [state.session_task[1]] if state.session_task else []
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=3.0)
