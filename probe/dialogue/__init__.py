"""Run the dialogue of an endpoint's dialect (scheme and transport), and decide whether it authenticated the server.

A module of this package holds the dialogues of a few dialects in `DIALOGUES`, and their first messages in
`FIRST_MESSAGES`. All modules are imported here, so a new one is registered by its existence.
"""

from collections.abc import Awaitable, Callable, Collection, Iterable
from importlib import import_module
from pkgutil import iter_modules

from probe.dialogue.exchange import TOKEN_LENGTH, Dialogue, Exchange, FirstMessage, Method, RequestOptions
from probe.dialogue.web import written_url
from probe.formats import failures as f
from probe.formats.entries import Entry, HTTPTransaction
from probe.formats.exchanges.calls import SIPExchange
from probe.formats.exchanges.tls import TLSHandshake
from probe.formats.transactions import TransactionRecord
from probe.session.session import Session
from probe.session.trace import Transaction
from probe.signatures.http_refusals import REFUSING
from probe.signatures.injected_answers import is_unusual_in_sip
from probe.signatures.silent_streams import is_in_midst_of_answer, is_still_arriving
from probe.steps.tls.certificate_checks import Roots
from probe.targets.target import Endpoint

__all__ = [
    "DIALOGUE_BY_DIALECT",
    "FIRST_MESSAGE_BY_DIALECT",
    "TOKEN_LENGTH",
    "Method",
    "RequestOptions",
    "always_get",
    "came_too_slowly",
    "can_prove",
    "fell_silent",
    "has_exchangeable_name",
    "is_doubtful",
    "proves",
    "written_url",
]

_MODULES = [import_module(f"{__name__}.{module.name}") for module in iter_modules(__path__)]

DIALOGUE_BY_DIALECT: dict[str, Dialogue] = {}
"""Dialogues of all modules of this package."""

FIRST_MESSAGE_BY_DIALECT: dict[str, FirstMessage] = {}
"""The same for the first message alone, for dialects whose payload is sent in echo pairs or hop searches."""

for _module in _MODULES:
    DIALOGUE_BY_DIALECT |= getattr(_module, "DIALOGUES", {})
    FIRST_MESSAGE_BY_DIALECT |= getattr(_module, "FIRST_MESSAGES", {})

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


def is_doubtful(entries: Collection[Entry]) -> bool:
    """Return whether an answer is worth a second request: a refusal of SIP in the clear, or of HTTP."""
    web = (entry for entry in entries if isinstance(entry, HTTPTransaction) and entry.failure is None)
    if any(entry.response.code in REFUSING for entry in web):
        return True
    sip = (entry for entry in entries if isinstance(entry, SIPExchange) and entry.transport != "tls")
    return any(is_unusual_in_sip(entry.code or 0) or bool(entry.second_code) for entry in sip)


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
