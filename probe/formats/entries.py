"""The entries of a measurement: one per network operation, shaped after OONI's df-001, 002, 005 and 006.

Fields named `x_…` are ours. Times `t0` and `t` are seconds since the measurement began, on one monotonic clock.
"""

import base64
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, computed_field, model_serializer


class Part(BaseModel):
    """A piece of an entry; optional fields named in `OMITTED` are left out of the JSON while they are None."""

    model_config = ConfigDict(extra="forbid")
    OMITTED: ClassVar[frozenset[str]] = frozenset()

    @model_serializer(mode="wrap")
    def _leave_out_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if value is not None or key not in self.OMITTED}


class BinaryData(Part):
    """Bytes in JSON (df-000): standard base64 with padding."""

    format: str = "base64"
    data: str

    @classmethod
    def of(cls, raw: bytes) -> "BinaryData":
        return cls(data=base64.b64encode(raw).decode())


class Entry(Part):
    """What one step wrote down. `failure` is a df-007 string, or None for success."""

    LIST: ClassVar[str] = ""  # the test-keys list that holds entries of this kind
    OPERATION: ClassVar[str] = ""  # the step's name, as OONI says it

    failure: str | None = None
    t0: float = 0.0
    t: float = 0.0
    tags: list[str] = Field(default_factory=list)
    transaction_id: int = 0


class DNSAnswer(Part):
    """One record of a DNS answer; `ttl` in seconds."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"asn", "as_org_name", "ipv4", "ipv6", "hostname"})

    answer_type: str
    asn: int | None = None
    as_org_name: str | None = None
    ipv4: str | None = None
    ipv6: str | None = None
    hostname: str | None = None
    ttl: int | None = None

    @property
    def address(self) -> str | None:
        return self.ipv4 or self.ipv6


class DNSResponse(Part):
    """One datagram that came back for a query; `ip_ttl` is the received packet's TTL or hop limit."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"raw_response"})

    t: float
    ip_ttl: int | None = None
    rcode: int | None = None
    flags: list[str] = Field(default_factory=list)  # of QR AA TC RD RA AD CD
    answers: list[DNSAnswer] = Field(default_factory=list)
    failure: str | None = None  # as for the entry: nxdomain, refused, unparsable (dns_server_misbehaving) …
    raw_response: str | None = None  # plain base64; ECS, NSID and cookies cut out


class DNSQuery(Entry):
    """One DNS question to one resolver (df-002). `engine`: system, getaddrinfo, udp, tcp, dot, doh."""

    LIST: ClassVar[str] = "queries"
    OPERATION: ClassVar[str] = "resolve"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"getaddrinfo_error", "raw_response", "rcode", "x_responses", "x_listened", "x_round_trip", "x_sent"}
    )

    answers: list[DNSAnswer] = Field(default_factory=list)
    engine: str
    hostname: str
    query_type: str
    getaddrinfo_error: int | None = None
    raw_response: str | None = None
    rcode: int | None = None
    resolver_hostname: None = None
    resolver_port: None = None
    resolver_address: str = ""  # "system" for the system resolver, "8.8.8.8:53", "1.1.1.1:853", or a DoH URL
    x_responses: list[DNSResponse] | None = None  # every datagram, engine udp only
    x_listened: float | None = None  # seconds that the socket listened in all
    x_round_trip: float | None = None  # seconds to the first answer
    x_sent: int | None = None  # datagrams sent, engine udp only: 2 when the question was repeated


class TCPConnect(Entry):
    """One TCP connect (df-005)."""

    LIST: ClassVar[str] = "tcp_connect"
    OPERATION: ClassVar[str] = "connect"

    failure: str | None = Field(default=None, exclude=True)  # df-005 has it inside `status`
    ip: str
    port: int

    @computed_field  # type: ignore[prop-decorator]
    @property
    def status(self) -> dict[str, Any]:
        return {"success": self.failure is None, "failure": self.failure}


