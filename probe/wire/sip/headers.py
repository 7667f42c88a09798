"""SIP header values (RFC 3261, section 20), read leniently: nothing here raises on what a server may have written."""

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
"""Compact names as IANA lists them (RFC 3261, section 7.3.3, and later RFCs)."""

MOST_PARTS = 64  # values of one header, parameters of one value: more than any message needs
LONGEST_NUMBER = 10  # digits of CSeq's largest (2**31 - 1); what is longer is no number here
_CLOSERS = {'"': '"', "<": ">", "[": "]"}
_PROTOCOL = re.compile(r"\s*([^\s/]+)\s*/\s*([^\s/]+)\s*/\s*([^\s/;,]+)\s+(.*)", re.DOTALL)
_SENT_BY = re.compile(r"\s*(\[[^\]]*\]|[^\s:;,]*)\s*(?::\s*(\d*))?\s*")


def full_name(name: str) -> str:
    """The header's name in lower case, compact forms written out."""
    name = name.strip().lower()
    return COMPACT.get(name, name)


def number(text: str) -> int | None:
    """A non-negative decimal of at most ten digits; None for anything else."""
    text = text.strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER else None


def split_outside(text: str, mark: str) -> list[str]:
    """Cut `text` at each `mark` that stands outside quotes, angle and square brackets; at most MOST_PARTS pieces.

    An opening that is never closed closes nothing off: what follows it is one piece.
    """
    pieces, begin = [], 0
    for at in islice(_outside(text, mark, _CLOSERS), MOST_PARTS - 1):
        pieces.append(text[begin:at])
        begin = at + 1
    return [*pieces, text[begin:]]


def _outside(text: str, mark: str, closers: dict[str, str]) -> Iterator[int]:
    """The places of `mark` that nothing encloses; backslashes escape inside quotes only."""
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
    """`name=value` pieces → names in lower case, values without quotes, "" where there is none; the first counts."""
    found: dict[str, str] = {}
    for piece in pieces:
        name, _, value = piece.partition("=")
        if name.strip():
            found.setdefault(name.strip().lower(), unquoted(value.strip()))
    return found


def unquoted(text: str) -> str:
    """A quoted string's content, its escapes undone; any other text as it is."""
    if len(text) < 2 or not text.startswith('"') or not text.endswith('"'):
        return text
    return re.sub(r"\\(.)", r"\1", text[1:-1], flags=re.DOTALL)


@dataclass(frozen=True)
class Via:
    """One hop of a Via header (section 20.42). `port` None: not written, or no number."""

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
        """Host (lower case) and port, the transport's own where none is written (section 18.1.1)."""
        return self.host.lower(), self.port or (5061 if self.transport == "TLS" else 5060)


def read_via(value: str) -> Via | None:
    """Read one value of a Via header; None when it has not even a protocol and a sender."""
    first, *rest = split_outside(value, ";")
    found = _PROTOCOL.fullmatch(first.strip())
    sent_by = _SENT_BY.match(found[4]) if found else None
    if found is None or sent_by is None or not sent_by[1]:
        return None
    protocol = f"{found[1]}/{found[2]}".upper()
    return Via(protocol, found[3].upper(), sent_by[1], number(sent_by[2] or ""), parameters(rest))


@dataclass(frozen=True)
class Address:
    """One value of From, To or Contact (sections 20.10, 20.20, 20.39): `"name" <uri>;params` or `uri;params`."""

    uri: str
    display: str = ""
    params: dict[str, str] = field(default_factory=dict)

    @property
    def tag(self) -> str:
        return self.params.get("tag", "")


def read_address(value: str) -> Address:
    """Read one value; whatever cannot be taken apart becomes the URI as it stands."""
    first, *rest = split_outside(value, ";")
    bracket = next(_outside(first, "<", {'"': '"'}), None)
    if bracket is None:
        return Address(first.strip(), "", parameters(rest))
    uri = first[bracket + 1 :].partition(">")[0].strip()
    return Address(uri, unquoted(first[:bracket].strip()), parameters(rest))


def read_cseq(value: str) -> tuple[int | None, str]:
    """`number method` → both; None where the number is none (section 20.16)."""
    words = value.split()
    return number(words[0]) if words else None, words[1] if len(words) > 1 else ""


def values(lines: Iterable[str]) -> list[str]:
    """The values of one header over all its lines, commas in quotes and brackets left alone, empty ones left out."""
    found = (piece.strip() for line in lines for piece in split_outside(line, ","))
    return [piece for piece in found if piece][:MOST_PARTS]
