"""Define the entries of a measurement: one per network operation, after OONI's df-001, 002, 005 and 006.

Fields named `x_…` are our own. Times `t0` and `t` are seconds since the measurement began, on one monotonic clock.
The comment after a field goes into the schema and the data dictionary (see README.md in this folder).
"""

import base64
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, computed_field

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
    Text,
    WholeSeconds,
    Withheld,
)


class Part(BaseModel):
    """Hold a part of an entry. Fields named in `OMITTED` are left out of the JSON while they are None."""

    model_config = ConfigDict(extra="forbid", defer_build=True)
    OMITTED: ClassVar[frozenset[str]] = frozenset()
    PRIVACY: ClassVar[PrivacyClass] = "network"  # of every field without a class of its own

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:
        for name in cls.OMITTED:
            cls.model_fields[name].exclude_if = cls.is_absent

    @staticmethod
    def is_absent(value: Any) -> bool:
        """Return True for the value of a field in `OMITTED` that is left out."""
        return value is None


class BinaryData(Part):
    """Hold bytes in JSON (df-000): standard base64 with padding."""

    format: Public[Literal["base64"]] = "base64"  # how `data` is written
    data: str  # the bytes, in standard base64 with padding, "" if they may contain an address
    x_class: str | None = Field(default=None, examples=["http"])
    """Kind of the bytes that are not written: tls, http, html, ssh, sip, smtp, imap, stun, text, binary."""
    x_length: Bytes | None = Field(default=None, examples=[64])  # number of the bytes that are not written

    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_class", "x_length"})

    @classmethod
    def of(cls, raw: bytes) -> "BinaryData":
        """Return the bytes in base64."""
        return cls(data=base64.b64encode(raw).decode())


class Entry(Part):
    """Hold the record of one step. `failure` is a df-007 string, or None for success."""

    LIST: ClassVar[str] = ""  # the test-keys list that holds entries of this kind
    OPERATION: ClassVar[str] = ""  # the step's name in OONI's terms
    PAYLOAD: ClassVar[str] = ""  # kind of its datagram in echo pairs and hop searches, "" where it is sent in neither

    failure: str | None = None  # a df-007 string, null for success
    t0: Seconds = 0.0  # when the operation began, since the measurement began
    t: Seconds = 0.0  # when its result was known
    tags: list[str] = Field(default_factory=list)  # the service's role and the purpose of the step
    transaction_id: Ordinal = 0  # its transaction in x_transactions


def payload_kinds() -> list[str]:
    """Return the kinds of payload that belong to one protocol, in the order of their entries."""
    return [entry.PAYLOAD for entry in Entry.__subclasses__() if entry.PAYLOAD]


class DNSAnswer(Part):
    """Hold one record of a DNS answer."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"asn", "as_org_name", "ipv4", "ipv6", "hostname"})

    answer_type: str  # A, AAAA, CNAME, …
    asn: ASN | None = None  # the network of the address, by the table in x_run.asn_database
    as_org_name: str | None = Field(default=None, examples=["Telegram Messenger Inc"])  # that network's name
    ipv4: str | None = None  # of A
    ipv6: str | None = None  # of AAAA
    hostname: str | None = Field(default=None, examples=["star.example.net"])
    """Of CNAME and the like. Labels that may stand for an address are replaced: `[11-4be1f0].dsl.example`."""
    ttl: WholeSeconds | None = None  # how long the record may be kept, null from the system resolver

    @property
    def address(self) -> str | None:
        """Return the IPv4 or IPv6 address, None for other records."""
        return self.ipv4 or self.ipv6


class DNSResponse(Part):
    """Record one datagram that answered a query."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"raw_response"})

    t: Seconds  # when it arrived, since the measurement began
    ip_ttl: Hops | None = None  # TTL or hop limit on arrival, shifted so that the system resolver's usual value is 64
    rcode: Code | None = None  # RFC 1035 4.1.1, null when it cannot be parsed
    flags: list[str] = Field(default_factory=list)  # of QR AA TC RD RA AD CD
    answers: list[DNSAnswer] = Field(default_factory=list)  # its records
    failure: str | None = None  # as for the entry. An unparsable answer is dns_server_misbehaving
    raw_response: str | None = None  # plain base64 without ECS, NSID, cookies and records that may contain an address


class DNSQuery(Entry):
    """Record one DNS query to one resolver (df-002)."""

    LIST: ClassVar[str] = "queries"
    OPERATION: ClassVar[str] = "resolve"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            *("getaddrinfo_error", "raw_response", "rcode", "x_responses", "x_listened", "x_round_trip", "x_sent"),
            "x_in_hosts_file",
        }
    )

    answers: list[DNSAnswer] = Field(default_factory=list)  # the records of the evaluated answer
    engine: str  # how the query was sent: system, getaddrinfo, udp, tcp, dot, doh
    hostname: str  # the queried name
    query_type: str  # A, AAAA, or ANY where the library queries both
    getaddrinfo_error: Code | None = None  # EAI_*, as this system numbers them
    raw_response: str | None = None
    """The answer in plain base64, without ECS, NSID, cookies and records that may contain an address."""
    rcode: Code | None = None  # of the answer, RFC 1035 4.1.1
    resolver_hostname: Public[None] = None  # deprecated by OONI, always null
    resolver_port: Public[None] = None  # deprecated by OONI, always null
    resolver_address: str = ""  # "system" for the system resolver, "8.8.8.8:53", "1.1.1.1:853", or a DoH URL
    x_responses: list[DNSResponse] | None = None  # every datagram, engine udp only
    x_listened: Seconds | None = None  # total time that the socket listened
    x_round_trip: Seconds | None = None  # from the first query to the first answer
    x_sent: Count | None = None  # datagrams sent, engine udp only: 2 if the query was repeated
    x_in_hosts_file: bool | None = Field(default=None, examples=[True])
    """True where the hosts file of this computer has all addresses of the answer. Only for engine system."""


