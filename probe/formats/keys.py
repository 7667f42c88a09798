"""Define the test keys: OONI's lists and summary keys, and our own (`x_…`). TEST_KEYS has a class per nettest."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from probe.formats.entries import (
    DNSQuery,
    HTTPTransaction,
    MTProtoExchange,
    NoiseHandshake,
    Part,
    RandomBytes,
    TCPConnect,
)
from probe.formats.exchanges.calls import DTLSExchange, ReflectorExchange, SIPExchange, STUNExchange, UDPEcho
from probe.formats.exchanges.hops import LimitedPayload, PathSweep
from probe.formats.exchanges.mail import MailGreeting, MailStartTLS
from probe.formats.exchanges.media import MediaFlow, ReflectorCall, SIPCall, WebRTCCall
from probe.formats.exchanges.near_reactions import NearReaction
from probe.formats.exchanges.recorded_packets import PacketRecord
from probe.formats.exchanges.tls import QUICHandshake, TLSHandshake
from probe.formats.exchanges.transfer import Transfer
from probe.formats.facts import Control, RunFacts, TargetFacts
from probe.formats.field_notes import UNIT, Foreign, Machine, Ordinal, Public, Seconds, Withheld
from probe.formats.transactions import TransactionRecord

MailDialogue = Annotated[MailGreeting | MailStartTLS, Field(discriminator="operation")]
Status = Literal["ok", "blocked"]


class Lists(Part):
    """Hold entries by kind, in the order of time. Requests are newest first, as OONI writes them.

    A list named in `OMITTED` is left out of the JSON while it is empty.
    """

    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"near_reactions", "reflector", "dtls", "media", "reflector_calls", "sip_calls", "webrtc_calls", "transfers"}
    )

    queries: list[DNSQuery] = Field(default_factory=list)  # DNS queries
    tcp_connect: list[TCPConnect] = Field(default_factory=list)  # TCP connects
    tls_handshakes: list[TLSHandshake] = Field(default_factory=list)  # TLS over TCP
    quic_handshakes: list[QUICHandshake] = Field(default_factory=list)  # QUIC
    requests: list[HTTPTransaction] = Field(default_factory=list)  # HTTP round trips, over TCP and QUIC
    mtproto: list[MTProtoExchange] = Field(default_factory=list)  # Telegram's data centres
    noise: list[NoiseHandshake] = Field(default_factory=list)  # WhatsApp's chat servers
    stun: list[STUNExchange] = Field(default_factory=list)  # STUN and TURN
    reflector: list[ReflectorExchange] = Field(default_factory=list)  # Telegram's call relays
    dtls: list[DTLSExchange] = Field(default_factory=list)  # DTLS hellos
    sip: list[SIPExchange] = Field(default_factory=list)  # SIP
    echoes: list[UDPEcho] = Field(default_factory=list)  # datagrams to the helper's echo
    mail: list[MailDialogue] = Field(default_factory=list)  # SMTP and IMAP
    path_sweeps: list[PathSweep] = Field(default_factory=list)  # which routers on the path answer
    limited_payloads: list[LimitedPayload] = Field(
        default_factory=list
    )  # from which TTL on a middlebox acts on a payload
    near_reactions: list[NearReaction] = Field(default_factory=list)  # what reacts at the first hop or before it
    random_bytes: list[RandomBytes] = Field(default_factory=list)  # bytes of no protocol to neutral hosts
    media: list[MediaFlow] = Field(default_factory=list)  # media flows to the helper
    reflector_calls: list[ReflectorCall] = Field(default_factory=list)  # calls with oneself through Telegram's relays
    sip_calls: list[SIPCall] = Field(default_factory=list)  # calls to the helper over SIP
    webrtc_calls: list[WebRTCCall] = Field(default_factory=list)  # calls to the helper over WebRTC
    transfers: list[Transfer] = Field(default_factory=list)  # transfers of random bytes from the helper

    @staticmethod
    def is_absent(value: Any) -> bool:
        """Return True for a list in `OMITTED` that is left out."""
        return not value


LISTS: tuple[str, ...] = tuple(Lists.model_fields)
"""Names of the lists of entries in the test keys, x_endpoints, x_followups and x_control."""


class Urlgetter(Part):
    """Hold the keys of OONI's urlgetter, which most nettests contain. dnscheck has one such object per lookup."""

    agent: Public[Literal["redirect"]] = "redirect"  # OONI's value for a client that follows redirects
    failed_operation: str | None = None  # OONI's key for the whole nettest. A step's failure is in its entry
    failure: str | None = None  # likewise
    socksproxy: Public[None] = None  # never used
    network_events: list[None] = Field(
        default_factory=list
    )  # always empty, because OONI drops a measurement with a malformed event
    queries: list[DNSQuery]  # the first pass. In OONI's nettests exactly what its probe would have recorded
    tcp_connect: list[TCPConnect]  # the first pass, likewise
    tls_handshakes: list[TLSHandshake]  # the first pass, likewise
    requests: list[HTTPTransaction]  # the first pass, likewise


