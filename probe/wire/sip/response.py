"""Build responses of a SIP server (RFC 3261, section 8.2.6)."""

from collections.abc import Iterable

from probe.wire.sip.sip_message import SIPMessage

COPIED = ("Via", "Record-Route", "From", "Call-ID", "CSeq")  # unchanged. To gets a tag


def build_response(
    request: SIPMessage, code: int, reason: str, *, tag: str = "", more: Iterable[str] = (), body: bytes = b""
) -> bytes:
    """Return a response to `request`. `tag` is added to a To header without one.

    Via gets no `received` (RFC 3261, section 18.2.1). The response is sent to the source of the request anyway, and so
    it does not contain the client's address.
    """
    to = request.first("to")
    lines = [
        f"SIP/2.0 {code} {reason}",
        *(f"{name}: {value}" for name in COPIED for value in request.lines(name.lower())),
        f"To: {to}" + (f";tag={tag}" if tag and not request.receiver.tag else ""),
        *more,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join([*map(_on_one_line, lines), "", ""]).encode() + body


def _on_one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")
