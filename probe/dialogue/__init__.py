"""What is said to an endpoint, by its dialect (scheme and transport), and what of it is a proof."""

from probe.dialogue import calls, mail, web
from probe.dialogue.talk import Method, Speech, Talk
from probe.dialogue.web import written_url
from probe.formats.transactions import TransactionRecord
from probe.session import Session
from probe.steps.certificates import Roots
from probe.targets import Endpoint
from probe.trace import Transaction

__all__ = ["SPEECHES", "Method", "always_get", "has_exchangeable_name", "proves", "speak", "written_url"]

SPEECHES: dict[str, Speech] = {**web.SPEECHES, **calls.SPEECHES, **mail.SPEECHES}  # the dialects that have steps
NAMED = frozenset(
    {"https", "tls", "http", "quic", "smtps", "imaps", "dot", "doh", "stun/tls", "turn/tls", "sip/tls"}
)  # dialects whose opening shows a name that can be exchanged for another
PROOFS = frozenset(
    {"tls_handshake", "quic_handshake", "mtproto_exchange", "noise_handshake"}
)  # only the genuine server passes these


def always_get(endpoint: Endpoint) -> str:
    """The HTTP method of most endpoints."""
    return "GET"


def has_exchangeable_name(endpoint: Endpoint) -> bool:
    """Say whether the endpoint's opening carries a name in the clear."""
    return endpoint.dialect in NAMED and not endpoint.is_literal


def proves(record: TransactionRecord) -> bool:
    """Say whether a transaction got a proof that only the genuine server can give."""
    return not PROOFS.isdisjoint(record.steps)


async def speak(
    tx: Transaction, session: Session, roots: Roots, endpoint: Endpoint, ip: str, method: Method, *, confirm: bool
) -> None:
    """Open the endpoint at `ip` and say what its dialect says, as far as its proof. Raises StepFailed."""
    await SPEECHES[endpoint.dialect](Talk(tx, session, roots, endpoint, ip, method, confirm))