class OwnKeys(Part):
    """Hold the keys that every nettest writes in addition to OONI's. An entry is in one list only."""

    x_endpoints: Lists  # other entries of the first pass, and confirmations
    x_followups: Lists  # entries of follow-ups
    x_transactions: list[TransactionRecord]  # purpose and result of each transaction
    x_control: Foreign[Control | None]  # the helper's control (null: no helper was asked)
    x_packets: list[PacketRecord] | None  # raw packets of these flows (null: the system did not show them)
    x_target: Public[TargetFacts]  # the loaded target. A measurement of one service contains only that service
    x_run: Machine[RunFacts]  # the run
    x_bugs: Machine[list[str]]  # bugs of our probe, which are no evidence about the network
    x_revision: Public[Ordinal]  # revision of the steps beyond OONI's


class TestKeys(OwnKeys, Urlgetter):
    """Hold the keys of most nettests."""

    __test__: ClassVar[bool] = False  # pytest would collect the class


class TelegramKeys(TestKeys):
    """Hold OONI's summary of Telegram (ts-020)."""

    telegram_http_blocking: bool  # no data centre answered HTTP
    telegram_tcp_blocking: bool  # no data centre accepted a connection
    telegram_web_failure: str | None  # of the web client, null for success
    telegram_web_status: Status | None  # whether the web client answered (null: not tried)


class WhatsAppKeys(TestKeys):
    """Hold OONI's summary of WhatsApp (ts-018)."""

    registration_server_failure: str | None  # of the registration server, null for success
    registration_server_status: Status  # whether it answered
    whatsapp_endpoints_blocked: list[str]  # chat hosts of which both ports failed
    whatsapp_endpoints_dns_inconsistent: list[str]  # always empty, as in OONI's probe today
    whatsapp_endpoints_status: Status  # whether any chat server answered
    whatsapp_web_failure: str | None  # of the web client, null for success
    whatsapp_web_status: Status  # whether it answered


class Said(Part):
    """Record one entry in OONI's log."""

    msg: str  # the text
    t: Seconds  # since the measurement began


