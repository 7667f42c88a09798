"""Parse SIP messages (RFC 3261, section 7) leniently, from a datagram or a stream."""

import re
from dataclasses import dataclass
from functools import cached_property

from probe.wire.sip.headers import Address, Via, full_name, number, read_address, read_cseq, read_via, values

MOST_BYTES = 65535  # size of one message
LONGEST_HEAD = 16384  # bytes up to the empty line, in a stream
MOST_HEADERS = 256
KEEP_ALIVE, KEEP_ALIVE_ANSWER = b"\r\n\r\n", b"\r\n"  # RFC 5626, section 4.4.1

_TOKEN = rb"[A-Za-z0-9.!%*_+`'~-]"
_METHOD = re.compile(_TOKEN + rb"{1,64}")
_VERSION = re.compile(rb"SIP/(\d{1,3}\.\d{1,3})", re.IGNORECASE)
_BEGINNING = re.compile(_TOKEN + rb"{0,64}(?:[ \t/][^\r\n]*)?\r?")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_FOLD = re.compile(rb"\r?\n[ \t]+")


class NotSIP(ValueError):
    """Report that the bytes are no SIP message, or exceed the limits. The codec raises no other exception."""


@dataclass(frozen=True)
class SIPMessage:
    """Represent a request (`method`, `uri`) or a response (`code` > 0, `reason`). `raw` has the received bytes.

    Text is UTF-8, with U+FFFD for malformed bytes. `headers` are in the order of the wire, with unchanged names and
    unfolded values.
    """

    raw: bytes
    version: str
    method: str
    uri: str
    code: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    @property
    def is_response(self) -> bool:
        return self.code > 0

    def lines(self, name: str) -> list[str]:
        """Return the unparsed values of a header, one per line. `name` is the full name in lower case."""
        return list(self._by_name.get(name, ()))

    @cached_property
    def _by_name(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for written, value in self.headers:
            found.setdefault(full_name(written), []).append(value)
        return found

    def first(self, name: str) -> str:
        """Return the first line of a header, "" without one."""
        return next(iter(self.lines(name)), "")

    @property
    def vias(self) -> list[Via]:
        """Return the parsable Via values, topmost first, from one or several lines."""
        read = (read_via(value) for value in values(self.lines("via")))
        return [via for via in read if via is not None]

    @property
    def contacts(self) -> list[Address]:
        return [read_address(value) for value in values(self.lines("contact"))]

    @property
    def sender(self) -> Address:
        return read_address(self.first("from"))

    @cached_property
    def receiver(self) -> Address:
        return read_address(self.first("to"))

    @property
    def call_id(self) -> str:
        return self.first("call-id")

    @property
    def cseq(self) -> tuple[int | None, str]:
        return read_cseq(self.first("cseq"))

    @property
    def content_length(self) -> int | None:
        """Return Content-Length, None without the header, without a number or with different numbers."""
        lengths = {number(value) for value in self.lines("content-length")}
        return lengths.pop() if len(lengths) == 1 else None


def read_message(raw: bytes) -> SIPMessage:
    """Parse one complete message, from a datagram or from `SIPStream`. Raise NotSIP.

    A body longer than Content-Length is cut (section 18.3), and a shorter one is kept.
    """
    if len(raw) > MOST_BYTES:
        raise NotSIP(f"{len(raw)} bytes")
    text = raw.lstrip(b"\r\n")
    end = _END_OF_HEAD.search(text)
    head, body = (text[: end.start()], text[end.end() :]) if end else (text, b"")
    start, _, rest = head.partition(b"\n")
    headers = _read_headers(rest)
    message = SIPMessage(raw, *_read_start_line(start.rstrip(b"\r")), headers, body)
    length = message.content_length
    return message if length is None or length >= len(body) else SIPMessage(*_parts(message), body[:length])


def _parts(message: SIPMessage) -> tuple[bytes, str, str, str, int, str, tuple[tuple[str, str], ...]]:
    m = message
    return m.raw, m.version, m.method, m.uri, m.code, m.reason, m.headers


def _read_start_line(line: bytes) -> tuple[str, str, str, int, str]:
    """Return version, method, URI, code, reason. Words are used because a regular expression stalls on many blanks."""
    words = line.split(None, 2) if line[:1].strip() else []
    version = _VERSION.fullmatch(words[0]) if words else None
    if version and len(words) > 1 and len(words[1]) == 3 and words[1].isdigit() and words[1] >= b"100":
        return version[1].decode(), "", "", int(words[1]), _text(b"".join(words[2:])).strip()
    words = line.split() if words else []
    version = _VERSION.fullmatch(words[-1]) if len(words) > 2 else None
    if version and _METHOD.fullmatch(words[0]):
        return version[1].decode(), words[0].decode(), _text(b" ".join(words[1:-1])), 0, ""
    raise NotSIP("the first line is neither a request's nor a response's")


def _read_headers(block: bytes) -> tuple[tuple[str, str], ...]:
    """Return name and unfolded value of each line. Lines without a colon are ignored."""
    lines = _FOLD.sub(b" ", block).split(b"\n")[:MOST_HEADERS]
    pairs = (line.partition(b":") for line in lines)
    return tuple((_text(name).strip(), _text(value).strip()) for name, colon, value in pairs if colon)


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def is_sip(raw: bytes) -> bool:
    """Return whether `raw` begins with the complete first line of a SIP message, after optional empty lines."""
    return _first_line(raw) is not None


def is_request(raw: bytes) -> bool:
    """Return whether `raw` begins with the complete first line of a SIP request."""
    line = _first_line(raw)
    return line is not None and line[1] != ""


def could_begin(data: bytes) -> bool:
    """Return whether a stream that begins with `data` may be SIP. An incomplete first line is checked by character."""
    line, end, _ = data.lstrip(b"\r\n")[:LONGEST_HEAD].partition(b"\n")
    return is_sip(data) if end else _BEGINNING.fullmatch(line) is not None


def _first_line(raw: bytes) -> tuple[str, str, str, int, str] | None:
    line, end, _ = raw.lstrip(b"\r\n")[:LONGEST_HEAD].partition(b"\n")
    try:
        return _read_start_line(line.rstrip(b"\r")) if end else None
    except NotSIP:
        return None


class SIPStream:
    """Cut messages out of a byte stream (section 18.3). A missing Content-Length counts as 0.

    `pings` counts the keep-alives (RFC 5626) before messages. Each is to be answered with KEEP_ALIVE_ANSWER.
    """

    def __init__(self) -> None:
        self.pings = 0
        self._pending = b""
        self._size = 0  # of the current message, 0 until its head is complete

    def feed(self, data: bytes) -> list[SIPMessage]:
        """Return the messages that `data` completes. Raise NotSIP as soon as the stream cannot be SIP.

        Messages before the error are returned first, and the next call raises.
        """
        self._pending += data
        found: list[SIPMessage] = []
        try:
            while (message := self._next()) is not None:
                found.append(message)
        except NotSIP:
            if not found:
                raise
        return found

    def _next(self) -> SIPMessage | None:
        if not self._size:
            self._skip_keep_alives()
            self._size = self._measure()
        if not self._size or len(self._pending) < self._size:
            return None
        raw, self._pending, self._size = self._pending[: self._size], self._pending[self._size :], 0
        return read_message(raw)

    def _measure(self) -> int:
        """Return the size of the next message, 0 if its head is incomplete."""
        end = _END_OF_HEAD.search(self._pending, 0, LONGEST_HEAD)
        if end is None:
            if len(self._pending) > LONGEST_HEAD or not could_begin(self._pending):
                raise NotSIP("no message begins like this, or its head never ends")
            return 0
        size = end.end() + (read_message(self._pending[: end.end()]).content_length or 0)
        if size > MOST_BYTES:
            raise NotSIP(f"a message of {size} bytes")
        return size

    def _skip_keep_alives(self) -> None:
        at = 0  # cut once, because a cut per ping would take quadratic time
        while self._pending.startswith(KEEP_ALIVE, at):
            self.pings += 1
            at += len(KEEP_ALIVE)
        self._pending = self._pending[at:]
        if self._pending.strip(b"\r\n"):  # half a keep-alive is kept
            self._pending = self._pending.lstrip(b"\r\n")
