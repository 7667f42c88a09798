"""Cuts one HTTP/1.1 answer out of a byte stream: what comes behind the body that its head announces is nobody's.

A box that forges a page counts its bytes wrongly now and then. A parser that goes on reading takes the rest for the
next answer, and throws the page away with it.
"""

import re

LONGEST_HEAD = 65536  # bytes; a longer one is passed on as it comes, for the parser to refuse

_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_STATUS = re.compile(rb"\s*HTTP/[0-9.]+ +([0-9]{3})")
_LENGTH = re.compile(rb"\n[Cc][Oo][Nn][Tt][Ee][Nn][Tt]-[Ll][Ee][Nn][Gg][Tt][Hh]:[ \t]*([0-9]{1,18})[ \t]*(?=\r?\n)")
_CODED = re.compile(rb"\ntransfer-encoding:", re.IGNORECASE)


class OneAnswer:
    """Feed it the stream piece by piece; each piece comes back without what is behind the answer (RFC 9112 6.3)."""

    def __init__(self) -> None:
        self._head: bytes | None = b""  # None: it is whole
        self._left: int | None = None  # bytes of the body still to come; None: nobody said

    def feed(self, piece: bytes) -> bytes:
        """Give back as much of `piece` as belongs to the answer."""
        at = 0
        while self._head is not None and at < len(piece):
            at += self._of_head(piece[at:])
        return piece[:at] + self._of_body(piece[at:])

    def _of_head(self, piece: bytes) -> int:
        """How many bytes of `piece` belong to the head; with its end, what it announces is known."""
        assert self._head is not None
        before = len(self._head)
        self._head += piece[:LONGEST_HEAD]
        end = _END_OF_HEAD.search(self._head, max(0, before - 3))
        if end is None:
            self._head = self._head if len(self._head) <= LONGEST_HEAD else None
            return len(piece)
        head = self._head[: end.end()]
        interim = self._is_interim(head)  # RFC 9110 15.2: the answer itself comes later
        self._head, self._left = (b"", None) if interim else (None, _announced(head))
        return end.end() - before

    def _of_body(self, piece: bytes) -> bytes:
        if self._left is None:
            return piece
        mine = piece[: self._left]
        self._left -= len(mine)
        return mine

    @staticmethod
    def _is_interim(head: bytes) -> bool:
        status = _STATUS.match(head)
        return status is not None and status[1].startswith(b"1") and status[1] != b"101"


def _announced(head: bytes) -> int | None:
    """How long the head says the body is, in bytes; None where it does not, or says it twice."""
    said = {int(length) for length in _LENGTH.findall(head)}
    return said.pop() if len(said) == 1 and not _CODED.search(head) else None
