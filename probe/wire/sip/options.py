"""Build an anonymous SIP `OPTIONS` request (RFC 3261, section 11) and evaluate its answer."""

import ipaddress
import secrets
from dataclasses import dataclass, field
from typing import Literal

from probe.wire.sip.headers import Address, Via
from probe.wire.sip.message import Message

ANONYMOUS = "anonymous.invalid"  # RFC 3323, section 4.1.1.3. A name under .invalid does not exist (RFC 2606)
MAGIC_COOKIE = "z9hG4bK"  # first characters of a unique branch (section 8.1.1.7)


def _random() -> str:
    return secrets.token_hex(12)


@dataclass(frozen=True)
class Options:
    """Represent one `OPTIONS` request to `host` (a name, or an IP literal without brackets) with its own identifiers.

    It does not contain our address or name. From, Contact and the sender in Via are `anonymous.invalid`, and `rport`
    (RFC 3581) requests the answer to the source of the request.
    """

    host: str
    transport: Literal["udp", "tcp", "tls"]
    branch: str = field(default_factory=lambda: MAGIC_COOKIE + _random())
    tag: str = field(default_factory=_random)
    call_id: str = field(default_factory=lambda: f"{_random()}@{ANONYMOUS}")
    user: str = field(default_factory=_random)  # user part of Contact, by which a copy in the answer is recognised

    @property
    def uri(self) -> str:
        """Return the request URI."""
        return f"sip:{_bracketed(self.host)}"

    @property
    def contact(self) -> str:
        """Return the URI in Contact."""
        return f"sip:{self.user}@{ANONYMOUS}"

    def written(self) -> bytes:
        """Return the request in bytes."""
        lines = (
            f"OPTIONS {self.uri} SIP/2.0",
            f"Via: SIP/2.0/{self.transport.upper()} {ANONYMOUS};branch={self.branch};rport",
            "Max-Forwards: 70",
            f'From: "Anonymous" <sip:anonymous@{ANONYMOUS}>;tag={self.tag}',
            f"To: <{self.uri}>",
            f"Call-ID: {self.call_id}",
            "CSeq: 1 OPTIONS",
            f"Contact: <{self.contact}>",
            "Accept: application/sdp",
            "Content-Length: 0",
        )
        return "\r\n".join([*lines, "", ""]).encode()

    def is_answered_by(self, message: Message) -> bool:
        """Return whether a response has our branch (section 17.1.3) or, with a rewritten Via, our Call-ID.

        Both are 96 random bits, which are known only on the path of the request.
        """
        if not message.is_response:
            return False
        return self.branch in [via.branch for via in message.vias] or message.call_id == self.call_id

    def rewritten(self, answer: Message) -> list[str]:
        """Return the fields that came back changed: "via", "contact", "call-id", "from", "to", "cseq".

        A server copies these (section 8.2.6.2). It may add `received` and `rport` to Via, and a tag to To. Its own
        Contact is no copy, so only a Contact with our user part is compared.
        """
        came_back = {
            "via": len(answer.vias) == 1 and _same_via(answer.vias[0], self),
            "contact": all(contact.uri == self.contact for contact in answer.contacts if self.user in contact.uri),
            "call-id": answer.call_id == self.call_id,
            "from": _same(answer.sender, f"sip:anonymous@{ANONYMOUS}") and answer.sender.tag == self.tag,
            "to": _same(answer.receiver, self.uri),
            "cseq": answer.cseq == (1, "OPTIONS"),
        }
        return [name for name, as_sent in came_back.items() if not as_sent]


def product_of(answer: Message) -> str:
    """Return the Server header of an answer, else its User-Agent."""
    return answer.first("server") or answer.first("user-agent")


def differences(first: Message, second: Message) -> list[str]:
    """Return in what two answers to one request differ beside the status: "server", "via" or "tag" (of To).

    A server adds the same `received` and `rport` to our Via (RFC 3581, section 4) in both.
    """
    differs = {
        "server": product_of(first) != product_of(second),
        "via": first.lines("via") != second.lines("via"),
        "tag": first.receiver.tag != second.receiver.tag,
    }
    return [name for name, is_other in differs.items() if is_other]


def _same_via(via: Via, sent: Options) -> bool:
    ours = Via("SIP/2.0", sent.transport.upper(), ANONYMOUS)
    return (via.transport, via.sent_by, via.branch) == (ours.transport, ours.sent_by, sent.branch)


def _same(address: Address, uri: str) -> bool:
    return address.uri.lower() == uri.lower()


def _bracketed(host: str) -> str:
    try:
        return f"[{host}]" if ipaddress.ip_address(host).version == 6 else host
    except ValueError:
        return host
