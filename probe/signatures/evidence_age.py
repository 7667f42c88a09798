"""State how old each kind of evidence may be. Probe and analysis apply the same limits."""

from collections.abc import Iterable
from dataclasses import dataclass

HELPERS_CACHE = 60.0  # seconds in which a helper gives the same answer to an equal question

Span = tuple[float, float]
"""Begin and end of something that was tried here, in seconds since the measurement began."""


@dataclass(frozen=True)
class AgeLimit:
    """Hold the limit of one kind of evidence: `seconds`, from what to what they count, and what follows beyond it."""

    evidence: str
    seconds: float
    counted: str
    beyond: str


CONTROL_ATTEMPT = AgeLimit(
    "success of the control at an endpoint",
    5.0,
    "from its begin to the begin of a failed attempt here, and from the end of that attempt to its begin",
    "The probe asks again. Without a newer success no rule accuses by it.",
)
CONTROL_PAGE = AgeLimit(
    "page or redirect that the control received",
    90.0,
    "from its begin to the begin of an attempt here that was answered, and from the end of that attempt to its begin",
    "No rule accuses by it.",
)
CONTROL_LOOKUP = AgeLimit(
    "DNS answer of the control's resolver",
    90.0,
    "from its begin to the begin of a lookup here, and from the end of that lookup to its begin",
    "No rule accuses by it. The addresses in it stay verified.",
)
ECHO_TOKEN = AgeLimit(
    "token of the helper's UDP echo",
    55.0,
    "from the helper's answer to the last datagram that carries it. The helper forgets a token after 60",
    "No datagram is sent to the echo.",
)
MEDIA_TOKEN = AgeLimit(
    "token of the helper's reflector of media flows",
    55.0,
    "from the helper's answer to the last request of a flow that is not open yet. The helper forgets a token after 60",
    "No further flow is opened.",
)
TRANSFER_TOKEN = AgeLimit(
    "token of the helper's transfers",
    55.0,
    "from the helper's answer to the token that is sent after a handshake. The helper forgets a token after 60",
    "The helper is asked for a new token. Without one no transfer is begun.",
)
HELPERS_NETWORK = AgeLimit(
    "proof that a test helper's own network works",
    60.0,
    "from the helper's handshakes with neutral hosts to a question",
    "The helper repeats its preflight. A helper with OONI's protocol is asked about a neutral host again.",
)
NETWORK_CHECK = AgeLimit(
    "check that this network works: neutral hosts of each family, UDP",
    5.0,
    "from its begin to the begin of a failed attempt here, and from the end of that attempt to its begin",
    "The probe checks again. Without a newer check no rule accuses by that failure.",
)
NEUTRAL_PROOF = AgeLimit(
    "certificate that shows that a neutral host works",
    30.0,
    "from the handshake to the begin of a flow to the host, and from the end of that flow to the handshake",
    "The probe checks again. Without a newer check no rule accuses by that flow.",
)
NETWORK_FACTS = AgeLimit(
    "check that no sign-in page answers in the place of servers",
    90.0,
    "from its begin to the begin of an attempt here, and from the end of that attempt to its begin",
    "The probe checks once a minute. Without a newer check an answer that any device can give is not `ok`.",
)
RESOLVER_FACTS = AgeLimit(
    "usual answer of the system resolver, and silence of the non-resolver, in the preflight",
    300.0,
    "from the begin of the preflight to the begin of a lookup here",
    "The probe repeats the preflight before a round and before a web address. No rule accuses by an older one.",
)
RESOLVER_WORKS = AgeLimit(
    "answer of the system resolver for another name",
    5.0,
    "from its query to a query for this name that failed, was refused, denied or got a private address, and back",
    "No rule accuses by that answer. Where the resolver is silent, only a query between two for this name counts.",
)
CALL_TOKEN = AgeLimit(
    "token of the helper's calls over SIP and WebRTC",
    55.0,
    "from the helper's answer to the last INVITE, and to the question that opens a WebRTC call. "
    "The helper forgets a token after 60",
    "No further call is made.",
)
LIMITS = (
    CONTROL_ATTEMPT,
    CONTROL_PAGE,
    CONTROL_LOOKUP,
    ECHO_TOKEN,
    MEDIA_TOKEN,
    CALL_TOKEN,
    TRANSFER_TOKEN,
    HELPERS_NETWORK,
    NETWORK_CHECK,
    NEUTRAL_PROOF,
    NETWORK_FACTS,
    RESOLVER_FACTS,
    RESOLVER_WORKS,
)


def in_time(began: float | None, here: Iterable[Span], limit: AgeLimit) -> bool:
    """Return whether evidence that began at `began` is near enough in time to any of the spans.

    An unknown begin counts as near. Measurements from before the age was written have none.
    """
    return began is None or any(start - limit.seconds <= began <= end + limit.seconds for start, end in here)
