"""Read measurements from our files and OONI's, packed or not. Report unusable lines and read on."""

import importlib
import io
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import IO, Any, NoReturn

from probe.messages import mark, tr
from probe.results.folders import file_name
from probe.results.problem import Problem
from probe.results.remote import Source
from probe.results.unpacking import UNREADABLE, open_unpacked, tar_members

LONGEST_LINE = 16 * 1024 * 1024  # bytes. OONI's lines have up to about 1 MB (ooni/data c8fcc729, Readme.md)
MOST_VALUES = 300_000  # of one line, which take up to 30 MB. A line of 1 MB has about 60,000
DEEPEST = 64  # levels of objects and lists. Measurements have about ten
TARBALLS = (".tar.gz", ".tgz", ".tar")
TOO_DEEP = mark("The line is nested too deeply to be a measurement.")
_NESTED = frozenset({dict, list})  # what JSON is parsed to, and no class derived from them
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)

Document = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Piece:
    """Represent one unparsed line of a file, or one post in a tarball."""

    file: str
    number: int
    raw: bytes
    post: bool = False

    def document(self) -> Document | Problem:
        """Return the measurement, or the reason why it is unusable."""
        try:
            return _checked(_parse_post(self.raw) if self.post else _parse(self.raw, first=self.number == 1))
        except _Unusable as error:
            return Problem(self.file, self.number, str(error))

    def known_document(self) -> Document:
        """Return the measurement of a line that `document` has accepted, without checking it again."""
        return _parse_post(self.raw) if self.post else _parse(self.raw, first=self.number == 1)


class _Unusable(ValueError):
    """Report that a line is unusable. The text is a sentence for the user."""


def read_lines(source: Source) -> Iterator[tuple[int, Document | Problem]]:
    """Yield a file's measurements, numbered from 1, and a Problem in place of an unusable one.

    In a tarball from OONI the numbers are the positions of the posts.
    """
    for piece in read_pieces(source):
        yield piece.number, piece.document() if isinstance(piece, Piece) else piece


def read_pieces(source: Source) -> Iterator[Piece | Problem]:
    """Yield the lines without parsing them, for other processes and for callers that need the bytes."""
    name, number = file_name(source), 0
    tarball = source.name.endswith(TARBALLS)
    too_long = tr("The line is longer than {count} bytes, so it is no measurement.", count=LONGEST_LINE)
    try:
        with open_unpacked(source) as stream:
            for number, raw in _posts(stream) if tarball else _lines(stream):
                yield Problem(name, number, too_long) if raw is None else Piece(name, number, raw, tarball)
    except UNREADABLE as error:
        reason = getattr(error, "strerror", None) or error
        yield Problem(name, number, tr("The file cannot be read further: {reason}", reason=reason))


def _lines(stream: io.BufferedReader) -> Iterator[tuple[int, bytes | None]]:
    """Yield the lines that are not blank, and None for one that is too long, which is skipped without being kept."""
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(1 << 16)
            yield number, None
        elif raw.strip():
            yield number, raw
        else:
            number += _skip_blank_lines(stream)


def _skip_blank_lines(stream: io.BufferedReader) -> int:
    """Skip the white space that is in the buffer, and return the number of lines that end in it.

    A file of a few kB can unpack to millions of blank lines, and reading them one by one takes a minute.
    """
    ahead = stream.peek()
    return stream.read(len(ahead) - len(ahead.lstrip())).count(b"\n")


def _posts(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """Yield the posts of a tarball, and None for one that is too long."""
    return enumerate(tar_members(stream, LONGEST_LINE), 1)


def _parse_post(raw: bytes) -> Document:
    """Return the measurement in a post. OONI's collector wraps it in `{"format": "json", "content": …}`."""
    document = _parse(raw)
    if "format" not in document or "content" not in document:
        return document
    if document["format"] != "json":
        style = repr(str(document["format"])[:20])
        raise _Unusable(tr("The report has the format {name}. Only json is read.", name=style))
    content = document["content"]
    if isinstance(content, str):
        return _parse(content.encode("utf-8", "surrogatepass"))
    if not isinstance(content, dict):
        raise _Unusable(tr("The post contains no measurement."))
    return content


def _checked(document: Document) -> Document:
    """Return the document if it is shallow enough for every reader that descends by recursion."""
    level: list[Any] = [document]
    for _ in range(DEEPEST):
        values = chain.from_iterable([outer.values() if type(outer) is dict else outer for outer in level])
        level = [value for value in values if type(value) in _NESTED]
        if not level:
            return document
    raise _Unusable(tr(TOO_DEEP))


def _parse(raw: bytes, *, first: bool = True) -> Document:
    if _has_too_many_values(raw):
        raise _Unusable(tr("The line has more than {count} values, so it is no measurement.", count=MOST_VALUES))
    document = _parse_fast(raw)
    return _parse_exactly(raw, first) if document is None else _object(document)


def _object(document: Any) -> Document:
    if not isinstance(document, dict):
        raise _Unusable(
            tr("The line is a JSON {name}, but a measurement is a JSON object.", name=type(document).__name__)
        )
    return document


def _has_too_many_values(raw: bytes) -> bool:
    """Count the values before they take memory, which is 30 times that of the shortest ones in a line."""
    most = _count(raw)
    if most <= MOST_VALUES:
        return False
    return most - sum(_count(found[0]) for found in _STRING.finditer(raw)) > MOST_VALUES


def _count(raw: bytes) -> int:
    """Return how many values a JSON text has at most. Commas and brackets inside of strings count too."""
    return raw.count(b",") + raw.count(b"[") + raw.count(b"{")


def _parse_fast(raw: bytes) -> Any:
    """Parse with orjson, which is four times as fast. Return None if it is not installed or rejects the text.

    orjson returns a float for an integer of more than 64 bits. No reader of measurements accepts either.
    """
    try:
        return orjson().loads(raw) if orjson() else None
    except ValueError:
        return None


@cache
def orjson() -> Any:
    """Return the module (extra `analysis`), loaded at the first use, or None if it is not installed."""
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


def _parse_exactly(raw: bytes, first: bool) -> Document:
    try:
        text = raw.decode("utf-8-sig" if first else "utf-8")
        document = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except RecursionError:
        raise _Unusable(tr(TOO_DEEP)) from None
    except ValueError as error:
        torn = not raw.endswith(b"\n")
        incomplete = tr("The line is incomplete, because its writer was interrupted: {reason}", reason=error)
        raise _Unusable(incomplete if torn else tr("The line is not valid JSON: {reason}", reason=error)) from None
    return _object(document)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    """Return the number. Raise ValueError for one that Python would read as infinity."""
    number = float(digits)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
