"""Parse SMTP replies up to STARTTLS (RFC 5321, RFC 3207) and build the commands for it. No mail is sent.

The parser is lenient: bare LF ends a line, text may be missing, and the last of different codes in a reply counts.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

LONGEST_LINE = 2048  # bytes. RFC 5321, 4.5.3.1.5 allows 512 with the end of line
LONGEST_REPLY = 16384  # bytes of all lines together

STARTTLS = b"STARTTLS\r\n"
QUIT = b"QUIT\r\n"

_LINE = re.compile(rb"([2-5][0-9]{2})(?:([ -])(.*))?", re.DOTALL)
_ACCEPTANCE = re.compile(rb"^(?:220|250)[ -]", re.MULTILINE)
_STARTS = tuple(re.compile(pattern, re.DOTALL) for pattern in (rb"", rb"[2-5]", rb"[2-5][0-9]", rb"[2-5][0-9]{2}"))


class NotSMTP(ValueError):
    """Report that the bytes are no SMTP reply, or exceed the limits."""


class SMTPReply(NamedTuple):
    """Hold a complete reply: its code, and the text of each line without the code."""

    code: int
    lines: tuple[str, ...]

    @property
    def keywords(self) -> tuple[str, ...]:
        """Return the capabilities in an answer to EHLO (4.1.1.1), without its first line with our address."""
        return tuple(line.strip() for line in self.lines[1:] if line.strip())


def read_reply(buffer: bytes) -> tuple[SMTPReply | None, bytes]:
    """Split off the first reply. Return (reply, rest), or (None, buffer) if it is incomplete.

    Raise NotSMTP as soon as the bytes cannot become a reply, so that the caller does not wait for the time limit.
    """
    lines: list[str] = []
    at = 0
    while at <= LONGEST_REPLY:
        end = buffer.find(b"\n", at, at + LONGEST_LINE)
        if end < 0:
            _check_start(buffer[at:])
            return None, buffer
        found = _LINE.fullmatch(buffer[at:end].rstrip(b"\r"))
        if found is None:
            raise NotSMTP("no SMTP reply")
        lines.append((found[3] or b"").decode("utf-8", "replace"))
        at = end + 1
        if found[2] != b"-":
            return SMTPReply(int(found[1]), tuple(lines)), buffer[at:]
    raise NotSMTP("an endless SMTP reply")


def has_acceptance(received: bytes) -> bool:
    """Return whether a line begins as the acceptance of EHLO or STARTTLS does. The first line may be incomplete.

    An injected refusal takes the sequence numbers of the server's reply, so that only the rest of that arrives.
    """
    return _ACCEPTANCE.search(received) is not None


def is_no_reply(received: bytes) -> bool:
    """Return whether bytes after a reply are no further reply, but the end of another text.

    An injected greeting takes the sequence numbers of the server's greeting, so that only the rest of that arrives.
    """
    try:
        while received:
            reply, received = read_reply(received)
            if reply is None:
                return False
    except NotSMTP:
        return True
    return False


def _check_start(piece: bytes) -> None:
    """Raise NotSMTP unless `piece` can be the start of a line."""
    head = piece[:3]
    if len(piece) >= LONGEST_LINE or not _STARTS[len(head)].fullmatch(head) or piece[3:4] not in b" -\r":
        raise NotSMTP("no SMTP reply")


def ehlo(name: str) -> bytes:
    """Return the command that greets and requests the list of keywords."""
    return f"EHLO {name}\r\n".encode()


def write_reply(code: int, lines: Iterable[str]) -> bytes:
    *first, last = lines
    return "".join([*(f"{code}-{line}\r\n" for line in first), f"{code} {last}\r\n"]).encode()
