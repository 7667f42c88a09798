"""Hold the state of one attempt (one endpoint at one address), and read the facts for the planner from it."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from probe.connectivity.attempt_facts import AttemptFacts, EchoFacts, NeutralAddress, Outcome, Wait
from probe.connectivity.policy.repetitions import OWN_ROWS
from probe.dialogue import came_too_slowly, fell_silent, is_doubtful, proves
from probe.followups.helper_offer import EchoOffer
from probe.followups.hops.clear_text_page import page_of
from probe.followups.planned_flow import Claim, PlannedFlow
from probe.formats.entries import Entry
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.failures import CUT_OFF, REFUSED, TIMEOUT
from probe.formats.transactions import TransactionRecord
from probe.resolution.address_trust import AddressAttempt, AddressTrust
from probe.resolution.lookup import TRUSTED
from probe.session.round_trips import CROWDED
from probe.session.session import HELPER, Session
from probe.session.trace import Trace
from probe.session.turns import OpenFlows
from probe.signatures.connection_rates import TimedConnection, may_be_limited
from probe.signatures.own_load import SOON
from probe.signatures.parallel_hellos import CROWD, RUN_CROWD
from probe.steps.tls.client_hello import OWN
from probe.targets.target import Endpoint, family_of


@dataclass
class MeasurementState:
    """Hold what all attempts of one measurement share."""

    trace: Trace
    session: Session
    trust: AddressTrust
    claimed: set[Claim] = field(default_factory=set)
    compares_hellos: bool = False
    echo_offer: EchoOffer | None = None
    """Comes with the control's answer."""
    ban_goes_on: bool = False
    """The last confirmation of an attempt showed that a ban of this client has not ended."""
    open_flows: OpenFlows = field(default_factory=OpenFlows)
    """Those that are under way and do not wait for their turn."""

    @property
    def followups(self) -> bool:
        """Return whether follow-ups may begin."""
        session = self.session
        return session.settings.followups and not session.as_control and not session.stopping.is_set()