class WebConnectivityKeys(TestKeys):
    """Hold OONI's keys of web_connectivity 0.5 (ts-017), filled by OONI's rules. Our verdicts do not use them."""

    client_resolver: Withheld[Literal["127.0.0.2"]]  # the real value would identify the user's network
    retries: Public[None]  # no longer used by OONI
    dns_experiment_failure: str | None  # of the system's lookup of the first host
    dns_consistency: Literal["consistent", "inconsistent"] | None  # with the control's answers (null: not comparable)
    control_failure: str | None  # why there is no control, `interrupted` if no helper was asked
    control: Foreign[dict[str, Any] | None]  # the control as OONI's test helper writes it
    http_experiment_failure: str | None  # failure of the attempt that decided
    body_length_match: bool | None  # the page is about as long as the control's
    body_proportion: Annotated[float, Field(json_schema_extra={UNIT: "ratio"})]  # shorter body over longer (0: unknown)
    status_code_match: bool | None  # the status is the control's
    headers_match: bool | None  # an uncommon header is the control's too
    title_match: bool | None  # the title has the control's long words
    accessible: bool | None  # OONI's verdict
    blocking: (
        Literal["dns", "tcp_ip", "http-failure", "http-diff", False] | None
    )  # OONI's name for the kind of blocking
    x_redirects: dict[str, list[str]]  # by service, the endpoints of its redirects in order
    x_dns_flags: Annotated[int, Field(json_schema_extra={UNIT: "bits"})]  # 1 bogon, 2 failure, 4 unexpected addresses
    x_blocking_flags: Annotated[int, Field(json_schema_extra={UNIT: "bits"})]
    """1 DNS, 2 TCP, 4 TLS, 8 HTTP, 16 another page, 32 success."""
    x_null_null_flags: Annotated[int, Field(json_schema_extra={UNIT: "bits"})]
    """1 DNS, 2 TCP, 4 TLS fails at the control too, 8 HTTPS without a control, 16 only the probe has addresses."""
    x_dns_whoami: Public[None]  # OONI's key. Our probe sends no such query
    x_doh: Public[None]  # OONI's key. Our entries are in x_endpoints
    x_do53: Public[None]  # likewise
    x_dns_duplicate_responses: list[DNSQuery]  # further datagrams that answered one query
    x_conn_priority_log: list[Said]  # the flow on which the page was requested first, and when
    x_control_request: (
        dict[str, Any] | None
    )  # the request that OONI's probe would have sent to its helper (null: no helper was asked)


class FacebookKeys(TestKeys):
    """Hold OONI's summary of Facebook and Messenger (ts-019)."""

    facebook_b_api_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_b_api_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_b_graph_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_b_graph_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_edge_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_edge_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_external_cdn_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_external_cdn_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_scontent_cdn_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_scontent_cdn_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_star_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_star_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_stun_dns_consistent: bool | None  # its addresses are in AS32934 (null: not looked up)
    facebook_stun_reachable: (
        bool | None
    )  # a connection was established (null: not tried, or its addresses are doubtful)
    facebook_dns_blocking: bool  # a name did not resolve, or resolved to another network's address
    facebook_tcp_blocking: bool  # a connection failed


class SignalKeys(TestKeys):
    """Hold OONI's summary of Signal (ts-029)."""

    signal_backend_status: Status  # blocked: one of the four servers failed
    signal_backend_failure: str | None  # the last failure of a server, null for success


class STUNKeys(OwnKeys):
    """Hold OONI's stunreachability (ts-025)."""

    endpoint: str  # HOST:PORT, "" if it was not tested
    failure: str | None  # of the exchange, null for success
    network_events: list[None] = Field(default_factory=list)  # always empty
    queries: list[DNSQuery]  # the server's name


class DNSCheckKeys(OwnKeys):
    """Hold OONI's dnscheck (ts-028)."""

    bootstrap: Urlgetter | None  # the lookup of the resolver's own name, null for a literal
    bootstrap_failure: str | None  # its failure, null for success
    domain: str  # the queried name
    lookups: dict[str, Urlgetter]  # results by the resolver's URL, with an address in place of its host
    x_default_addrs: str = ""  # OONI's option, not used
    x_residual: bool = False  # OONI's option, not used


class ECHCheckKeys(OwnKeys):
    """Hold OONI's echcheck (ts-039). Without the extension `echconfig` is absent, else it says how it was sent."""

    network_events: list[None] = Field(default_factory=list)  # always empty
    queries: list[DNSQuery]  # the host's addresses, and its HTTPS record with the key
    tcp_connects: list[TCPConnect]  # one for each handshake
    tls_handshakes: list[TLSHandshake]  # without the extension, with random bytes in it, and with the published key


TEST_KEYS: dict[str, type[OwnKeys]] = {
    "dnscheck": DNSCheckKeys,
    "echcheck": ECHCheckKeys,
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
"""Classes of the test keys by `test_name`, one for every nettest."""
