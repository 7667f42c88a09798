"""The entries of a measurement: one per network operation, shaped after OONI's df-001, 002, 005 and 006.

Fields named `x_…` are ours. Times `t0` and `t` are seconds since the measurement began, on one monotonic clock.
The words behind a field go into the schema and the data dictionary (README.md beside this file).
"""

import base64
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, computed_field, model_serializer

from probe.formats.field_notes import (
    ASN,
    Bytes,
    Code,
    Count,
    Hops,
    Ordinal,
    Port,
    PrivacyClass,
    Public,
    Seconds,
    WholeSeconds,
    Withheld,
)


class Part(BaseModel):
    """A piece of an entry; optional fields named in `OMITTED` are left out of the JSON while they are None."""

    model_config = ConfigDict(extra="forbid")
    OMITTED: ClassVar[frozenset[str]] = frozenset()
    PRIVACY: ClassVar[PrivacyClass] = "network"  # of every field that does not say otherwise

    @model_serializer(mode="wrap")
    def _leave_out_absent(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        written: dict[str, Any] = handler(self)
        return {key: value for key, value in written.items() if value is not None or key not in self.OMITTED}


class BinaryData(Part):
    """Bytes in JSON (df-000): standard base64 with padding."""

    format: Public[Literal["base64"]] = "base64"  # how `data` is written
    data: str  # the bytes, in standard base64 with padding

    @classmethod
    def of(cls, raw: bytes) -> "BinaryData":
        return cls(data=base64.b64encode(raw).decode())


class Entry(Part):
    """What one step wrote down. `failure` is a df-007 string, or None for success."""

    LIST: ClassVar[str] = ""  # the test-keys list that holds entries of this kind
    OPERATION: ClassVar[str] = ""  # the step's name, as OONI says it

    failure: str | None = None  # a df-007 string; null for success
    t0: Seconds = 0.0  # when the operation began, since the measurement began
    t: Seconds = 0.0  # when its result was known
    tags: list[str] = Field(default_factory=list)  # the service's role, and for what the step was taken
    transaction_id: Ordinal = 0  # the chain of steps that it belongs to, in x_transactions


class DNSAnswer(Part):
    """One record of a DNS answer; `ttl` in seconds."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"asn", "as_org_name", "ipv4", "ipv6", "hostname"})

    answer_type: str  # A, AAAA, CNAME, …
    asn: ASN | None = None  # the network of the address, by the table in x_run.asn_database
    as_org_name: str | None = Field(default=None, examples=["Telegram Messenger Inc"])  # that network's name
    ipv4: str | None = None  # of A
    ipv6: str | None = None  # of AAAA
    hostname: str | None = Field(default=None, examples=["star.example.net"])  # of CNAME and the like
    ttl: WholeSeconds | None = None  # how long the record may be kept; null where the library does not tell

    @property
    def address(self) -> str | None:
        return self.ipv4 or self.ipv6


class DNSResponse(Part):
    """One datagram that came back for a query; `ip_ttl` is the received packet's TTL or hop limit."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"raw_response"})

    t: Seconds  # when it came, since the measurement began
    ip_ttl: Hops | None = None  # TTL or hop limit left on arrival
    rcode: Code | None = None  # RFC 1035 4.1.1; null when it cannot be parsed
    flags: list[str] = Field(default_factory=list)  # of QR AA TC RD RA AD CD
    answers: list[DNSAnswer] = Field(default_factory=list)  # its records
    failure: str | None = None  # as for the entry: nxdomain, refused, unparsable (dns_server_misbehaving) …
    raw_response: str | None = None  # plain base64; ECS, NSID and cookies cut out


class DNSQuery(Entry):
    """One DNS question to one resolver (df-002). `engine`: system, getaddrinfo, udp, tcp, dot, doh."""

    LIST: ClassVar[str] = "queries"
    OPERATION: ClassVar[str] = "resolve"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"getaddrinfo_error", "raw_response", "rcode", "x_responses", "x_listened", "x_round_trip", "x_sent"}
    )

    answers: list[DNSAnswer] = Field(default_factory=list)  # the records of the answer that counts
    engine: str  # how it was asked: system, getaddrinfo, udp, tcp, dot, doh
    hostname: str  # the name asked for
    query_type: str  # A, AAAA; ANY where the library asks for both
    getaddrinfo_error: Code | None = None  # EAI_*, as this system numbers them
    raw_response: str | None = None  # the answer as it came, plain base64; ECS, NSID and cookies cut out
    rcode: Code | None = None  # of the answer, RFC 1035 4.1.1
    resolver_hostname: Public[None] = None  # deprecated by OONI, always null
    resolver_port: Public[None] = None  # deprecated by OONI, always null
    resolver_address: str = ""  # "system" for the system resolver, "8.8.8.8:53", "1.1.1.1:853", or a DoH URL
    x_responses: list[DNSResponse] | None = None  # every datagram, engine udp only
    x_listened: Seconds | None = None  # seconds that the socket listened in all
    x_round_trip: Seconds | None = None  # seconds to the first answer
    x_sent: Count | None = None  # datagrams sent, engine udp only: 2 when the question was repeated


