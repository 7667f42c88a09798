"""The entries of calls: STUN and TURN, SIP, and the echo that tells a dropped payload from dropped datagrams."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import BinaryData, Entry
from probe.formats.field_notes import Bytes, Code, Count, Port, Seconds, Withheld

Transport = Literal["udp", "tcp", "tls"]
EchoPayload = Literal["stun", "sip", "other"]
"""Whose datagram an echo was asked for; "other" is of no protocol."""


class STUNExchange(Entry):
    """One STUN Binding or TURN Allocate transaction (RFC 8489, RFC 8656). Our mapped address is never kept."""

    LIST: ClassVar[str] = "stun"
    OPERATION: ClassVar[str] = "stun_exchange"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {"fingerprint_valid", "mapped_differs", "round_trip", "x_first_bytes"}
    )

    address: str  # "192.0.2.1:3478"
    transport: Transport  # what carries it
    method: Literal["binding", "allocate"] = "binding"  # allocate is TURN's
    response: Literal["", "success", "error"] = ""  # the class of the response that bears our transaction id
    error_code: Code = 0  # 401 is what a TURN server says to strangers
    software: str = ""  # the SOFTWARE attribute
    fingerprint_valid: bool | None = None  # None: the response had no FINGERPRINT
    mapped_family: Literal[0, 4, 6] = 0  # of XOR-MAPPED-ADDRESS (else MAPPED-ADDRESS); 0: there was none
    mapped_differs: Withheld[bool | None] = None  # whether it is another than the socket's own: there is a NAT
    has_realm: bool = False  # with a nonce, what makes a 401 a TURN server's
    has_nonce: bool = False  # with a realm, the same
    x_sent: Count = 0  # datagrams; 1 over TCP and TLS
    round_trip: Seconds | None = None  # seconds from the last request sent to the response
    x_foreign: Count = 0  # messages that came and were not an answer to ours
    x_first_bytes: BinaryData | None = None  # of the first of them, at most 64


class SIPExchange(Entry):
    """One SIP OPTIONS transaction (RFC 3261, section 17.1.2), as `anonymous.invalid`."""

    LIST: ClassVar[str] = "sip"
    OPERATION: ClassVar[str] = "sip_options"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip", "x_first_bytes"})

    address: str  # "192.0.2.1:5060"
    transport: Transport  # what carries it
    method: str = "OPTIONS"  # nothing else is ever sent
    code: Code = 0  # final status of the response that bears our branch (its Via rewritten: our Call-ID); 0: none came
    reason: str = ""  # the phrase behind the status
    provisional: list[Code] = Field(default_factory=list)  # the 1xx that came before it
    server: str = ""  # the Server header, else User-Agent
    rewritten: list[str] = Field(default_factory=list)
    """What came back other than it was sent: "via", "contact", "call-id", "from", "to", "cseq"."""
    x_sent: Count = 0  # requests; 1 over TCP and TLS
    round_trip: Seconds | None = None  # from the last request sent to the response
    x_foreign: Count = 0  # messages that came and were not an answer to ours
    x_first_bytes: BinaryData | None = None  # of the first of them, at most 64


class UDPEcho(Entry):
    """One datagram to the helper's echo. The helper's address is not kept: it could name a group of volunteers."""

    LIST: ClassVar[str] = "echoes"
    OPERATION: ClassVar[str] = "udp_echo"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"round_trip"})

    port: Port  # the helper's
    payload: EchoPayload  # whose datagram it looks like
    size: Bytes  # of the datagram's payload
    x_sent: Count = 0  # datagrams
    echoed: bool = False  # one came back with our token
    changed: bool = False  # what arrived there was not what was sent
    round_trip: Seconds | None = None  # from the last one sent to the echo
