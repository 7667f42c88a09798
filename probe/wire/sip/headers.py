"""Parse SIP header values (RFC 3261, section 20) leniently. No function raises for a value from a server."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

COMPACT = {
    "a": "accept-contact",
    "b": "referred-by",
    "c": "content-type",
    "d": "request-disposition",
    "e": "content-encoding",
    "f": "from",
    "i": "call-id",
    "j": "reject-contact",
    "k": "supported",
    "l": "content-length",
    "m": "contact",
    "n": "identity-info",
    "o": "event",
    "r": "refer-to",
    "s": "subject",
    "t": "to",
    "u": "allow-events",
    "v": "via",
    "x": "session-expires",
    "y": "identity",
}
"""Compact names in IANA's list (RFC 3261, section 7.3.3, and later RFCs)."""

MOST_PARTS = 64  # values per header and parameters per value. No message needs more
LONGEST_NUMBER = 10  # digits of the largest CSeq (2**31 - 1). Longer text is no number
_CLOSERS = {'"': '"', "<": ">", "[": "]"}
_PROTOCOL = re.compile(r"\s*([^\s/]+)\s*/\s*([^\s/]+)\s*/\s*([^\s/;,]+)\s+(.*)", re.DOTALL)
_SENT_BY = re.compile(r"\s*(\[[^\]]*\]|[^\s:;,]*)\s*(?::\s*(\d*))?\s*")


def full_name(name: str) -> str:
    """Return the header's full name in lower case."""
    name = name.strip().lower()
    return COMPACT.get(name, name)


def number(text: str) -> int | None:
    """Return a non-negative decimal of at most ten digits, None for other text."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def split_outside(text: str, mark: str) -> list[str]:
    """Split `text` at each `mark` outside quotes, angle and square brackets, into at most MOST_PARTS pieces.

    The text after an opening without a closing is one piece.
    """
    pieces, begin = [], 0
    for at in islice(_outside(text, mark, _CLOSERS), MOST_PARTS - 1):
        pieces.append(text[begin:at])
        begin = at + 1
    return [*pieces, text[begin:]]


def _outside(text: str, mark: str, closers: dict[str, str]) -> Iterator[int]:
    """Yield the positions of `mark` that are not enclosed. Backslashes escape only inside quotes."""
    closer, escaped = "", False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif closer:
            escaped = char == "\\" and closer == '"'
            closer = "" if char == closer else closer
        elif char == mark:
            yield at
        else:
            closer = closers.get(char, "")


def parameters(pieces: list[str]) -> dict[str, str]:
    """Return the values of `name=value` pieces by lower-case name, without quotes. The first of equal names counts."""
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), unquoted(value.strip()))
    return found


def unquoted(text: str) -> str:
    """Return the content of a quoted string without escapes. Return other text unchanged."""
    if len(text) < 2 or not text.startswith('"') or not text.endswith('"'):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


@dataclass(frozen=True)
class Via:
    """Represent one value of a Via header (section 20.42). `port` is None without a number."""

    protocol: str  # "SIP/2.0"
    transport: str  # upper case
    host: str
    port: int | None = None
    params: dict[str, str] = field(default_factory=dict)

    @property
    def branch(self) -> str:
        return self.params.get("branch", "")

    @property
    def sent_by(self) -> tuple[str, int]:
        """Return host (lower case) and port, by default the transport's port (section 18.1.1)."""
        return self.host.lower(), self.port or (5061 if self.transport == "TLS" else 5060)


def read_via(value: str) -> Via | None:
    """Parse one value of a Via header. Return None without a protocol and a sender."""
    first, *rest = split_outside(value, ";")
    found = _PROTOCOL.fullmatch(first.strip())
    sent_by = _SENT_BY.match(found[4]) if found else None
    if found is None or sent_by is None or not sent_by[1]:
        return None
    protocol = f"{found[1]}/{found[2]}".upper()
    return Via(protocol, found[3].upper(), sent_by[1], number(sent_by[2] or ""), parameters(rest))


@dataclass(frozen=True)
class Address:
    """Represent one value of From, To or Contact (20.10, 20.20, 20.39): `"name" <uri>;params` or `uri;params`."""

    uri: str
    display: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return self.params.get("tag", "")


def read_address(value: str) -> Address:
    """Parse one value. Text that cannot be parsed becomes the URI."""
    first, *rest = split_outside(value, ";")
    bracket = next(_outside(first, "<", {'"': '"'}), None)
    if bracket is None:
        return Address(first.strip(), "", parameters(rest))
    uri = first[bracket + 1 :].partition(">")[0].strip()
    return Address(uri, unquoted(first[:bracket].strip()), parameters(rest))


def read_cseq(value: str) -> tuple[int | None, str]:
    """Return number and method of a CSeq (section 20.16). The number is None if it is malformed."""
    words = value.split()
    return number(words[0]) if words else None, words[1] if len(words) > 1 else ""


def values(lines: Iterable[str]) -> list[str]:
    """Return the values of one header in all its lines. Commas in quotes and brackets do not separate values."""
    found = (piece.strip() for line in lines for piece in split_outside(line, ","))
    return [piece for piece in found if piece][:MOST_PARTS]
