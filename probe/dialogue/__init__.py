"""What is said to an endpoint, by its dialect (scheme and transport), and what of it is a proof."""

from collections.abc import Awaitable, Callable

from probe.dialogue import calls, mail, quic, resolvers, web
from probe.dialogue.exchange import Dialogue, Exchange, Method, RequestOptions
from probe.dialogue.web import written_url
from probe.formats.transactions import TransactionRecord
from probe.session.session import Session
from probe.session.trace import Transaction
from probe.steps.tls.certificates import Roots
from probe.targets.target import Endpoint

__all__ = [
    "DIALOGUE_BY_DIALECT",
    "Method",
    "RequestOptions",
    "always_get",
    "can_prove",
    "has_exchangeable_name",
    "proves",
    "speak",
    "written_url",
]

# The dialects that have steps.
DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {
    **web.DIALOGUE_BY_DIALECT,
    **calls.DIALOGUE_BY_DIALECT,
    **mail.DIALOGUE_BY_DIALECT,
    **quic.DIALOGUE_BY_DIALECT,
    **resolvers.DIALOGUE_BY_DIALECT,
}
PROOFS = frozenset(
    {"tls_handshake", "quic_handshake", "mtproto_exchange", "noise_handshake"}
)  # only the genuine server passes these


def always_get(endpoint: Endpoint) -> str:
    """The HTTP method of most endpoints."""
    return "GET"


def has_exchangeable_name(endpoint: Endpoint) -> bool:
    """Say whether the endpoint's opening carries a name in the clear."""
    return endpoint.facts.has_exchangeable_name and not endpoint.is_literal


def can_prove(endpoint: Endpoint) -> bool:
    """Say whether an attempt at the endpoint can prove that the server is the genuine one."""
    return endpoint.facts.authenticates_server


def proves(record: TransactionRecord) -> bool:
    """Say whether a transaction got a proof that only the genuine server can give."""
    return not PROOFS.isdisjoint(record.steps)


async def at_once() -> None:
    """Nobody goes first."""


async def run_dialogue(
    tx: Transaction,
    session: Session,
    roots: Roots,
    endpoint: Endpoint,
    ip: str,
    method: Method,
    *,
    confirm: bool,
    turn: Callable[[], Awaitable[None]] = at_once,
    errand: RequestOptions | None = None,
) -> None:
    """Open the endpoint at `ip` and say what its dialect says, as far as its proof. Raises StepFailed."""
    await DIALOGUE_BY_DIALECT[endpoint.dialect](
        Exchange(tx, session, roots, endpoint, ip, method, confirm, turn, errand)
    )
