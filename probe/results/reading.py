"""Iterate over lines: our own files, OONI's, packed or not; what cannot be used is told, and the rest goes on."""

import importlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import IO, Any, NoReturn

from probe.results.folders import file_name
from probe.results.unpacking import UNREADABLE, open_unpacked, tar_members

LONGEST_LINE = 16 * 1024 * 1024  # bytes; OONI's have up to 1 MB or so (ooni/data c8fcc729, Readme.md)
TARBALLS = (".tar.gz", ".tgz", ".tar")

Document = dict[str, Any]


@dataclass(frozen=True)
class Problem:
    """A line that cannot be used, and why. `number` counts from 1; 0 means the file as a whole."""

    file: str
    number: int
    sentence: str

    def __str__(self) -> str:
        return f"{self.file}:{self.number}: {self.sentence}" if self.number else f"{self.file}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Piece:
    """One line as it lies in its file, or one post in a tarball: bytes that nobody has read yet."""

    file: str
    number: int
    raw: bytes
    post: bool = False

    def document(self) -> Document | Problem:
        """What it says."""
        try:
            return _parse_post(self.raw) if self.post else _parse(self.raw, first=self.number == 1)
        except _Unusable as error:
            return Problem(self.file, self.number, str(error))


class _Unusable(ValueError):
    """The sentence that says why a line cannot be used."""


def read_lines(source: Path) -> Iterator[tuple[int, Document | Problem]]:
    """Iterate over a file's lines, numbered from 1; what cannot be used comes as a Problem and the rest goes on.

    In a tarball of OONI's the measurements are numbered as they stand in it.
    """
    for piece in read_pieces(source):
        yield piece.number, piece.document() if isinstance(piece, Piece) else piece


def read_pieces(source: Path) -> Iterator[Piece | Problem]:
    """The same, not parsed: for whoever has others do that, or needs the bytes."""
    name, number = file_name(source), 0
    tarball = source.name.endswith(TARBALLS)
    too_long = f"is longer than {LONGEST_LINE} bytes, so it is no measurement"
    try:
        with open_unpacked(source) as stream:
            for number, raw in _posts(stream) if tarball else _lines(stream):
                yield Problem(name, number, too_long) if raw is None else Piece(name, number, raw, tarball)
    except UNREADABLE as error:
        yield Problem(name, number, f"cannot be read further: {error}")


def _lines(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """The lines that hold something; None for one that is too long, which is passed over without being kept."""
    number = 0
    while raw := stream.readline(LONGEST_LINE + 1):
        number += 1
        if len(raw) > LONGEST_LINE:
            while raw and not raw.endswith(b"\n"):
                raw = stream.readline(1 << 16)
            yield number, None
        elif raw.strip():
            yield number, raw


def _posts(stream: IO[bytes]) -> Iterator[tuple[int, bytes | None]]:
    """What probes posted, a file each; None for one that is too long."""
    return enumerate(tar_members(stream, LONGEST_LINE), 1)


def _parse_post(raw: bytes) -> Document:
    """The measurement in a post: OONI's collector wraps it as {"format": "json", "content": …}."""
    document = _parse(raw)
    if "format" not in document or "content" not in document:
        return document
    if document["format"] != "json":
        raise _Unusable(f"is a report in the format {str(document['format'])[:20]!r}; only json is read")
    content = document["content"]
    if isinstance(content, str):
        return _parse(content.encode("utf-8", "surrogatepass"))
    if not isinstance(content, dict):
        raise _Unusable("is a post without a measurement in it")
    return content


def _parse(raw: bytes, *, first: bool = True) -> Document:
    document = _parse_fast(raw)
    return document if isinstance(document, dict) else _parse_exactly(raw, first)


def _parse_fast(raw: bytes) -> Any:
    """What orjson, four times as fast, makes of it; None where it is not installed or will not, and json has the word.

    They differ in an integer that 64 bits do not hold, here a float: to every reader of lines both are junk.
    """
    try:
        return orjson().loads(raw) if orjson() else None
    except ValueError:
        return None


@cache
def orjson() -> Any:
    """The module, which the extra `analysis` brings, loaded when first needed; None where it is not installed."""
    try:
        return importlib.import_module("orjson")
    except ImportError:
        return None


def _parse_exactly(raw: bytes, first: bool) -> Document:
    try:
        text = raw.decode("utf-8-sig" if first else "utf-8")
        document = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise _Unusable("is nested too deeply to be a measurement") from None
    except ValueError as error:
        torn = "is torn (its writer was cut off)" if not raw.endswith(b"\n") else "is not valid JSON"
        raise _Unusable(f"{torn}: {error}") from None
    if not isinstance(document, dict):
        raise _Unusable(f"is a JSON {type(document).__name__}, expected an object")
    return document


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
