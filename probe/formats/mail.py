"""The entries of mail: one per command and answer of an SMTP or IMAP dialogue."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import BinaryData, Entry
from probe.formats.field_notes import Code


class MailEntry(Entry):
    """What all mail entries share. `over_tls` says whether the dialogue ran inside TLS."""

    LIST: ClassVar[str] = "mail"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_first_bytes"})

    address: str  # "192.0.2.1:587"
    protocol: Literal["smtp", "imap"]  # what is spoken
    operation: Literal["greeting", "starttls"]  # written out because the list holds both
    over_tls: bool = False  # whether the dialogue runs inside TLS
    x_first_bytes: BinaryData | None = None  # of an answer that is not of the protocol, at most 64


class MailGreeting(MailEntry):
    """The banner and the list of capabilities (SMTP: EHLO, RFC 5321; IMAP: CAPABILITY, RFC 9051)."""

    OPERATION: ClassVar[str] = "mail_greeting"

    operation: Literal["greeting"] = "greeting"
    banner_code: Code = 0  # SMTP's 220; IMAP has none
    banner: str = ""  # the first line, at most 128 characters, addresses cut out
    capabilities: list[str] = Field(default_factory=list)  # keywords, in order
    starttls: Literal["", "offered", "masked", "missing"] = ""  # "" inside TLS, where nobody needs it
    masked_as: str = ""  # the keyword that stands where STARTTLS should ("XXXXXXXA")


class MailStartTLS(MailEntry):
    """The STARTTLS command and its answer (RFC 3207; RFC 9051, section 6.2.1), before the handshake."""

    OPERATION: ClassVar[str] = "mail_starttls"
    OMITTED: ClassVar[frozenset[str]] = MailEntry.OMITTED | {"x_injected"}

    operation: Literal["starttls"] = "starttls"
    code: Code = 0  # SMTP's 220; IMAP: 0
    accepted: bool = False  # the go-ahead for TLS came
    answer: str = ""  # the line, at most 128 characters, addresses cut out
    x_injected: BinaryData | None = None  # plaintext that came behind the go-ahead, before the handshake