class AttemptState:
    """Hold what was tried at one address so far, and what is under way."""

    def __init__(self, at: AddressAttempt, measurement: MeasurementState) -> None:
        self.at, self._measurement = at, measurement
        self.verified = measurement.trust.is_verified(at)
        self.outcomes: list[Outcome] = []
        self.records: dict[str, TransactionRecord] = {}
        self.waits: set[Wait] = set()
        self.quic_neutral: list[tuple[str, Endpoint]] = []
        self._banned: bool | None = None
        self._claims: set[Claim] = set()
        self._under_way: dict[asyncio.Task[TransactionRecord | None], PlannedFlow] = {}

    def facts(self) -> AttemptFacts:
        """Return what is known now."""
        at, session, trust = self.at, self._measurement.session, self._measurement.trust
        return AttemptFacts(
            service=at.service,
            endpoint=at.endpoint,
            address=at.ip,
            family=family_of(at.ip),
            is_alternative=at.kind == "followup",
            alternative_cause=at.name.suspect_cause() if at.name else None,
            verified=self.verified,
            visit=trust.visit_state(at.ip),
            triggers_left=session.pace.triggers_left(at.endpoint.host, at.ip, at.endpoint.carrier),
            network_answers=self._network_answers(),
            network_lost=self._network_lost(),
            may_be_limited=self._may_be_limited(),
            after_burst=self._after_burst(),
            slow_beside=self._slow_beside(),
            spares_turns=session.pace.line_queueing > CROWDED or not session.turns.are_useful,
            has_name=at.name is not None,
            trusted_addresses=at.name is not None and bool(at.name.given_by(TRUSTED)),
            stopping=session.stopping.is_set(),
            as_control=session.as_control,
            followups=self._measurement.followups,
            deep=session.settings.depth == "deep",
            compares_hellos=self._measurement.compares_hellos,
            encrypted_resolver=session.encrypted is not None,
            innocuous_name=next(iter(session.neutral.innocuous), ""),
            nonexistent_name=session.neutral.nonexistent,
            neutral=self._neutral_hosts(),
            home=self._hosts(session.home_addresses),
            neutral_cut_off=session.neutral_cut_off,
            name_at_neutral=self._name_at_neutral(),
            fails_elsewhere=self._fails_elsewhere(),
            echo=self._echo(),
            claimed=frozenset(self._measurement.claimed - self._claims),
            outcomes=tuple(self.outcomes),
            under_way=tuple(self._under_way.values()),
            waits=frozenset(self.waits),
        )

    def _neutral_hosts(self) -> tuple[NeutralAddress, ...]:
        session = self._measurement.session
        return self._hosts(self.quic_neutral if self.at.endpoint.scheme == "quic" else session.neutral_addresses)

    def _hosts(self, found: Iterable[tuple[str, Endpoint]]) -> tuple[NeutralAddress, ...]:
        endpoint, pace = self.at.endpoint, self._measurement.session.pace
        return tuple(
            NeutralAddress(
                ip,
                host.host,
                host.port,
                host.scheme,
                pace.triggers_left(endpoint.host, ip, endpoint.carrier),
                pace.in_residual(ip, endpoint.port),
            )
            for ip, host in found
            if family_of(ip) == family_of(self.at.ip)
        )

    def _name_at_neutral(self) -> tuple[tuple[str, str | None], ...]:
        return tuple((record.address, record.failed_operation) for record in self._to_neutral_hosts())

    def _to_neutral_hosts(self) -> Iterator[TransactionRecord]:
        key = (self.at.endpoint.url, self.at.service, family_of(self.at.ip))
        sent = [r for r in self._measurement.trace.transactions if r.followup == "same_name_neutral_host"]
        return (r for r in sent if (r.endpoint, r.service, r.family) == key)

    def failed_at_neutral(self) -> list[TransactionRecord]:
        """Return the flows with the name to neutral hosts that failed in TLS."""
        return [record for record in self._to_neutral_hosts() if record.failed_operation == "tls_handshake"]

    def _network_answers(self) -> bool:
        """Return whether hellos beside others are answered. Not if this address alone fails, with any name."""
        hellos, place = self._measurement.session.pace.hellos, (self.at.ip, OWN.engine)
        own, innocuous = self.records.get("own"), self.records.get("innocuous") or self.records.get("other_name")
        with_any_name = innocuous is not None and innocuous.failed_operation == "tls_handshake"
        at_limit = own is not None and _is_acknowledged(own)  # servers at their limit are silent so
        return hellos.passed(*place) and not (with_any_name and not at_limit and hellos.answered_later(*place))

    def _network_lost(self) -> bool:
        own, watch = self.records.get("own"), self._measurement.session.watch
        family, neutral = family_of(self.at.ip), self._measurement.session.neutral_addresses
        if own is None or watch is None or not any(family_of(ip) == family for ip, _ in neutral):
            return False
        return watch.lost_since(self._measurement.trace.zero + own.t0, family)

    def _after_burst(self) -> bool:
        """Return whether a ban may explain both failures. The answer is kept once no other flow can change it.

        Datagrams are repeated for ten seconds. A short ban may end and begin again meanwhile, so one failure is enough.
        """
        own, confirmation = self.records.get("own"), self.records.get("confirmation")
        if self._measurement.ban_goes_on or own is None or confirmation is None or confirmation.failure is None:
            return False
        if self._banned is not None:
            return self._banned
        session, trace = self._measurement.session, self._measurement.trace
        enough = any if self.at.endpoint.carrier == "udp" else all
        banned = enough(session.may_be_banned(trace, record) for record in (confirmation, own))
        if trace.elapsed() > confirmation.t + SOON:
            self._banned = banned
        return banned

    def _slow_beside(self) -> int:
        own = self.records.get("own")
        if own is None:
            return 0
        return self._measurement.session.turns.slow_since(self._measurement.trace.zero + own.t0)

    def _may_be_limited(self) -> bool:
        attempts = [self.records.get(row) for row in ("own", "confirmation")]
        cut_off = all(record is not None and record.failure in CUT_OFF | {REFUSED} for record in attempts)
        return cut_off and may_be_limited(self.at.ip, list(self._connections()))

    def _connections(self) -> Iterator[TimedConnection]:
        """Yield the TCP connections of the measurement to addresses of its endpoints, in the order of their begin."""
        records = self._measurement.trace.transactions
        places = {record.address for record in records if record.kind in {"first", "confirm"}}
        mine = {record.transaction_id for row, record in self.records.items() if row in OWN_ROWS}
        for record in records:
            if record.address in places and "connect" in {*record.steps, record.failed_operation}:
                yield TimedConnection(
                    record.address,
                    record.t0,
                    record.t,
                    answered=record.t > record.t0 and (record.failure is None or len(record.steps) > 1),
                    cut_off=record.kind in {"first", "confirm"} and record.failure in CUT_OFF | {REFUSED},
                    own=record.transaction_id in mine,
                )

    def elapsed(self) -> float:
        """Return the seconds since the measurement began."""
        return self._measurement.trace.elapsed()

    def seconds_since_connection(self, since: float) -> float:
        """Return the seconds since the last connection to an address of this family, or since a later time."""
        same_family = (one.begun for one in self._connections() if family_of(one.address) == family_of(self.at.ip))
        return self.elapsed() - max(since, *same_family)

    def _fails_elsewhere(self) -> bool:
        trace, hellos = self._measurement.trace, self._measurement.session.pace.hellos
        failed = self.failed_at_neutral()
        hello = ((record.address, e.t0) for record in failed for e in trace.entries_of(record) if _is_hello(e))
        return any(hellos.answered_after(address, OWN.engine, trace.zero + t0) for address, t0 in hello)

    def _echo(self) -> EchoFacts | None:
        offer, endpoint = self._measurement.echo_offer, self.at.endpoint
        place = offer.place(family_of(self.at.ip), endpoint.port) if offer else None
        if offer is None or place is None:
            return None
        left = self._measurement.session.pace.triggers_left(endpoint.host, HELPER, "udp")
        return EchoFacts(HELPER, place[1], family_of(place[0]), offer.pairs_left, left)

    # -- what changes it -----------------------------------------------------------------------------------------

    def claim(self, flow: PlannedFlow) -> None:
        """Keep other attempts from sending the same flow."""
        if flow.claim is not None:
            self._claims.add(flow.claim)
            self._measurement.claimed.add(flow.claim)

    def begin(self, flow: PlannedFlow, task: "asyncio.Task[TransactionRecord | None]") -> None:
        """Add a flow that is under way."""
        self._under_way[task] = flow

    def waited(self, wait: Wait) -> None:
        """Note that a wait is over, and whether the address is verified by now."""
        self.waits.add(wait)
        self.verify()

    def verify(self) -> None:
        """Verify the address anew. What was verified when the own flow ended stays verified."""
        verified = self._measurement.trust.is_verified(self.at)
        self.verified = verified or (self.verified and "own" in self.records)

    def add(self, flow: PlannedFlow, record: TransactionRecord | None) -> None:
        if record is None:
            self.outcomes.append(Outcome(flow, was_sent=False))
            return
        self.records[flow.row] = record
        if flow.row == "own":
            self.verified = proves(record) or self._measurement.trust.is_verified(self.at)
        entries = self._measurement.trace.entries_of(record)
        outcome = Outcome(
            flow,
            transaction_id=record.transaction_id,
            failure=record.failure,
            failed_operation=record.failed_operation,
            triggered=record.trigger,
            doubtful=is_doubtful(entries),
            page=page_of(entries) if self.at.endpoint.scheme == "http" else None,
            fell_silent=fell_silent(record, entries),
            too_slow=came_too_slowly(record, entries),
            crowded=any(isinstance(entry, TLSHandshake) and _is_crowded(entry) for entry in entries),
            at_limit=any(isinstance(entry, TLSHandshake) and _is_at_limit(entry, record) for entry in entries),
            corroborated=record.corroborated,
            authenticated=proves(record),
            verified=self.verified,
        )
        self.outcomes.append(outcome)
        if outcome.too_slow and flow.kind in {"first", "confirm"}:
            self._measurement.session.turns.came_too_slowly()

    async def next_outcome(self) -> None:
        """Wait until a flow that is under way has ended, and add its outcome. A bug in the flow is raised."""
        if self._under_way:
            done, _ = await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                self.add(self._under_way.pop(task), task.result())

    async def abandon(self) -> None:
        """Cancel the flows that are under way, and wait for them."""
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


def _is_acknowledged(record: TransactionRecord) -> bool:
    """Return whether the peer acknowledged all bytes of a silent connection. The SYN counts as one."""
    end = record.stream
    return record.failure == TIMEOUT and end is not None and (end.bytes_acked or 0) > end.bytes_sent


def _is_at_limit(entry: TLSHandshake, record: TransactionRecord) -> bool:
    """Return whether the server may have received the hello and stayed silent, beside others of the run."""
    if entry.x_parallel is None or entry.x_parallel.most_in_run < RUN_CROWD or entry.x_answered:
        return False
    unknown = record.stream is not None and record.stream.bytes_acked is None
    return entry.failure == TIMEOUT and (unknown or _is_acknowledged(record))


def _is_hello(entry: Entry) -> bool:
    return isinstance(entry, TLSHandshake) and not entry.x_answered


def _is_crowded(entry: TLSHandshake) -> bool:
    return entry.x_parallel is not None and entry.x_parallel.most >= CROWD
