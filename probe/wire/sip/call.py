"""Build the requests of one anonymous call (RFC 3261, sections 9, 13 and 15), and recognise their answers."""

from dataclasses import dataclass, field

from probe.wire.sip.headers import values
from probe.wire.sip.sip_message import SIPMessage
from probe.wire.sip.sip_request import SIPRequest, bracketed, random_branch, random_id

_MOST_ROUTES = 8
_DEFAULT_PORT = 5060


@dataclass(frozen=True)
class Call(SIPRequest):
    """Represent a call to `callee` (the user part of the URI) at `host`, in the role of the caller."""

    call_id: str = field(default_factory=random_id)  # without a host, which would make each response longer
    callee: str = ""
    port: int = _DEFAULT_PORT

    @property
    def uri(self) -> str:
        user = f"{self.callee}@" if self.callee else ""
        return f"sip:{user}{bracketed(self.host)}" + (f":{self.port}" if self.port != _DEFAULT_PORT else "")

    def invite(self, offer: bytes) -> bytes:
        more = (
            f"Contact: <{self.contact}>",
            "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE",
            "Accept: application/sdp",
            "Content-Type: application/sdp",
            "Content-Disposition: session",
        )
        return self.build("INVITE", more=more, body=offer)

    def cancel(self) -> bytes:
        """Return the CANCEL of the INVITE, which has its branch (section 9.1)."""
        return self.build("CANCEL")

    def ack(self, final: SIPMessage) -> bytes:
        """Return the ACK of a final response. That of a 2xx is a transaction of its own (sections 13.2.2.4, 17.1.1.3).

        The ACK of a repeated response has the same bytes, but for the branch.
        """
        to = _one_line(final.first("to"))
        if final.code >= 300:
            return self.build("ACK", to=to)
        return self.build("ACK", uri=self._target(final), to=to, branch=random_branch(), more=_routes(final))

    def bye(self, final: SIPMessage) -> bytes:
        """Return the BYE of the call that the 2xx response `final` established."""
        to, routes = _one_line(final.first("to")), _routes(final)
        return self.build("BYE", number=2, uri=self._target(final), to=to, branch=random_branch(), more=routes)

    def answers(self, message: SIPMessage, method: str) -> bool:
        """Return whether `message` is a response to our request with this method."""
        return self.is_answered_by(message) and message.cseq[1].upper() == method

    def is_within(self, message: SIPMessage) -> bool:
        """Return whether a request of the callee belongs to this call."""
        return not message.is_response and message.call_id == self.call_id and message.receiver.tag == self.tag

    def _target(self, final: SIPMessage) -> str:
        """Return the URI for requests within the call: the callee's Contact, if it can be used (section 12.1.2)."""
        uri = next((contact.uri for contact in final.contacts), "")
        usable = uri.lower().startswith(("sip:", "sips:")) and uri.isprintable() and not set(uri) & set(' <>"')
        return uri if usable else self.uri


def _routes(final: SIPMessage) -> list[str]:
    """Return the Route headers for requests within the call (section 12.1.2), the nearest proxy first."""
    recorded = values(final.lines("record-route"))[:_MOST_ROUTES]
    return [f"Route: {_one_line(value)}" for value in reversed(recorded)]


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
