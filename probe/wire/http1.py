"""Write one HTTP/1.1 request and read its response with h11 (RFC 9112).

Middleboxes send heads that browsers read and h11 rejects. These are repaired as the RFC allows before h11 reads them.
"""

import re
from collections.abc import Mapping

import h11

LONGEST_HEAD = 196608  # bytes
LONGEST_NAME = 256  # bytes of a field name that is checked before the head is complete
LONGEST_CHUNK_LINE = 4096  # bytes. h11 reads it with a regular expression that takes quadratic time.

_SHAPE = b"HTTP/0.0 000"  # of a status line, with 0 for any digit
_DIGIT = re.compile(rb"[0-9]")
_END_OF_HEAD = re.compile(rb"\n\r?\n")
_TOKEN = rb"-!#$%&'*+.^_`|~0-9a-zA-Z"  # RFC 9110, 5.6.2
# Matches as soon as a line can be no field, although the line may be incomplete.
_NO_FIELD = re.compile(rb"\n([^%b \t\r\n]|[%b]+([^%b \t:]|[ \t]+[^ \t:]))" % ((_TOKEN,) * 3))
_INVALID = bytes.maketrans(b"\0\v\f\r", b"    ")  # invalid in a field value, a space replaces them (RFC 9110, 5.5)

Field = tuple[bytes, bytes, bytes]  # name, colon, value


class NotHTTP(ValueError):
    """Report that the stream does not start with a status line."""


class MalformedResponse(ValueError):
    """Report that the response breaks the rules of HTTP/1.1."""


class HTTP1Exchange:
    """Hold one request and the part of its response that was received.

    The caller sends `request`. `status` is None until the head is complete. Without a length, the body ends with the
    stream (`until_close`). Bytes after the response are ignored.
    """

    def __init__(self, method: str, target: str, headers: Mapping[str, str], body: bytes = b"") -> None:
        self._engine = h11.Connection(h11.CLIENT, max_incomplete_event_size=LONGEST_CHUNK_LINE)
        encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.request = self._engine.send(h11.Request(method=method, target=target, headers=encoded))
        if body:
            self.request += self._engine.send(h11.Data(data=body))
        self.request += self._engine.send(h11.EndOfMessage())
        self.status: int | None = None
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()
        self.until_close = False
        self.ended = False
        self.received = 0  # bytes
        self._rest = bytearray()  # bytes that were received and not read

    def feed(self, data: bytes) -> None:
        """Read one piece of the stream, or its end if `data` is empty.

        The part of the body that came with the head waits for `read_body`, so that a malformed body costs no head.
        Raises NotHTTP, MalformedResponse, and EOFError if the stream ends before the response does.
        """
        self.received += len(data)
        if self.ended:
            return
        if not data:
            self._end()
        elif self.status is None:
            self._read_heads(data)
        else:
            self._rest += data
            self.read_body()

    def read_body(self) -> None:
        """Move the received part of the body to `body`. Raises MalformedResponse."""
        self._take_events()
        while self._rest and not self.ended:
            self._engine.receive_data(bytes(self._rest[:LONGEST_CHUNK_LINE]))
            del self._rest[:LONGEST_CHUNK_LINE]
            self._take_events()

    def _take_events(self) -> None:
        while not self.ended:
            event = self._next_event()
            if isinstance(event, h11.Data):
                self.body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.ended = True
            else:
                return

    def _end(self) -> None:
        if self.status is None:
            raise EOFError("closed inside the head")
        self.read_body()
        self._engine.receive_data(b"")
        try:
            self._take_events()
        except MalformedResponse as error:
            raise EOFError("closed inside the body") from error

    def _read_heads(self, data: bytes) -> None:
        searched = max(0, len(self._rest) - 2)
        self._rest += data
        while self.status is None and (end := self._end_of_head(searched)) is not None:
            self._take_head(bytes(self._rest[:end]))
            del self._rest[:end]
            searched = 0

    def _end_of_head(self, searched: int) -> int | None:
        """Return the length of the first head, or None while it is incomplete. Empty lines before it are dropped."""
        if self._rest[:1].isspace():
            self._rest = self._rest.lstrip(b"\r\n")
        _check_status_line(bytes(self._rest[:13]))
        if (found := _END_OF_HEAD.search(self._rest, searched)) is not None:
            return found.end()
        if len(self._rest) > LONGEST_HEAD or _NO_FIELD.search(self._rest, max(0, searched - LONGEST_NAME)):
            raise MalformedResponse("the head is too long or no list of fields")
        return None

    def _take_head(self, head: bytes) -> None:
        code = int(head[9:12])
        if 100 <= code < 200 and code != 101:
            return  # an interim response (RFC 9110, 15.2)
        fields = _fields(head)
        self._engine.receive_data(_repaired(code, fields))
        event = self._next_event()
        assert isinstance(event, h11.Response)
        self.status = code
        self.headers = [(_text(name), _text(value)) for name, _, value in fields]
        self.until_close = {b"content-length", b"transfer-encoding"}.isdisjoint(name for name, _ in event.headers)

    def _next_event(self) -> object:
        try:
            return self._engine.next_event()
        except h11.RemoteProtocolError as error:
            raise MalformedResponse(str(error)) from error


def _check_status_line(start: bytes) -> None:
    """Raise NotHTTP at the first byte that no status line has at its place (RFC 9112, 4)."""
    if not _SHAPE.startswith(_DIGIT.sub(b"0", start[:12])) or start[12:13] not in b" \r\n":
        raise NotHTTP("no status line")


def _fields(head: bytes) -> list[Field]:
    """Split the lines after the status line into fields. Folded lines are joined (RFC 9112, 5.2)."""
    lines = list[bytearray]()
    for line in head.split(b"\n")[1:]:
        line = line.rstrip(b"\r").translate(_INVALID)
        if line[:1] not in b" \t":
            lines.append(bytearray(line))
        elif line and lines:  # one before the first field is dropped (RFC 9112, 2.2)
            lines[-1] += b" " + line.strip()
    parts = (bytes(line).partition(b":") for line in lines)
    return [(name.rstrip(b" \t"), colon, value.strip(b" \t")) for name, colon, value in parts]  # RFC 9112, 5.1


def _repaired(code: int, fields: list[Field]) -> bytes:
    """Return a head with the same framing that h11 accepts."""
    if code == 101:
        code = 204  # another protocol follows, so there is no body. h11 accepts 101 only if we had offered it.
    elif code < 100:
        code = 200  # h11 refuses an invalid code. The answer is framed like any other.
    kept = [b"".join(field) for field in fields if field[0].lower() != b"transfer-encoding"]
    codings = b",".join(value for name, _, value in fields if name.lower() == b"transfer-encoding")
    if (
        codings.rpartition(b",")[2].strip(b" \t").lower() == b"chunked"
    ):  # without it the stream's end counts (RFC 9112, 6.3)
        kept.append(b"Transfer-Encoding: chunked")
    return b"\r\n".join([b"HTTP/1.1 %d " % code, *kept, b"", b""])


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")
