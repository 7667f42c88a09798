"""The test keys: OONI's lists and summary keys, and beside them ours (`x_…`). One class per nettest, in TEST_KEYS."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from probe.formats.calls import SIPExchange, STUNExchange, UDPEcho
from probe.formats.entries import (
    DNSQuery,
    HTTPTransaction,
    MTProtoExchange,
    NoiseHandshake,
    Part,
    QUICHandshake,
    RandomBytes,
    TCPConnect,
    TLSHandshake,
)
from probe.formats.facts import Control, RunFacts, TargetFacts
from probe.formats.field_notes import UNIT, Foreign, Machine, Ordinal, Public, Seconds, Withheld
from probe.formats.hops import LimitedPayload, PathSweep
from probe.formats.mail import MailGreeting, MailStartTLS
from probe.formats.packets import PacketRecord
from probe.formats.transactions import TransactionRecord

MailDialogue = Annotated[MailGreeting | MailStartTLS, Field(discriminator="operation")]
Status = Literal["ok", "blocked"]


class Lists(Part):
    """Entries by kind, in the order of time; requests newest first, as OONI has them."""

    queries: list[DNSQuery] = Field(default_factory=list)  # DNS questions
    tcp_connect: list[TCPConnect] = Field(default_factory=list)  # TCP connects
    tls_handshakes: list[TLSHandshake] = Field(default_factory=list)  # TLS over TCP
    quic_handshakes: list[QUICHandshake] = Field(default_factory=list)  # QUIC
    requests: list[HTTPTransaction] = Field(default_factory=list)  # HTTP round trips, over TCP and QUIC
    mtproto: list[MTProtoExchange] = Field(default_factory=list)  # Telegram's data centres
    noise: list[NoiseHandshake] = Field(default_factory=list)  # WhatsApp's chat servers
    stun: list[STUNExchange] = Field(default_factory=list)  # STUN and TURN
    sip: list[SIPExchange] = Field(default_factory=list)  # SIP
    echoes: list[UDPEcho] = Field(default_factory=list)  # datagrams to the helper's echo
    mail: list[MailDialogue] = Field(default_factory=list)  # SMTP and IMAP
    path_sweeps: list[PathSweep] = Field(default_factory=list)  # which routers answer on the way
    limited_payloads: list[LimitedPayload] = Field(default_factory=list)  # from which distance on a payload is acted on
    random_bytes: list[RandomBytes] = Field(default_factory=list)  # bytes of no protocol to neutral hosts


LISTS: tuple[str, ...] = tuple(Lists.model_fields)
"""The names of the lists that hold entries, wherever they stand (test keys, x_endpoints, x_followups, x_control)."""


def places_of_entries(test_keys: dict[str, Any]) -> list[dict[str, Any]]:
    """Every object in test keys that may hold such lists: the keys themselves, ours beside them, dnscheck's inner ones.

    What is no object is left out: lines come from anywhere.
    """
    lookups = test_keys.get("lookups")  # dnscheck: the resolver's URL → what was seen there
    inner = [test_keys.get(key) for key in ("x_endpoints", "x_followups", "bootstrap")]
    inner += lookups.values() if isinstance(lookups, dict) else ()
    return [test_keys, *(place for place in inner if isinstance(place, dict))]


class Urlgetter(Part):
    """What OONI's urlgetter writes, which most nettests embed: alone, one lookup of dnscheck's."""

    agent: Public[Literal["redirect"]] = "redirect"  # OONI's word for a client that follows redirects
    failed_operation: str | None = None  # OONI's, of the whole: a step's failure stands in its entry
    failure: str | None = None  # likewise
    socksproxy: Public[None] = None  # none is ever used
    network_events: list[None] = Field(default_factory=list)  # always empty: one that misfits costs OONI the line
    queries: list[DNSQuery]  # the first pass; in a nettest of OONI's just what its probe would have written
    tcp_connect: list[TCPConnect]  # the first pass, likewise
    tls_handshakes: list[TLSHandshake]  # the first pass, likewise
    requests: list[HTTPTransaction]  # the first pass, likewise


class OwnKeys(Part):
    """What every nettest writes beside OONI's keys. An entry stands in one list only."""

    x_endpoints: Lists  # the rest of the first pass, and confirmations
    x_followups: Lists  # the differentials that failures caused
    x_transactions: list[TransactionRecord]  # why each chain of steps was tried, and what came of it
    x_control: Foreign[Control | None]  # what the helper saw; null: none was asked
    x_packets: list[PacketRecord] | None  # the raw packets of these flows; null: this system let us see none
    x_target: Public[TargetFacts]  # the target, as loaded; a line of one service holds that alone
    x_run: Machine[RunFacts]  # the run
    x_bugs: Machine[list[str]]  # faults of ours, which say nothing about the network
    x_revision: Public[Ordinal]  # of what we measure beside OONI's steps


class TestKeys(OwnKeys, Urlgetter):
    """What most nettests write."""

    __test__: ClassVar[bool] = False  # pytest would take the class for tests


class TelegramKeys(TestKeys):
    """OONI's summary of Telegram (ts-020)."""

    telegram_http_blocking: bool  # no data centre answered HTTP
    telegram_tcp_blocking: bool  # nor did any accept a connection
    telegram_web_failure: str | None  # of the web client; null for success
    telegram_web_status: Status | None  # whether the web client answered; null: it was not tried


