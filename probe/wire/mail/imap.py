"""Parse IMAP up to STARTTLS: greeting, CAPABILITY and tagged responses (RFC 9051). Build the commands for it.

The parser is lenient: bare LF ends a line, keywords have any case, and literals (4.3) are skipped. It ignores responses
other than a greeting, a list of capabilities and the tagged end.
"""

import re
from typing import Literal, NamedTuple

LONGEST_LINE = 8192  # bytes. RFC 9051, section 4 sets no limit
LONGEST_ANSWER = 65536  # bytes of all responses to one command, literals included

Status = Literal["OK", "NO", "BAD", "PREAUTH", "BYE"]

_GREETING = re.compile(rb"\* +(OK|PREAUTH|BYE)(?: +(.*))?", re.DOTALL | re.IGNORECASE)
_UNTAGGED = re.compile(rb"\* +CAPABILITY(?: +(.*))?", re.DOTALL | re.IGNORECASE)
_CODE = re.compile(rb"\[CAPABILITY +([^\]]*)\]", re.IGNORECASE)
_BYE = re.compile(rb"\* +BYE(?: +(.*))?", re.DOTALL | re.IGNORECASE)
_RESPONSE = re.compile(rb"[*+] .*", re.DOTALL)
_LITERAL = re.compile(rb"\{([0-9]{1,9})\+?\}$")


class NotIMAP(ValueError):
    """Report that the bytes are no IMAP response, or exceed the limits."""


class IMAPResponse(NamedTuple):
    """Hold a greeting or the end of an answer: status, text, and the capabilities before it."""

    status: Status
    text: str
    capabilities: tuple[str, ...] = ()


def read_greeting(buffer: bytes) -> tuple[IMAPResponse | None, bytes]:
    """Split off the greeting (7.1). Return (greeting, rest), or (None, buffer) if it is incomplete. Raise NotIMAP."""
    if not b"* ".startswith(buffer[:2]):
        raise NotIMAP("no IMAP greeting")
    line, rest = _line(buffer, 0)
    if line is None:
        return None, buffer
    found = _GREETING.fullmatch(line)
    if found is None:
        raise NotIMAP("no IMAP greeting")
    return _response(found[1], found[2]), rest


def read_answer(buffer: bytes, tag: str) -> tuple[IMAPResponse | None, bytes]:
    """Split off everything up to the response with `tag`. Return (response, rest), or (None, buffer) if incomplete.

    An untagged BYE also ends the answer, because nothing follows it. Raise NotIMAP.
    """
    tagged = re.compile(re.escape(tag.encode()) + rb" +((?i:OK|NO|BAD))(?: +(.*))?", re.DOTALL)
    capabilities: tuple[str, ...] = ()
    at = 0
    while at <= LONGEST_ANSWER:
        _check_start(buffer[at:], tag.encode())
        line, rest = _line(buffer, at)
        if line is None:
            if len(buffer) > LONGEST_ANSWER:
                break
            return None, buffer
        at = len(buffer) - len(rest)
        if (found := tagged.fullmatch(line)) or (found := _BYE.fullmatch(line)):
            status = b"BYE" if found.re is _BYE else found[1]
            text = found[1] if found.re is _BYE else found[2]
            end = _response(status, text)
            return end._replace(capabilities=capabilities or end.capabilities), rest
        if listed := _UNTAGGED.fullmatch(line):
            capabilities += _words(listed[1] or b"")
        elif not _RESPONSE.fullmatch(line):
            raise NotIMAP("no IMAP response")
    raise NotIMAP("an endless IMAP answer")


def _line(buffer: bytes, at: int) -> tuple[bytes | None, bytes]:
    """Return the line at `at`, without its end and literals, and the rest. The line is None if it is incomplete."""
    line = b""
    while True:
        end = buffer.find(b"\n", at, at + LONGEST_LINE)
        if end < 0:
            if len(buffer) - at >= LONGEST_LINE:
                raise NotIMAP("an endless IMAP line")
            return None, buffer[at:]
        line += buffer[at:end].rstrip(b"\r")
        literal = _LITERAL.search(line)
        if literal is None:
            return line, buffer[end + 1 :]
        line, at = line[: literal.start()], end + 1 + int(literal[1])
        if at > LONGEST_ANSWER or len(line) > LONGEST_LINE:
            raise NotIMAP("an endless IMAP line")
        if at > len(buffer):
            return None, buffer


def _check_start(piece: bytes, tag: bytes) -> None:
    """Raise NotIMAP unless `piece` can be the start of a response."""
    if not any(start.startswith(piece[: len(start)]) for start in (b"* ", b"+ ", tag + b" ")):
        raise NotIMAP("no IMAP response")


def _response(status: bytes, text: bytes | None) -> IMAPResponse:
    found = _CODE.search(text or b"")
    known: Status = status.upper().decode()  # type: ignore[assignment]  # the patterns match no other
    return IMAPResponse(known, (text or b"").decode("utf-8", "replace"), _words(found[1]) if found else ())


def _words(text: bytes) -> tuple[str, ...]:
    return tuple(text.decode("utf-8", "replace").split())


def command(tag: str, words: str) -> bytes:
    return f"{tag} {words}\r\n".encode()
