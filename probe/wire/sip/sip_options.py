"""Build an anonymous SIP `OPTIONS` request (RFC 3261, section 11) and evaluate its answer."""

from probe.wire.sip.headers import Address, Via
from probe.wire.sip.sip_message import SIPMessage
from probe.wire.sip.sip_request import ANONYMOUS, SIPRequest


class Options(SIPRequest):
    """Represent one `OPTIONS` request with its own identifiers."""

    def written(self) -> bytes:
        return self.build("OPTIONS", more=(f"Contact: <{self.contact}>", "Accept: application/sdp"))

    def rewritten(self, answer: SIPMessage) -> list[str]:
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


def product_of(answer: SIPMessage) -> str:
    """Return the Server header of an answer, else its User-Agent."""
    return answer.first("server") or answer.first("user-agent")


def differences(first: SIPMessage, second: SIPMessage) -> list[str]:
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
