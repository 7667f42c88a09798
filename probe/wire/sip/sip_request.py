"""Build anonymous SIP requests (RFC 3261, section 8.1.1), and recognise their answers."""

import ipaddress
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from probe.wire.sip.sip_message import SIPMessage

ANONYMOUS = "anonymous.invalid"  # RFC 3323, section 4.1.1.3. A name under .invalid does not exist (RFC 2606)
MAGIC_COOKIE = "z9hG4bK"  # first characters of a unique branch (section 8.1.1.7)


def random_id() -> str:
    """Return 96 random bits in hexadecimal digits."""
    return secrets.token_hex(12)


def random_branch() -> str:
    return MAGIC_COOKIE + random_id()


@dataclass(frozen=True)
class SIPRequest:
    """Hold the identifiers of a request to `host` (a name, or an IP literal without brackets).

    They do not contain our address or name. From, Contact and the sender in Via are `anonymous.invalid`, and `rport`
    (RFC 3581) requests the answer to the source of the request.
    """

    host: str
    transport: Literal["udp", "tcp", "tls"]
    branch: str = field(default_factory=random_branch)
    tag: str = field(default_factory=random_id)
    call_id: str = field(default_factory=lambda: f"{random_id()}@{ANONYMOUS}")
    user: str = field(default_factory=random_id)  # user part of Contact, by which a copy in the answer is recognised

    @property
    def uri(self) -> str:
        return f"sip:{bracketed(self.host)}"

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{ANONYMOUS}"

    def build(
        self,
        method: str,
        *,
        number: int = 1,
        uri: str = "",
        to: str = "",
        branch: str = "",
        more: Iterable[str] = (),
        body: bytes = b"",
    ) -> bytes:
        """Return the bytes of a request. `number` is that of CSeq, `more` are further header lines."""
        lines = (
            f"{method} {uri or self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {ANONYMOUS};branch={branch or self.branch};rport",
            "Max-Forwards: 70",
            f'From: "Anonymous" <sip:anonymous@{ANONYMOUS}>;tag={self.tag}',
            f"To: {to or f'<{self.uri}>'}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {number} {method}",
            *more,
            f"Content-Length: {len(body)}",
        )
        return "\r\n".join([*lines, "", ""]).encode() + body

    def is_answered_by(self, message: SIPMessage) -> bool:
        """Return whether a response has our branch (section 17.1.3) or, with a rewritten Via, our Call-ID.

        Both are 96 random bits, which are known only on the path of the request.
        """
        if not message.is_response:
            return False
        return self.branch in [via.branch for via in message.vias] or message.call_id == self.call_id


def bracketed(host: str) -> str:
    """Return a host as a URI has it, with brackets around an IPv6 literal."""
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
