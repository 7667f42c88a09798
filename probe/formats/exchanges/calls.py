"""Define the entries of calls: STUN and TURN, Telegram's relays, DTLS, SIP, and the UDP echo for the echo pair."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from probe.formats.entries import BinaryData, Entry, payload_kinds
from probe.formats.field_notes import Bytes, Code, Count, Port, Product, Seconds, Text, Withheld

Transport = Literal["udp", "tcp", "tls"]
DTLSHello = Literal["openssl", "firefox", "dtls13"]
DTLSVersion = Literal["", "DTLSv1", "DTLSv1.2", "DTLSv1.3", "other"]
DTLSAnswer = Literal["verify_request", "server_hello", "retry_request", "alert"]


def _list_echo_payloads(schema: dict[str, Any]) -> None:
    schema["enum"] = [*payload_kinds(), "other"]


EchoPayload = Annotated[str, Field(json_schema_extra=_list_echo_payloads)]
"""Kind of the datagram that was sent to the echo. "other" is of no protocol."""


class STUNExchange(Entry):
    """Record one STUN Binding or TURN Allocate transaction (RFC 8489, RFC 8656). Our mapped address is not written."""

    LIST: ClassVar[str] = "stun"
    OPERATION: ClassVar[str] = "stun_exchange"
    PAYLOAD: ClassVar[str] = "stun"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            *("fingerprint_valid", "mapped_differs", "mapped_network", "round_trip"),
            *("x_first_bytes", "contradicted", "x_answer_size"),
        }
    )

    _mapped: str | None = PrivateAttr(default=None)

    address: str  # "192.0.2.1:3478"
    transport: Transport  # what carries it
    method: Literal["binding", "allocate"] = "binding"  # allocate is TURN's
    response: Literal["", "success", "error"] = ""  # the class of the response that bears our transaction id
    error_code: Code = 0  # 401 is a TURN server's answer without credentials
    software: Product[str] = ""  # the SOFTWARE attribute: products, or class and length
    fingerprint_valid: bool | None = None  # None if the response had no FINGERPRINT
    mapped_family: Literal[0, 4, 6] = 0  # of XOR-MAPPED-ADDRESS, else of MAPPED-ADDRESS (0: none)
    mapped_differs: Withheld[bool | None] = None  # whether it differs from the socket's own address, which shows a NAT
    mapped_network: Literal["same", "other", "private"] | None = Field(default=None, examples=["private"])
    """Whose network the mapped address is of: the one of the address that a test helper saw, another one, or a private
    one. Null where this is not known.
    """
    has_realm: bool = False  # a 401 with realm and nonce is a TURN server's
    has_nonce: bool = False  # a 401 with realm and nonce is a TURN server's
    contradicted: bool | None = Field(default=None, examples=[True])
    """Whether an answer that proves the server followed an error. Null where no second answer was waited for."""
    x_sent: Count = 0  # datagrams, 1 over TCP and TLS
    round_trip: Seconds | None = None  # from the last request sent to the response
    x_answer_size: Bytes | None = Field(default=None, examples=[96])
    """Payload of the longest datagram of the answer, rounded up to 32 bytes. Null over TCP and TLS, and without one."""
    x_foreign: Count = 0  # received messages that do not answer our request
    x_first_bytes: BinaryData | None = None  # of the first of them, at most 64

    @property
    def mapped(self) -> str | None:
        """Return our address as the server saw it. It stays in memory until the measurement ends."""
        return self._mapped

    def note_mapped(self, address: str) -> None:
        self._mapped = address


class ReflectorExchange(Entry):
    """Record one hello to a call relay of Telegram. Our mapped address is never kept."""

    LIST: ClassVar[str] = "reflector"
    OPERATION: ClassVar[str] = "reflector_hello"
    PAYLOAD: ClassVar[str] = "reflector"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"mapped_differs", "round_trip", "x_first_bytes", "x_answer_size"})

    address: str = Field(examples=["192.0.2.1:597"])  # the relay's
    transport: Literal["udp", "tcp"] = Field(examples=["udp"])  # what carries it
    response: Literal["", "self_info", "special", "data", "other"] = Field(default="", examples=["self_info"])
    """Form of the first packet that bears our tag. "self_info" holds our mapped address, "other" is an unknown form."""
    mapped_family: Literal[0, 4, 6] = Field(default=0, examples=[4])  # of the address in a self-info answer (0: none)
    mapped_differs: Withheld[bool | None] = Field(default=None, examples=[True])
    """Whether it differs from the socket's own address, which shows a NAT."""
    x_sent: Count = Field(default=0, examples=[1])  # datagrams, 1 over TCP
    round_trip: Seconds | None = Field(default=None, examples=[0.082])  # from the last hello sent to the answer
    x_answer_size: Bytes | None = Field(default=None, examples=[96])
    """Payload of the longest datagram of the answer, rounded up to 32 bytes. Null over TCP and TLS, and without one."""
    x_foreign: Count = Field(default=0, examples=[2])  # received packets that do not bear our tag
    x_first_bytes: BinaryData | None = None  # of the first of them, at most 16: as far as a tag reaches


