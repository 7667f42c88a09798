"""Define the entries of mail: one per command and answer of an SMTP or IMAP dialogue."""

from typing import ClassVar, Literal

from pydantic import Field

from probe.formats.entries import BinaryData, Entry
from probe.formats.field_notes import Answer, Code, Text


class MailEntry(Entry):
    """Hold the common fields of all mail entries."""

    LIST: ClassVar[str] = "mail"
    OMITTED: ClassVar[frozenset[str]] = frozenset({"x_first_bytes", "known_refusal", "contradicted"})

    address: str  # "192.0.2.1:587"
    protocol: Literal["smtp", "imap"]  # protocol of the dialogue
    operation: Literal["greeting", "starttls"]  # kind of the entry, because the list contains both
    over_tls: bool = False  # whether the dialogue runs inside TLS
    x_first_bytes: BinaryData | None = None  # of an answer in another protocol, at most 64
    known_refusal: Code | None = Field(default=None, examples=[550])
    """550 or 551, if a reply to EHLO or STARTTLS has the exact text that a middlebox is said to send."""
    contradicted: bool | None = Field(default=None, examples=[True])
    """Whether an acceptance followed a 550 or 551 to the same command, or the end of another greeting a greeting that
    refuses. Null where none was waited for."""


class MailGreeting(MailEntry):
    """Hold the banner and the list of capabilities: EHLO in SMTP (RFC 5321), CAPABILITY in IMAP (RFC 9051)."""

    OPERATION: ClassVar[str] = "mail_greeting"

    operation: Literal["greeting"] = "greeting"
    banner_code: Code = 0  # 220 in SMTP, 0 in IMAP
    banner: Answer[str] = ""  # the first line, at most 128 characters, or its class and length
    capabilities: Text[list[str]] = Field(default_factory=list)  # keywords, in order
    starttls: Literal["", "offered", "masked", "missing"] = ""  # "" inside TLS
    masked_as: Text[str] = ""  # the keyword in place of STARTTLS ("XXXXXXXA")


class MailStartTLS(MailEntry):
    """Hold the STARTTLS command and its answer (RFC 3207, RFC 9051 6.2.1), before the handshake."""

    OPERATION: ClassVar[str] = "mail_starttls"
    OMITTED: ClassVar[frozenset[str]] = MailEntry.OMITTED | {"x_injected"}

    operation: Literal["starttls"] = "starttls"
    code: Code = 0  # 220 in SMTP, 0 in IMAP
    accepted: bool = False  # the server accepted TLS
    answer: Answer[str] = ""  # the answer line, at most 128 characters, or its class and length
    x_injected: BinaryData | None = None  # plaintext after the answer and before the handshake
