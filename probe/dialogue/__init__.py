"""Run the dialogue of an endpoint's dialect (scheme and transport), and decide whether it authenticated the server."""

from collections.abc import Awaitable, Callable, Iterable

from probe.dialogue import calls, mail, quic, resolvers, web
from probe.dialogue.exchange import Dialogue, Exchange, Method, RequestOptions
from probe.dialogue.web import written_url
from probe.formats import failures as f
from probe.formats.entries import Entry, HTTPTransaction
from probe.formats.exchanges.calls import SIPExchange
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.session.session import Session
from probe.session.trace import Transaction
from probe.signatures.injected_answers import SIP_STATUS
from probe.signatures.silent_streams import is_in_midst_of_answer, is_still_arriving
from probe.steps.tls.certificates import Roots
from probe.targets.target import Endpoint

__all__ = [
    "DIALOGUE_BY_DIALECT",
    "Method",
    "RequestOptions",
    "always_get",
    "came_too_slowly",
    "can_prove",
    "fell_silent",
    "has_exchangeable_name",
    "is_doubtful",
    "proves",
    "speak",
    "written_url",
]

DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {
    **web.DIALOGUE_BY_DIALECT,
    **calls.DIALOGUE_BY_DIALECT,
    **mail.DIALOGUE_BY_DIALECT,
    **quic.DIALOGUE_BY_DIALECT,
    **resolvers.DIALOGUE_BY_DIALECT,
}

AUTHENTICATING_STEPS = frozenset({"tls_handshake", "quic_handshake", "mtproto_exchange", "noise_handshake"})
"""Steps that only the genuine server can pass."""


def always_get(endpoint: Endpoint) -> str:
    """Return the HTTP method of most endpoints."""
    return "GET"


def has_exchangeable_name(endpoint: Endpoint) -> bool:
    """Return whether the first message shows a name in the clear that can be exchanged for another."""
    return endpoint.facts.has_exchangeable_name and not endpoint.is_literal


def can_prove(endpoint: Endpoint) -> bool:
    """Return whether a successful attempt proves that the server is the genuine one."""
    return endpoint.facts.authenticates_server


def proves(record: TransactionRecord) -> bool:
    """Return whether a transaction passed a step that authenticates the server."""
    return not AUTHENTICATING_STEPS.isdisjoint(record.steps)


def is_doubtful(entries: Iterable[Entry]) -> bool:
    """Return whether a server's answer in the clear is one that a middlebox is known to send in its place."""
    sip = (entry for entry in entries if isinstance(entry, SIPExchange) and entry.transport != "tls")
    return any(entry.code in SIP_STATUS for entry in sip)


def fell_silent(record: TransactionRecord, entries: Iterable[Entry]) -> bool:
    """Return whether an HTTP answer began, and its connection then was silent until the time limit."""
    http = [entry for entry in entries if isinstance(entry, HTTPTransaction)]
    silent = any(f.TIMEOUT in (entry.failure, entry.response.x_body_failure) for entry in http)
    end = record.stream
    return silent and end is not None and is_in_midst_of_answer(end.bytes_after_sent, end.silence)


def came_too_slowly(record: TransactionRecord, entries: Iterable[Entry]) -> bool:
    """Return whether bytes of a handshake or an answer over TCP arrived slowly up to its time limit."""
    late = [entry for entry in entries if isinstance(entry, (HTTPTransaction, TLSHandshake)) and _is_late(entry)]
    end = record.stream
    waited = max((entry.t - entry.t0 for entry in late), default=0.0)
    return bool(late) and end is not None and is_still_arriving(end.bytes_after_sent, end.silence, waited)


def _is_late(entry: HTTPTransaction | TLSHandshake) -> bool:
    in_body = entry.response.x_body_failure if isinstance(entry, HTTPTransaction) else None
    return f.TIMEOUT in (entry.failure, in_body)


async def no_wait() -> None:
    """Return at once, where no other flow goes first."""


async def run_dialogue(
    tx: Transaction,
    session: Session,
    roots: Roots,
    endpoint: Endpoint,
    ip: str,
    method: Method,
    *,
    confirm: bool,
    turn: Callable[[], Awaitable[None]] = no_wait,
    options: RequestOptions | None = None,
) -> None:
    """Connect to the endpoint at `ip` and run its dialogue up to the proof. Raise StepFailed or OurFault.

    `turn` is awaited before the first packet that shows the endpoint's name or payload.
    """
    await DIALOGUE_BY_DIALECT[endpoint.dialect](
        Exchange(tx, session, roots, endpoint, ip, method, confirm, turn, options)
    )
