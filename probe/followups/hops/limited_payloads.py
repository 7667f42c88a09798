"""Describe a name or payload that a censor acts on, and build the bytes that are sent with limited TTL."""

import secrets
from dataclasses import dataclass
from functools import partial
from typing import Literal

from probe.dialogue import FIRST_MESSAGE_BY_DIALECT, TOKEN_LENGTH
from probe.dialogue.web import written_url
from probe.followups.hops.mail_opening import MAIL, open_mail, open_tls
from probe.formats.exchanges.hops import PayloadKind
from probe.formats.followups import FollowUp
from probe.session.trace import TransactionFacts
from probe.steps.http.http_answer import headers_of, request_target
from probe.steps.path.frozen_connection import StoppingPage
from probe.steps.path.limited_ttl import Opening
from probe.steps.quic.quic import ALPN
from probe.steps.random_bytes import unknown_protocol
from probe.steps.tls.client_hello import short_browser_hello
from probe.steps.tls.tls_stream import client_hello, first_flight
from probe.steps.transfer import ALPN as ALPN_HTTP
from probe.targets.hop_mechanisms import PATHWIDE
from probe.targets.target import Endpoint, family_of
from probe.wire.dns.dns_message import build_query

LONGEST_REACTION = 2.0  # seconds. A search has no time to wait longer after each packet.
_OVER_TCP = frozenset({"tls", "http", "random", "syn", "frozen", "kept", "inside_tls", *MAIL})


@dataclass(frozen=True)
class Case:
    """Hold what a hop search is for. `cause` is the transaction that showed it. A lookup has no service.

    `any_name`: no innocuous flow to the server passed, so the server itself may be the cause. `by_quote`: the payload
    is changed and not dropped, so quotes of routers are compared. `asks_for_tls`: the command of mail is STARTTLS.
    `by_browser`: only a browser's hello failed. `innocuous`: `host` is an innocuous name, so that the payload is no
    trigger. `intercepted`: the certificate was wrong, so the packets may go to another server from some hop on.
    `over_at` and `asked_until`: ages of connections that end (`Page`). `reaction`: seconds until the interference
    showed, 0.0 after silence.
    """

    kind: PayloadKind
    service: str
    host: str
    ip: str
    port: int
    by_silence: bool
    cause: int
    endpoint: Endpoint | None = None
    any_name: bool = False
    by_quote: bool = False
    asks_for_tls: bool = False
    by_browser: bool = False
    innocuous: bool = False
    intercepted: bool = False
    query_type: str = "A"
    over_at: float = 0.0
    asked_until: float = 0.0
    reaction: float = 0.0

    @property
    def is_trigger(self) -> bool:
        """Return whether the payload shows a name or protocol that the target sends. Random bytes show neither."""
        return self.kind != "random" and not self.innocuous

    @property
    def carrier(self) -> Literal["tcp", "udp"]:
        """Return the transport of the payload."""
        if self.endpoint is not None and self.kind == self.endpoint.facts.payload_kind:
            return self.endpoint.carrier
        return "tcp" if self.kind in _OVER_TCP else "udp"

    @property
    def is_pathwide(self) -> bool:
        """Return whether one search holds for all services of a measurement."""
        return self.kind in PATHWIDE and self.carrier == "udp" and not (self.kind == "dns" and self.service)

    @property
    def family(self) -> Literal[4, 6]:
        """Return the family of the address."""
        return family_of(self.ip)

    def transaction(self, followup: FollowUp, *, sent_name: str = "") -> TransactionFacts:
        """Return the facts of a transaction of the search."""
        return TransactionFacts(
            "followup",
            followup=followup,
            cause=self.cause,
            service=self.service,
            endpoint=self.endpoint.url if self.endpoint else "",
            hostname="" if self.endpoint else self.host,
            address=self.ip,
            port=self.port,
            family=self.family,
            sent_name=sent_name,
        )


def stream_payload(case: Case, *, short: bool) -> bytes:
    """Return the first bytes on a connection. `short`: our TLS hello in one segment. A browser's always fits into one.

    Raises LocalFailure if a browser's hello cannot be made.
    """
    endpoint = case.endpoint
    if case.kind == "http":
        path = endpoint.path if endpoint and endpoint.path else "/"
        return f"GET {path} HTTP/1.1\r\nHost: {case.host}\r\nAccept: */*\r\n\r\n".encode()
    if case.kind == "random":
        return unknown_protocol()
    if endpoint is not None and case.kind == endpoint.facts.payload_kind:
        return _first_message(endpoint)
    alpn = endpoint.facts.alpn_offered if endpoint else ()
    if case.by_browser:
        return first_flight(short_browser_hello(), case.host, alpn)
    return client_hello(case.host, alpn, short=short)


def opening_of(case: Case) -> Opening | None:
    """Return the dialogue that precedes the payload and gives it, None if the payload comes first on a connection."""
    if case.kind in MAIL:
        return partial(open_mail, kind=case.kind, asks_for_tls=case.asks_for_tls)
    if case.kind != "inside_tls" or case.endpoint is None:
        return None
    mail = MAIL.get(case.endpoint.facts.proof)
    data = mail.capability_command if mail is not None else _first_message(case.endpoint)
    return partial(open_tls, host=case.host, alpn=case.endpoint.facts.alpn_offered, data=data, mail=mail)


def stopping_page(case: Case, endpoint: Endpoint) -> StoppingPage:
    """Return the request of the endpoint's own flow, whose answer stopped, or of connections that end at some age.

    These are asked for the first page, because the endpoint's own path may hold data about the user (P6).
    """
    url, secure = written_url(endpoint), endpoint.scheme == "https"
    name = case.host if secure else ""
    if case.kind == "kept":
        asked, ages = headers_of("HEAD", url, None, b""), (case.over_at, case.asked_until)
        return StoppingPage("/", asked, name, ALPN_HTTP[1:], "HEAD", *ages)
    return StoppingPage(request_target(url), headers_of("GET", url, None, b""), name, endpoint.facts.alpn_offered)


def datagram_payload(case: Case) -> bytes:
    """Return the first datagram of a QUIC handshake, a query, or the first message of the endpoint's dialect."""
    if case.kind == "quic":
        return _first_initial(case)
    if case.kind == "dns" or case.endpoint is None:
        return build_query(case.host, case.query_type, secrets.randbelow(1 << 16))
    return _first_message(case.endpoint)


def _first_message(endpoint: Endpoint) -> bytes:
    return FIRST_MESSAGE_BY_DIALECT[endpoint.dialect](endpoint, secrets.token_bytes(TOKEN_LENGTH))


def _first_initial(case: Case) -> bytes:
    from probe.steps.quic.quic_engine import open_engine

    engine, _ = open_engine(case.host, ALPN)
    engine.connect((case.ip, case.port), 0.0)
    return engine.datagrams_to_send(0.0)[0][0]
