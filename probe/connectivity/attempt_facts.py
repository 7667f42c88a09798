"""Hold what is known of one endpoint at one address, and of a name: the input of the planner. Plain data."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from probe.followups.hops.clear_text_page import ClearTextPage
from probe.followups.planned_flow import Claim, PlannedFlow
from probe.formats import failures as f
from probe.formats.transactions import Family
from probe.resolution.visits import Visit
from probe.targets.target import Endpoint

NO_ANSWER = f.CUT_OFF | f.SILENT


class Wait(Enum):
    """Name what must be over before an endpoint's next flow. The helper's answer may be needed more than once."""

    CONTROL_BEFORE_VISIT = "the helper's answer, before a visit that can prove nothing"
    VISIT = "the visit that another endpoint makes to the same unverified address"
    CONTROL_AFTER_VISIT = "the helper's answer, after that visit proved nothing"
    RESOLVERS = "the answers of other resolvers"
    CONTROL_BEFORE_CONFIRMATION = "the helper's answer, without which the address stays unverified"
    PAUSE = "a short pause before the confirmation"
    COOL_DOWN = "a time without TLS hellos to the network, before one of them is repeated alone"
    CONTROL_BEFORE_ECHO = "the helper's answer, which says where its echo is"
    BAN = "some seconds, after which a ban of this client may have ended"
    REST = "some seconds without a connection to the servers of the measurement, before the name is sent again"
    SECOND_ANSWERS_FIRST = "a second answer to the probe's own DNS query, before an address is tried"
    SECOND_ANSWERS = "a second answer to the probe's own DNS query, after all addresses were tried"
    CONTROL_BEFORE_ALTERNATIVES = "the helper's answer, which may give other addresses"


CONTROL_WAITS = frozenset(wait for wait in Wait if wait.name.startswith("CONTROL_"))


@dataclass(frozen=True)
class NeutralAddress:
    """Hold one verified address of a neutral host. `triggers_left` counts triggers with the target's name."""

    address: str
    host: str
    port: int
    scheme: str = "https"
    triggers_left: int = 6
    in_residual: bool = False


@dataclass(frozen=True)
class EchoFacts:
    """Hold what is known of the helper's echo: the place that fits the endpoint, and what may still be sent there."""

    address: str
    """What records show in place of the helper's address."""
    port: int
    family: Family
    pairs_left: int
    triggers_left: int


@dataclass(frozen=True)
class Outcome:
    """Hold what became of a flow. `was_sent` is False if it was not begun: no slot before the stop, or no trigger."""

    flow: PlannedFlow
    was_sent: bool = True
    transaction_id: int = 0
    failure: str | None = None
    failed_operation: str | None = None
    triggered: bool = False
    doubtful: bool = False
    """The answer is one that a middlebox may have sent in the server's name."""
    page: ClearTextPage | None = None
    """The answer to a clear-text request."""
    fell_silent: bool = False
    """An answer had begun, and its connection was silent until the time limit."""
    too_slow: bool = False
    """Bytes of a handshake or an answer still arrived when its time limit was reached."""
    crowded: bool = False
    """Its TLS hello had three or more others to the same network beside it."""
    at_limit: bool = False
    """The server received its TLS hello and gave no answer, beside three or more TLS connections of the run."""
    corroborated: bool = False
    authenticated: bool = False
    """The server gave a proof that only the genuine one can give."""
    verified: bool = False
    """The address was verified when the flow had ended, if only by the flow itself."""

    @property
    def passed(self) -> bool:
        """Return whether the flow was sent and succeeded."""
        return self.was_sent and self.failure is None

    @property
    def passed_whole(self) -> bool:
        """Return whether the flow succeeded, and its answer did not stop in the middle."""
        return self.passed and not self.fell_silent

    @property
    def failed(self) -> bool:
        """Return whether the flow was sent and failed."""
        return self.was_sent and self.failure is not None


def no_answer_in_tls(outcome: Outcome | None) -> bool:
    """Return whether a TLS hello was sent and got no answer. An alert or a certificate is an answer of a server."""
    return outcome is not None and outcome.failed_operation == "tls_handshake" and outcome.failure in NO_ANSWER


