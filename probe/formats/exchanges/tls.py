"""Define the entries of TLS and QUIC handshakes (OONI's df-006), and what they say about our own connections."""

from typing import ClassVar

from pydantic import Field

from probe.formats.entries import BinaryData, Entry, Part
from probe.formats.field_notes import Bytes, Code, Count, PrivacyClass, Public, Text


class WithheldLeaf(Part):
    """Hold what rules need of a leaf certificate that is not written, because it may contain the user's address.

    The digests are under a key of the run, which is never written. An issuer without address has its plain digest.
    """

    digest: str = Field(examples=["0c" * 32])  # of the certificate
    issuer: str = Field(examples=["5f" * 32])  # of the issuer's name, "" if it cannot be parsed
    self_signed: bool = Field(examples=[True])  # issuer and subject are equal
    bears_name: bool = Field(examples=[True])  # it contains the requested name or its wildcard


class ParallelHellos(Part):
    """Count the run's TLS connections to the same network (/24 of IPv4, /48 of IPv6) with the same kind of hello.

    The highest numbers are those from 70 s before the hello to the end of its handshake, itself not counted.
    """

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    open: Count = Field(examples=[2])  # other ones that were open when the hello was sent
    most: Count = Field(examples=[4])  # most other ones that were open side by side
    elsewhere: Count = Field(examples=[3])  # those of them to other addresses
    crowded: Count = Field(examples=[9])  # hellos of the run beside three or more others, until then
    crowded_answered: Count = Field(examples=[5])  # those of them that were answered
    later: Count = Field(default=0, examples=[1])
    """Answered hellos to this network, sent within 20 s after an unanswered one to this address."""
    not_again: Count | None = Field(default=None, examples=[1])
    """Names that were answered in this network, but not since this name was not. Null before it failed."""
    most_in_run: Count = Field(default=0, examples=[7])
    """Most other TLS connections of the run for services that were open side by side, to any network."""


class TLSHandshake(Entry):
    """Record one TLS handshake (df-006). Certificates are kept even if the handshake failed later."""

    LIST: ClassVar[str] = "tls_handshakes"
    OPERATION: ClassVar[str] = "tls_handshake"
    OMITTED: ClassVar[frozenset[str]] = frozenset(
        {
            *("so_error", "echconfig", "outer_server_name", "x_ech_accepted", "x_first_bytes", "x_alert"),
            *("x_trusted_by_machine", "x_withheld_leaf", "x_parallel"),
        }
    )

    network: str = "tcp"  # what carries it: tcp, udp
    address: str  # "1.2.3.4:443", "[2001:db8::1]:443"
    server_name: str = ""  # the SNI on the wire, "" when none was sent. With `outer_server_name` the encrypted name
    outer_server_name: str | None = Field(default=None, examples=["cloudflare-ech.com"])
    """The SNI on the wire if the name itself was encrypted (RFC 9849), else absent."""
    echconfig: str | None = Field(default=None, examples=["GREASE"])
    """GREASE if the hello carried Encrypted ClientHello without a key (RFC 9849 section 6.2).

    With a key it is the list of configurations in base64. Otherwise it is absent.
    """
    cipher_suite: str = ""  # its IANA name, "" when none was agreed on
    negotiated_protocol: Text[str] = ""  # by ALPN
    no_tls_verify: bool = False  # whether the chain was not checked
    peer_certificates: list[BinaryData] = Field(default_factory=list)  # DER, leaf first, as sent
    tls_version: str = ""  # "TLSv1.3", "" when none was agreed on
    so_error: str | None = Field(default=None, examples=["connection_reset"])  # the socket's error behind a failure
    x_verified_name: str = ""  # the name that the chain was checked for
    x_answered: bool = False  # a well-formed TLS record was received, alerts included
    x_completed: bool = False  # the handshake finished, with a valid certificate or not
    x_alert: Code | None = Field(default=None, examples=[112])  # the alert description received
    x_first_bytes: BinaryData | None = None  # received bytes that are no TLS, at most 64
    x_trusted_by_machine: bool | None = None  # checked only if the public roots do not accept the chain
    x_withheld_leaf: WithheldLeaf | None = None  # of a chain that is not written
    x_ech_accepted: bool | None = Field(default=None, examples=[True])
    """Whether the server could decrypt the name. Absent if it was not encrypted, or nothing was answered."""
    x_client_hello_length: Bytes = 0  # of our hello's record
    x_engine: Public[str] = "openssl"  # library that made the hello
    x_parallel: ParallelHellos | None = None  # other connections to the same network, over TCP only


class QUICHandshake(TLSHandshake):
    """Record one QUIC handshake (RFC 9001) with the fields of TLS. `x_answered`: our keys decrypted a packet."""

    LIST: ClassVar[str] = "quic_handshakes"
    OPERATION: ClassVar[str] = "quic_handshake"

    network: str = "udp"
    x_engine: Public[str] = "aioquic"
    x_quic_version: str = ""  # "1", or the negotiated version
    x_version_negotiation: bool = False  # a Version Negotiation packet came back
    x_retry: bool = False  # the server requested address validation (RFC 9000 8.1.2)
    x_close_code: Code | None = Field(default=None, examples=[296])  # transport error of a received CONNECTION_CLOSE

    OMITTED: ClassVar[frozenset[str]] = TLSHandshake.OMITTED | {"x_close_code"}