class ConnectStatus(Part):
    """Hold the result of a TCP connect (df-005)."""

    """Hold the result of a TCP connect (df-005)."""

    success: bool  # whether the connection was established
    failure: str | None  # a df-007 string, null for success


class TCPConnect(Entry):
    """Record one TCP connect (df-005)."""

    LIST: ClassVar[str] = "tcp_connect"
    OPERATION: ClassVar[str] = "connect"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_syn_repeats"})  # of a failed connect, or not told by the system

    failure: str | None = Field(default=None, exclude=True)  # df-005 has it inside `status`
    ip: str  # the other end, an IP literal
    port: Port  # the other end's
    x_syn_repeats: Count | None = Field(default=None, examples=[1])  # SYNs that the kernel sent again, if it tells

    @computed_field  # type: ignore[prop-decorator]
    @property
    def status(self) -> ConnectStatus:
        """Return the result of the connect."""
        return ConnectStatus(success=self.failure is None, failure=self.failure)


class HTTPRequest(Part):
    """Hold the request half of a round trip (df-001)."""

    url: str  # in OONI's form, without the default port
    method: str = "GET"  # GET or POST
    body: str = ""  # the body that was sent
    body_is_truncated: bool = False  # whether the recorded body is shorter than the sent one
    headers: dict[str, str] = Field(default_factory=dict)  # value by name, the last value of a repeated name
    headers_list: list[tuple[str, str]] = Field(default_factory=list)  # all of them, in order
    x_transport: Public[str] = "tcp"  # tcp, quic


class HTTPResponse(Part):
    """Hold the response half of a round trip. Of the body only length, title, digest and fingerprint ids are kept."""

    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_header_names", "x_body_time"})

    code: Code = 0  # the status, 0 without a status line
    body: Withheld[str] = ""  # never recorded, because a page may identify its reader
    body_is_truncated: bool = True  # whether the recorded body is shorter than the received one
    headers: dict[str, str] = Field(default_factory=dict)  # only names on the allow-list of probe/steps/http
    headers_list: list[tuple[str, str]] = Field(default_factory=list)  # the same, in order
    x_body_length: Bytes = 0  # as received, at most the limit of probe/steps/http
    x_title: Text[str] = ""  # of an HTML page, or its class and length
    x_body_sha256: str = ""  # digest of the body, under a key of the run that is never written
    x_fingerprints: list[str] = Field(default_factory=list)  # ids of known block pages that match
    x_redirect_host: str = ""  # host in the Location of a 3xx, as in `hostname` of a DNS answer
    x_header_names: Text[list[str] | None] = None  # of all headers, without values, in web_connectivity only
    x_body_time: Seconds | None = Field(default=None, examples=[0.31])
    """From the answer's first byte to the last one of the body that was read, of bodies of at least 8 kB.

    In the clear and over QUIC it is from the status line.
    """
    x_body_failure: str | None = None  # why the body ended early. At the limit it is null, unless silence followed


class HTTPTransaction(Entry):
    """Record one HTTP round trip (df-001)."""

    LIST: ClassVar[str] = "requests"
    OPERATION: ClassVar[str] = "http_round_trip"

    network: str = "tcp"  # what carries it: tcp, udp
    address: str = ""  # "1.2.3.4:443", "" when the chain failed before HTTP
    alpn: str = "http/1.1"  # the HTTP version
    request: HTTPRequest  # the request
    response: HTTPResponse = Field(default_factory=HTTPResponse)  # the response, empty on failure


class MTProtoExchange(Entry):
    """Record one `req_pq_multi` and its `resPQ`, which must echo our nonce.

    Source: https://core.telegram.org/mtproto/auth_key (read 2026-11-24).
    """

    LIST: ClassVar[str] = "mtproto"
    OPERATION: ClassVar[str] = "mtproto_exchange"

    address: str  # "1.2.3.4:443"
    transport: str  # "abridged" or "obfuscated2"
    nonce_echoed: bool = False  # the proof: the server has read our request
    key_fingerprints: Count = 0  # how many RSA key fingerprints the server offered


class NoiseHandshake(Entry):
    """Record WhatsApp's client hello and server hello of Noise XX, with the server's certificates."""

    LIST: ClassVar[str] = "noise"
    OPERATION: ClassVar[str] = "noise_handshake"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_first_bytes"})

    address: str  # "1.2.3.4:443"
    server_hello: bool = False  # a server hello was received and decrypts with our keys
    chain_valid: bool = False  # the chain inside ends at WhatsApp's known root key
    x_first_bytes: BinaryData | None = None  # received bytes that are no server hello, at most 64


class RandomBytes(Entry):
    """Hold bytes of no protocol over TCP. Any answer is a success, the end of the connection included."""

    LIST: ClassVar[str] = "random_bytes"
    OPERATION: ClassVar[str] = "random_bytes"

    address: str = Field(examples=["192.0.2.1:443"])  # address and port of the neutral host
    size: Bytes = Field(examples=[128])  # sent
