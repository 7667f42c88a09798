"""Cut one HTTP/1.1 response out of a byte stream. Bytes after Content-Length are ignored.

Forged pages sometimes have a wrong Content-Length. A parser that reads on takes the rest for the next response, fails,
and loses the page.
"""

import re

LONGEST_HEAD = 65536  # bytes. A longer one is passed on unchanged, and the parser rejects it

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"\s*HTTP/[0-9.]+ +([0-9]{3})")
_LENGTH = re.compile(rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]:[ \t]*([0-9]{1,18})[ \t]*(?=\r?\n)")
_CODED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)


class OneAnswer:
    """Cut the response out of a stream in pieces (RFC 9112 6.3)."""

    def __init__(self) -> None:
        self._head: bytes | None = b""  # None once it is complete
        self._left: int | None = None  # missing bytes of the body, None if unknown

    def feed(self, piece: bytes) -> bytes:
        """Return the part of `piece` that belongs to the response."""
        at = 0
        while self._head is not None and at < len(piece):
            at += self._of_head(piece[at:])
        return piece[:at] + self._of_body(piece[at:])

    def _of_head(self, piece: bytes) -> int:
        """Return the number of bytes of `piece` in the head, and read the announced length at its end."""
        assert self._head is not None
        before = len(self._head)
        self._head += piece[:LONGEST_HEAD]
        end = _END_OF_HEAD.search(self._head, max(0, before - 3))
        if end is None:
            self._head = self._head if len(self._head) <= LONGEST_HEAD else None
            return len(piece)
        head = self._head[: end.end()]
        interim = self._is_interim(head)  # RFC 9110 15.2: the final response follows
        self._head, self._left = (b"", None) if interim else (None, _announced(head))
        return end.end() - before

    def _of_body(self, piece: bytes) -> bytes:
        if self._left is None:
            return piece
        body = piece[: self._left]
        self._left -= len(body)
        return body

    @staticmethod
    def _is_interim(head: bytes) -> bool:
        status = _STATUS.match(head)
        return status is not None and status[1].startswith(b"1") and status[1] != b"101"


def _announced(head: bytes) -> int | None:
    """Return the announced length of the body in bytes, None without one or with different ones."""
    lengths = {int(length) for length in _LENGTH.findall(head)}
    return lengths.pop() if len(lengths) == 1 and not _CODED.search(head) else None