class DTLSExchange(Entry):
    """Record one DTLS client hello and the first answers (RFC 6347, RFC 9147). The handshake is not completed."""

    LIST: ClassVar[str] = "dtls"
    OPERATION: ClassVar[str] = "dtls_hello"
    PAYLOAD: ClassVar[str] = "dtls"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"after_cookie", "round_trip", "x_first_bytes", "x_answer_size"})

    address: str = Field(examples=["192.0.2.1:5684"])  # the server's
    hello: DTLSHello = Field(default="openssl", examples=["firefox"])
    """Program whose hello was copied. "firefox" offers DTLS 1.2, "dtls13" is Firefox's with DTLS 1.3."""
    response: Literal["", DTLSAnswer] = Field(default="", examples=["verify_request"])
    """Kind of the first answer. "verify_request" and "retry_request" ask for the hello again with a cookie."""
    version: DTLSVersion = Field(default="", examples=["DTLSv1.2"])
    """Version that the first answer names, empty for an alert. HelloVerifyRequest names the old one."""
    cipher_suite: Code = Field(default=0, examples=[49195])  # of a ServerHello as first answer (0: none)
    alert: Code = Field(default=0, examples=[40])  # description of an alert as first answer (0: none)
    cookie_length: Bytes = Field(default=0, examples=[20])  # of the cookie, which is not kept
    after_cookie: Literal["silence", DTLSAnswer] | None = Field(default=None, examples=["server_hello"])
    """Answer to the hello with the cookie. Null where no such hello was sent."""
    x_sent: Count = Field(default=0, examples=[2])  # datagrams
    round_trip: Seconds | None = Field(default=None, examples=[0.082])  # from the answered hello to the first answer
    x_answer_size: Bytes | None = Field(default=None, examples=[96])
    """Payload of the longest datagram of the answer, rounded up to 32 bytes. Null over TCP and TLS, and without one."""
    x_foreign: Count = Field(default=0, examples=[1])  # received datagrams that are no answer in DTLS
    x_first_bytes: BinaryData | None = None  # of the first of them, at most 25: two headers of DTLS


class SIPExchange(Entry):
    """Record one SIP OPTIONS transaction (RFC 3261, section 17.1.2), as `anonymous.invalid`."""

    LIST: ClassVar[str] = "sip"
    OPERATION: ClassVar[str] = "sip_options"
    PAYLOAD: ClassVar[str] = "sip"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"round_trip", "x_first_bytes", "second_code", "second_differs", "x_answer_size"}
    )

    address: str  # "192.0.2.1:5060"
    transport: Transport  # what carries it
    method: str = "OPTIONS"  # no other method is sent
    code: Code = 0
    """Final status of the response with our branch, or with our Call-ID if its Via is rewritten (0: none)."""
    reason: Text[str] = ""  # the phrase after the status, or its class and length
    provisional: list[Code] = Field(default_factory=list)  # the 1xx responses before it
    server: Product[str] = ""  # the Server header, else User-Agent: products, or class and length
    rewritten: list[str] = Field(default_factory=list)
    """Fields that came back changed: "via", "contact", "call-id", "from", "to", "cseq"."""
    second_code: Code | None = Field(default=None, examples=[200])
    """Another final status to the same request, 0 for none. Null where no second answer was waited for."""
    second_differs: list[str] | None = Field(default=None, examples=[["ttl", "server", "tag"]])
    """What differs in the second answer beside the status: "ttl" on arrival, "server", "via", "tag" (of To)."""
    x_sent: Count = 0  # requests, 1 over TCP and TLS
    round_trip: Seconds | None = None  # from the last request sent to the response
    x_answer_size: Bytes | None = Field(default=None, examples=[96])
    """Payload of the longest datagram of the answer, rounded up to 32 bytes. Null over TCP and TLS, and without one."""
    x_foreign: Count = 0  # received messages that do not answer our request
    x_first_bytes: BinaryData | None = None  # of the first of them, at most 64


class UDPEcho(Entry):
    """Record one datagram to the helper's echo. Its address is not kept, because it could identify a group of users."""

    LIST: ClassVar[str] = "echoes"
    OPERATION: ClassVar[str] = "udp_echo"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip", "ends_swapped", "ends_kept", "answer_code"})

    port: Port  # the helper's
    payload: EchoPayload  # kind of datagram that it resembles
    size: Bytes  # of the datagram's payload
    x_sent: Count = 0  # datagrams
    echoed: bool = False  # a datagram with our token came back
    changed: bool = False  # other bytes came back than were sent
    ends_swapped: Count | None = Field(default=None, examples=[7])
    """Datagrams that came back with the first two and the last two bytes exchanged. Null if the first one did not."""
    ends_kept: Count | None = Field(default=None, examples=[1])
    """Repeated datagrams that came back as they were sent after these, at most one. Null where none was repeated."""
    answer_code: Code | None = Field(default=None, examples=[480])
    """Status of a SIP response, or number of a STUN error, that came back in place of the datagram. The helper speaks
    neither protocol."""
    round_trip: Seconds | None = None  # from the last datagram sent to the echo