class ConnectStatus(Part):
    """What came of a TCP connect, as df-005 writes it."""

    success: bool  # whether the connection stood
    failure: str | None  # a df-007 string; null for success


class TCPConnect(Entry):
    """One TCP connect (df-005)."""

    LIST: ClassVar[str] = "tcp_connect"
    OPERATION: ClassVar[str] = "connect"

    failure: str | None = Field(default=None, exclude=True)  # df-005 has it inside `status`
    ip: str  # the other end, an IP literal
    port: Port  # the other end's

    @computed_field  # type: ignore[prop-decorator]
    @property
    def status(self) -> ConnectStatus:
        """What came of it."""
        return ConnectStatus(success=self.failure is None, failure=self.failure)


class TLSHandshake(Entry):
    """One TLS handshake (df-006); certificates as DER, leaf first, kept also when the handshake died later."""

    LIST: ClassVar[str] = "tls_handshakes"
    OPERATION: ClassVar[str] = "tls_handshake"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"so_error", "x_first_bytes", "x_alert", "x_trusted_by_machine"})

    network: str = "tcp"  # what carries it: tcp, udp
    address: str  # "1.2.3.4:443", "[2001:db8::1]:443"
    server_name: str = ""  # the SNI on the wire; "" when none was sent
    cipher_suite: str = ""  # its IANA name; "" when none was agreed on
    negotiated_protocol: str = ""  # by ALPN
    no_tls_verify: bool = False  # whether nobody judged the chain
    peer_certificates: list[BinaryData] = Field(default_factory=list)  # DER, leaf first, as sent
    tls_version: str = ""  # "TLSv1.3"; "" when none was agreed on
    so_error: str | None = Field(default=None, examples=["connection_reset"])  # what the socket said behind a failure
    x_verified_name: str = ""  # the name that the chain was judged against
    x_answered: bool = False  # a well-formed TLS record (alert included) came back
    x_completed: bool = False  # the handshake finished, whatever the certificate said
    x_alert: Code | None = Field(default=None, examples=[112])  # the alert description received
    x_first_bytes: BinaryData | None = None  # what came instead of TLS, at most 64 bytes
    x_trusted_by_machine: bool | None = None  # judged only when the public roots refuse the chain
    x_client_hello_length: Bytes = 0  # of our hello's record
    x_engine: Public[str] = "openssl"  # whose hello was sent


class HTTPRequest(Part):
    """The request half of a round trip (df-001)."""

    url: str  # as OONI writes it: no default port
    method: str = "GET"  # GET or POST
    body: str = ""  # what was sent
    body_is_truncated: bool = False  # whether less of it is written than was sent
    headers: dict[str, str] = Field(default_factory=dict)  # name → value; the last one where a name comes twice
    headers_list: list[tuple[str, str]] = Field(default_factory=list)  # all of them, in order
    x_transport: Public[str] = "tcp"  # tcp, quic