@dataclass(frozen=True)
class AttemptFacts:
    """Hold what is known of one endpoint at one address so far."""

    # of the endpoint
    service: str
    endpoint: Endpoint

    # of the address
    address: str = ""
    family: Family = 4
    alternative_cause: int | None = None
    is_alternative: bool = False
    """The address was given by another resolver or the control, after the first addresses failed."""
    verified: bool = False
    """It was verified at the start of the attempt, after the first flow, or after the last wait."""
    visit: Visit = "none"
    triggers_left: int = 6

    network_answers: bool = False
    """Hellos of the run to the address's /24 or /48 were answered beside three or more others.

    False if this address fails with any name while later hellos to other addresses of the network are answered.
    """

    network_lost: bool = False
    """Neutral hosts of the family passed the preflight. The last checks since the first flow got no handshake with one.
    """

    may_be_limited: bool = False
    """Both attempts were cut off, and a server's limit of connections in some seconds explains it."""

    after_burst: bool = False
    """Both attempts failed after many flows of the run, and nothing passed since. No later attempt shows a longer ban.
    """

    slow_beside: int = 0
    """Flows with targets' names whose bytes still arrived at their time limits, since the first flow began."""

    spares_turns: bool = False
    """The access line is crowded, or flows that were sent alone failed too, so that none is sent in its turn."""

    # of the name
    has_name: bool = True
    """The address was looked up. False: it stands in the target file."""
    trusted_addresses: bool = False
    """A trusted source gave an address of the name."""

    # of the run
    stopping: bool = False
    as_control: bool = False
    followups: bool = True
    """Follow-ups are allowed. The helper makes none."""
    deep: bool = False
    compares_hellos: bool = False
    """The nettest asks about Encrypted ClientHello, so that other hellos are sent in a standard run too."""
    encrypted_resolver: bool = True
    innocuous_name: str = ""
    nonexistent_name: str = ""
    neutral: tuple[NeutralAddress, ...] = ()
    """Neutral hosts of the address's family. Over QUIC: those that were verified over QUIC in this attempt."""
    home: tuple[NeutralAddress, ...] = ()
    """Verified hosts in the country of the run, of the address's family."""
    neutral_cut_off: bool = False
    """A neutral host accepted a connection in the preflight, and its handshake was cut off or silent."""
    name_at_neutral: tuple[tuple[str, str | None], ...] = ()
    """Address and failed operation of each flow with the name to a neutral host, of any address of the endpoint."""
    fails_elsewhere: bool = False
    """The name failed in TLS at a neutral host whose network answers other hellos at that time."""
    echo: EchoFacts | None = None
    claimed: frozenset[Claim] = frozenset()
    """What other attempts have done, or are doing."""

    # of the attempt
    outcomes: tuple[Outcome, ...] = ()
    under_way: tuple[PlannedFlow, ...] = ()
    waits: frozenset[Wait] = frozenset()
    """The waits that are over."""

    def outcome(self, row: str) -> Outcome | None:
        """Return the outcome of the flow of this row, None while there is none."""
        return next((outcome for outcome in self.outcomes if outcome.flow.row == row), None)

    def sent(self, row: str) -> Outcome | None:
        """Return the outcome of the flow of this row if it was sent."""
        outcome = self.outcome(row)
        return outcome if outcome is not None and outcome.was_sent else None

    def begun(self) -> Iterator[PlannedFlow]:
        """Return the flows that have ended or are under way."""
        yield from (outcome.flow for outcome in self.outcomes)
        yield from self.under_way

    @property
    def own(self) -> Outcome | None:
        """Return the outcome of the first flow with the endpoint's own name or payload."""
        return self.outcome("own")

    @property
    def confirmation(self) -> Outcome | None:
        """Return the outcome of the confirmation, None if it was not sent."""
        return self.sent("confirmation")

    @property
    def place(self) -> tuple[str, int]:
        """Return the address and port of the endpoint."""
        return self.address, self.endpoint.port

    @property
    def shows_name(self) -> bool:
        """Return whether the first message shows the host's name, and another can be sent in its place."""
        return self.endpoint.facts.has_exchangeable_name and not self.endpoint.is_literal


@dataclass(frozen=True)
class NameFacts:
    """Hold what is known of an endpoint's name so far."""

    first_addresses: tuple[str, ...]
    """Usable addresses that are tried first."""
    trusted_addresses: tuple[str, ...]
    """Usable addresses that trusted sources gave, and that the endpoint was not tried at."""
    all_trusted: bool
    """Trusted sources gave every address that the system resolver gave."""
    suspect: bool
    """Something contradicts the system resolver's answer."""
    as_control: bool = False
    followups: bool = True
    tried: bool = False
    """The first addresses were tried."""
    reached: bool = False
    """The genuine service was reached at one of them."""
    alternatives_tried: bool = False
    waits: frozenset[Wait] = frozenset()
