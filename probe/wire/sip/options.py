"""SIP `OPTIONS` (RFC 3261, section 11) from nobody in particular: the request, and what its answer tells."""

import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Literal

from probe.wire.sip.headers import Address, Via
from probe.wire.sip.message import Message

NOBODY = "anonymous.invalid"  # RFC 3323, section 4.1.1.3; a name under .invalid is nobody's (RFC 2606)
MAGIC_COOKIE = "z9hG4bK"  # a branch that begins so is unique (section 8.1.1.7)


def _random() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True)
class Options:
    """One `OPTIONS` request to `host` (a name, or an IP literal without brackets). Each has identifiers of its own.

    Nothing in it is an address or a name of ours: From, Contact and Via's sender are `anonymous.invalid`, and `rport`
    (RFC 3581) asks the server to answer where the request came from.
    """

    host: str
    transport: Literal["udp", "tcp", "tls"]
    branch: str = field(default_factory=lambda: MAGIC_COOKIE + _random())
    tag: str = field(default_factory=_random)
    call_id: str = field(default_factory=lambda: f"{_random()}@{NOBODY}")
    user: str = field(default_factory=_random)  # of Contact: who answers with it has it from us

    @property
    def uri(self) -> str:
        return f"sip:{_bracketed(self.host)}"

    @property
    def contact(self) -> str:
        return f"sip:{self.user}@{NOBODY}"

    def written(self) -> bytes:
        """The request on the wire."""
        lines = (
            f"OPTIONS {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {NOBODY};branch={self.branch};rport",
            "Max-Forwards: 70",
            f'From: "Anonymous" <sip:anonymous@{NOBODY}>;tag={self.tag}',
            f"To: <{self.uri}>",
            f"Call-ID: {self.call_id}",
            "CSeq: 1 OPTIONS",
            f"Contact: <{self.contact}>",
            "Accept: application/sdp",
            "Content-Length: 0",
        )
        return "\r\n".join([*lines, "", ""]).encode()

    def is_answered_by(self, message: Message) -> bool:
        """Say whether a response bears our branch (section 17.1.3) or, its Via rewritten, our Call-ID.

        Both are 96 random bits: only who saw the request can know one of them.
        """
        if not message.is_response:
            return False
        return self.branch in [via.branch for via in message.vias] or message.call_id == self.call_id

    def rewritten(self, answer: Message) -> list[str]:
        """What came back other than it was sent: "via", "contact", "call-id", "from", "to", "cseq".

        A server copies these (section 8.2.6.2). It may add `received` and `rport` to Via and a tag to To, and its own
        Contact is no copy: only one that bears our user part is compared.
        """
        came_back = {
            "via": len(answer.vias) == 1 and _same_hop(answer.vias[0], self),
            "contact": all(contact.uri == self.contact for contact in answer.contacts if self.user in contact.uri),
            "call-id": answer.call_id == self.call_id,
            "from": _same(answer.sender, f"sip:anonymous@{NOBODY}") and answer.sender.tag == self.tag,
            "to": _same(answer.receiver, self.uri),
            "cseq": answer.cseq == (1, "OPTIONS"),
        }
        return [name for name, as_sent in came_back.items() if not as_sent]


def _same_hop(via: Via, sent: Options) -> bool:
    ours = Via("SIP/2.0", sent.transport.upper(), NOBODY)
    return (via.transport, via.sent_by, via.branch) == (ours.transport, ours.sent_by, sent.branch)


def _same(address: Address, uri: str) -> bool:
    return address.uri.lower() == uri.lower()


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