class HTTPResponse(Part):
    """The response half; of the body only length, title, digest and fingerprint ids are kept."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_header_names"})

    code: Code = 0  # the status; 0 when no status line came
    body: Withheld[str] = ""  # never written: a page may show who reads it
    body_is_truncated: bool = True  # whether less of it is written than came
    headers: dict[str, str] = Field(default_factory=dict)  # only names on the allow-list of steps/http.py
    headers_list: list[tuple[str, str]] = Field(default_factory=list)  # the same, in order
    x_body_length: Bytes = 0  # as it was read, at most the limit of steps/http.py
    x_title: str = ""  # of an HTML page
    x_body_sha256: str = ""  # of the body after addresses were scrubbed from it
    x_fingerprints: list[str] = Field(default_factory=list)  # ids of known block pages that match
    x_redirect_host: str = ""  # host that a 3xx points to
    x_header_names: list[str] | None = None  # of all headers, without values; of web addresses only
    x_body_failure: str | None = None  # why the body broke off after the status line had come; null also at the limit


class HTTPTransaction(Entry):
    """One HTTP round trip (df-001)."""

    LIST: ClassVar[str] = "requests"
    OPERATION: ClassVar[str] = "http_round_trip"

    network: str = "tcp"  # what carries it: tcp, udp
    address: str = ""  # "1.2.3.4:443"; "" when the chain failed before HTTP
    alpn: str = "http/1.1"  # the protocol spoken
    request: HTTPRequest  # what was asked
    response: HTTPResponse = Field(default_factory=HTTPResponse)  # what came back; empty on failure


class MTProtoExchange(Entry):
    """One `req_pq_multi` → `resPQ` (core.telegram.org/mtproto/auth_key): is our nonce echoed?"""

    LIST: ClassVar[str] = "mtproto"
    OPERATION: ClassVar[str] = "mtproto_exchange"

    address: str  # "1.2.3.4:443"
    transport: str  # "abridged" or "obfuscated2"
    nonce_echoed: bool = False  # the proof: whoever answers has read our question
    key_fingerprints: Count = 0  # how many RSA key fingerprints the server offered


class NoiseHandshake(Entry):
    """WhatsApp's Noise XX opening: client hello → server hello with its certificate chain."""

    LIST: ClassVar[str] = "noise"
    OPERATION: ClassVar[str] = "noise_handshake"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_first_bytes"})

    address: str  # "1.2.3.4:443"
    server_hello: bool = False  # a parsable server hello came and its parts decrypt with our keys
    chain_valid: bool = False  # the chain inside ends at WhatsApp's known root key
    x_first_bytes: BinaryData | None = None  # what came instead, at most 64 bytes


class QUICHandshake(TLSHandshake):
    """One QUIC handshake (RFC 9001): the fields of TLS, over UDP; `x_answered`: a packet came that we can read."""

    LIST: ClassVar[str] = "quic_handshakes"
    OPERATION: ClassVar[str] = "quic_handshake"

    network: str = "udp"
    x_engine: Public[str] = "aioquic"
    x_quic_version: str = ""  # "1", or what the server negotiated
    x_version_negotiation: bool = False  # a Version Negotiation packet came back
    x_retry: bool = False  # the server asked for the address to be shown first (RFC 9000 8.1.2)
    x_close_code: Code | None = Field(default=None, examples=[296])  # transport error of a CONNECTION_CLOSE that came

    OMITTED: ClassVar[frozenset[str]] = TLSHandshake.OMITTED | {"x_close_code"}


class RandomBytes(Entry):
    """Bytes of no protocol over TCP: success is an answer of any kind, the end of the connection included."""

    LIST: ClassVar[str] = "random_bytes"
    OPERATION: ClassVar[str] = "random_bytes"

    address: str = Field(examples=["192.0.2.1:443"])  # the neutral host's, with its port
    size: Bytes = Field(examples=[128])  # sent