class TLSHandshake(Entry):
    """One TLS handshake (df-006); certificates as DER, leaf first, kept also when the handshake died later."""

    LIST: ClassVar[str] = "tls_handshakes"
    OPERATION: ClassVar[str] = "tls_handshake"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"so_error", "x_first_bytes", "x_alert", "x_trusted_by_machine", "x_handshake_failure"}
    )

    network: str = "tcp"
    address: str  # "1.2.3.4:443", "[2001:db8::1]:443"
    server_name: str = ""  # the SNI on the wire; "" when none was sent
    cipher_suite: str = ""
    negotiated_protocol: str = ""
    no_tls_verify: bool = False
    peer_certificates: list[BinaryData] = Field(default_factory=list)
    tls_version: str = ""
    so_error: str | None = None
    x_verified_name: str = ""  # the name that the chain was judged against
    x_answered: bool = False  # a well-formed TLS record (alert included) came back
    x_completed: bool = False  # the handshake finished, whatever the certificate said
    x_alert: int | None = None  # the alert description received
    x_first_bytes: BinaryData | None = None  # what came instead of TLS, at most 64 bytes
    x_trusted_by_machine: bool | None = None  # judged only when the public roots refuse the chain
    x_client_hello_length: int = 0
    x_engine: str = "openssl"


class HTTPRequest(Part):
    """The request half of a round trip (df-001)."""

    url: str
    method: str = "GET"
    body: str = ""
    body_is_truncated: bool = False
    headers: dict[str, str] = Field(default_factory=dict)
    headers_list: list[tuple[str, str]] = Field(default_factory=list)
    x_transport: str = "tcp"


class HTTPResponse(Part):
    """The response half; of the body only length, title, digest and fingerprint ids are kept."""

    code: int = 0
    body: str = ""
    body_is_truncated: bool = True
    headers: dict[str, str] = Field(default_factory=dict)  # only names on the allow-list of steps/http.py
    headers_list: list[tuple[str, str]] = Field(default_factory=list)
    x_body_length: int = 0
    x_title: str = ""
    x_body_sha256: str = ""  # of the body after addresses were scrubbed from it
    x_fingerprints: list[str] = Field(default_factory=list)  # ids of known block pages that match
    x_redirect_host: str = ""  # host that a 3xx points to
    x_body_failure: str | None = None  # why the body broke off after the status line had come; null also at the limit


class HTTPTransaction(Entry):
    """One HTTP round trip (df-001)."""

    LIST: ClassVar[str] = "requests"
    OPERATION: ClassVar[str] = "http_round_trip"

    network: str = "tcp"
    address: str = ""
    alpn: str = "http/1.1"
    request: HTTPRequest
    response: HTTPResponse = Field(default_factory=HTTPResponse)


class MTProtoExchange(Entry):
    """One `req_pq_multi` → `resPQ` (core.telegram.org/mtproto/auth_key): is our nonce echoed?"""

    LIST: ClassVar[str] = "mtproto"
    OPERATION: ClassVar[str] = "mtproto_exchange"

    address: str
    transport: str  # "abridged" or "obfuscated2"
    nonce_echoed: bool = False
    key_fingerprints: int = 0  # how many RSA key fingerprints the server offered


class NoiseHandshake(Entry):
    """WhatsApp's Noise XX opening: client hello → server hello with its certificate chain."""

    LIST: ClassVar[str] = "noise"
    OPERATION: ClassVar[str] = "noise_handshake"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_first_bytes"})

    address: str
    server_hello: bool = False  # a parsable server hello came and its parts decrypt with our keys
    chain_valid: bool = False  # the chain inside ends at WhatsApp's known root key
    x_first_bytes: BinaryData | None = None


class QUICHandshake(TLSHandshake):
    """One QUIC handshake (RFC 9001): the fields of TLS, over UDP; `x_answered`: a packet came that we can read."""

    LIST: ClassVar[str] = "quic_handshakes"
    OPERATION: ClassVar[str] = "quic_handshake"

    network: str = "udp"
    x_engine: str = "aioquic"
    x_quic_version: str = ""  # "1", or what the server negotiated
    x_version_negotiation: bool = False  # a Version Negotiation packet came back
    x_retry: bool = False
    x_close_code: int | None = None  # transport error code of a CONNECTION_CLOSE that came back

    OMITTED: ClassVar[frozenset[str]] = TLSHandshake.OMITTED | {"x_close_code"}


LISTS: tuple[str, ...] = (
    "queries",
    "tcp_connect",
    "tls_handshakes",
    "quic_handshakes",
    "requests",
    "mtproto",
    "noise",
    "stun",
    "sip",
    "echoes",
    "mail",
)
"""The names of the lists that hold entries, wherever they stand (test keys, x_endpoints, x_followups, x_control)."""
