"""List every repetition of an attempt: what it excludes, when it is sent, what comes before it, and what it waits for.

The planner asks for those of `PLANNED`. The others are sent for other attempts, or beside the helper's.
"""

from dataclasses import dataclass

from probe.connectivity.attempt_facts import AttemptFacts, Wait
from probe.connectivity.connection_limits import may_be_policed, may_be_too_soon, may_share_limit
from probe.connectivity.policy.followup_conditions import FollowUpCondition
from probe.connectivity.policy.policy_rows import Group
from probe.connectivity.policy.policy_table import BEFORE_ALONE, BEFORE_REST


@dataclass(frozen=True, kw_only=True)
class AttemptRepetition:
    """Hold one reason to send the own name or payload again. Every repetition has the kind `confirm` in records."""

    row: str
    excludes: str
    """What else than interference may have caused the failure, in words for the documentation."""
    when: tuple[FollowUpCondition, ...] = ()
    """Conditions after a failure. The planner has further ones for the confirmation."""
    before: tuple[Group, ...] = ()
    """Follow-ups that come first, since they may show another cause."""
    wait: Wait | None = None
    may_wait_for_turn: bool = False
    """No other flow of the measurement is under way meanwhile, if all may share a limited rate."""
    alone: bool = False
    """No other TLS connection to the network is open meanwhile."""
    longer_deadlines: bool = True
    """False where other repetitions wait for this one."""

    def due(self, facts: AttemptFacts) -> bool:
        return facts.outcome(self.row) is None and all(condition.holds(facts) for condition in self.when)


def _confirmed_beside_others(facts: AttemptFacts) -> bool:
    confirmation = facts.outcome("confirmation")
    return confirmation is not None and not confirmation.flow.in_turn


def _slow_when_alone(facts: AttemptFacts) -> bool:
    in_turn = facts.outcome("in_turn")
    return in_turn is None or not in_turn.passed


FOLLOW_UPS = FollowUpCondition("follow-ups are allowed", lambda facts: facts.followups)
NO_TURN = FollowUpCondition("the confirmation was sent beside other flows", _confirmed_beside_others)
SLOWED = FollowUpCondition("our own other flows may have slowed the attempts down", may_share_limit)
NO_GAIN = FollowUpCondition("the repetition in its turn failed too, or was not sent", _slow_when_alone)
POLICED = FollowUpCondition("our own other connections may have made both hellos fail", may_be_policed)
TOO_SOON = FollowUpCondition("both attempts may have followed other connections too soon", may_be_too_soon)

BANNED = FollowUpCondition("a ban of this client may have made both attempts fail", lambda facts: facts.after_burst)

CONFIRMATION = AttemptRepetition(
    row="confirmation", excludes="a short outage of the access line", wait=Wait.PAUSE, may_wait_for_turn=True
)
IN_TURN = AttemptRepetition(
    row="in_turn",
    excludes="a limited rate that all flows of the measurement share",
    when=(NO_TURN, SLOWED),
    may_wait_for_turn=True,
)
ALONE = AttemptRepetition(
    row="alone",
    excludes="a limit of connections that are open side by side to one network",
    when=(NO_GAIN, FOLLOW_UPS, POLICED),
    before=(BEFORE_ALONE,),
    wait=Wait.COOL_DOWN,
    alone=True,
    longer_deadlines=False,
)
RESTED = AttemptRepetition(
    row="rested",
    excludes="a server's limit of connections in some seconds",
    when=(NO_GAIN, FOLLOW_UPS, TOO_SOON),
    before=BEFORE_REST,
    wait=Wait.REST,
    longer_deadlines=False,
)
AFTER_BURST = AttemptRepetition(
    row="after_burst",
    excludes="a ban of this client after a burst of flows",
    when=(NO_GAIN, FOLLOW_UPS, BANNED),
    wait=Wait.BAN,
    longer_deadlines=False,
)
AGAIN = AttemptRepetition(
    row="again",
    excludes="for another name of the network: that its servers answer no name any more",
    longer_deadlines=False,
)
BESIDE_CONTROL = AttemptRepetition(
    row="beside_control", excludes="a change of the server between the attempt here and the helper's"
)

AFTER_CONFIRMATION = (IN_TURN, ALONE, RESTED, AFTER_BURST)
"""Repetitions after a confirmation that failed too, in the order in which they are tried."""

PLANNED = (CONFIRMATION, *AFTER_CONFIRMATION)
REPETITIONS: dict[str, AttemptRepetition] = {each.row: each for each in (*PLANNED, AGAIN, BESIDE_CONTROL)}

OWN_ROWS = frozenset({"own", *REPETITIONS})
"""Rows of all flows with the endpoint's own name or payload that are no follow-ups."""


def markdown_rows() -> list[str]:
    """Return the repetitions as rows of a Markdown table, the heading first."""
    return ["| repetition | what it excludes | conditions | after | waits for |", "|---|---|---|---|---|"] + [
        _markdown_row(each) for each in REPETITIONS.values()
    ]


def _markdown_row(repetition: AttemptRepetition) -> str:
    conditions = "<br>".join(condition.words for condition in repetition.when)
    before = ", ".join(group.name for group in repetition.before)
    waits = repetition.wait.value if repetition.wait else ""
    return f"| `{repetition.row}` | {repetition.excludes} | {conditions} | {before} | {waits} |"