class WhatsAppKeys(TestKeys):
    """OONI's summary of WhatsApp (ts-018)."""

    registration_server_failure: str | None  # of the registration server; null for success
    registration_server_status: Status  # whether it answered
    whatsapp_endpoints_blocked: list[str]  # chat hosts of which both ports failed
    whatsapp_endpoints_dns_inconsistent: list[str]  # always empty, as OONI's is today
    whatsapp_endpoints_status: Status  # whether any chat server answered
    whatsapp_web_failure: str | None  # of the web client; null for success
    whatsapp_web_status: Status  # whether it answered


class Said(Part):
    """A sentence of OONI's log."""

    msg: str  # the sentence
    t: Seconds  # since the measurement began


class WebConnectivityKeys(TestKeys):
    """OONI's keys of web_connectivity 0.5 (ts-017), as its own rules fill them; no verdict of ours rests on them."""

    client_resolver: Withheld[Literal["127.0.0.2"]]  # whose it is would name the volunteer's network
    retries: Public[None]  # OONI's, out of use
    dns_experiment_failure: str | None  # of the system's lookup of the first host
    dns_consistency: Literal["consistent", "inconsistent"] | None  # with the control's answers; null: not comparable
    control_failure: str | None  # why there is no control; `interrupted` where nobody was asked
    control: Foreign[dict[str, Any] | None]  # what the control saw, in the shape of OONI's test helper
    http_experiment_failure: str | None  # of the attempt that decided
    body_length_match: bool | None  # the page is about as long as the control's
    body_proportion: Annotated[float, Field(json_schema_extra={UNIT: "ratio"})]  # shorter body over longer; 0: unknown
    status_code_match: bool | None  # the status is the control's
    headers_match: bool | None  # an uncommon header is the control's too
    title_match: bool | None  # the title has the control's long words
    accessible: bool | None  # OONI's verdict
    blocking: Literal["dns", "tcp_ip", "http-failure", "http-diff", False] | None  # how, as OONI names it
    x_redirects: dict[str, list[str]]  # service → the endpoints that its answers led to, in order
    x_dns_flags: Annotated[int, Field(json_schema_extra={UNIT: "bits"})]  # 1 bogon, 2 failure, 4 unexpected addresses
    x_blocking_flags: Annotated[int, Field(json_schema_extra={UNIT: "bits"})]
    """1 DNS, 2 TCP, 4 TLS, 8 HTTP, 16 another page, 32 success."""
    x_null_null_flags: Annotated[int, Field(json_schema_extra={UNIT: "bits"})]
    """1 DNS, 2 TCP, 4 TLS fails at the control too, 8 HTTPS without a control, 16 the name has addresses here alone."""
    x_dns_whoami: Public[None]  # OONI's; nobody is asked who we are
    x_doh: Public[None]  # OONI's; such questions stand in x_endpoints
    x_do53: Public[None]  # likewise
    x_dns_duplicate_responses: list[DNSQuery]  # second datagrams that came for one question
    x_conn_priority_log: list[Said]  # which flow was first asked for the page, and when
    x_control_request: dict[str, Any] | None  # what OONI's probe would have asked its helper; null: nobody was asked


class FacebookKeys(TestKeys):
    """OONI's summary of Facebook and Messenger (ts-019)."""

    facebook_b_api_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_b_api_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_b_graph_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_b_graph_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_edge_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_edge_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_external_cdn_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_external_cdn_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_scontent_cdn_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_scontent_cdn_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_star_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_star_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_stun_dns_consistent: bool | None  # its addresses are in AS32934; null: not looked up
    facebook_stun_reachable: bool | None  # a connection came about; null: not tried, or the name in doubt
    facebook_dns_blocking: bool  # a name did not resolve, or to another network's address
    facebook_tcp_blocking: bool  # a connection did not come about


class SignalKeys(TestKeys):
    """OONI's summary of Signal (ts-029)."""

    signal_backend_status: Status  # blocked: one of the four servers failed
    signal_backend_failure: str | None  # the last failure of theirs; null for success


class STUNKeys(OwnKeys):
    """OONI's stunreachability (ts-025)."""

    endpoint: str  # HOST:PORT; "" where it was not asked
    failure: str | None  # of the exchange; null for success
    network_events: list[None] = Field(default_factory=list)  # always empty
    queries: list[DNSQuery]  # the server's name


class DNSCheckKeys(OwnKeys):
    """OONI's dnscheck (ts-028)."""

    bootstrap: Urlgetter | None  # the lookup of the resolver's own name; null for a literal
    bootstrap_failure: str | None  # its failure; null for success
    domain: str  # the name that the resolver was asked for
    lookups: dict[str, Urlgetter]  # the resolver's URL, with an address in its host's place → what was seen there
    x_default_addrs: str = ""  # OONI's option, not used
    x_residual: bool = False  # OONI's option, not used


TEST_KEYS: dict[str, type[OwnKeys]] = {
    "dnscheck": DNSCheckKeys,
    "endpoint_reachability": TestKeys,
    "facebook_messenger": FacebookKeys,
    "mail_reachability": TestKeys,
    "signal": SignalKeys,
    "sip_reachability": TestKeys,
    "stunreachability": STUNKeys,
    "telegram": TelegramKeys,
    "web_connectivity": WebConnectivityKeys,
    "whatsapp": WhatsAppKeys,
}
"""By `test_name`, one row for every nettest."""
