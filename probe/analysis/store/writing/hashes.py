"""Identify lines that hold no measurement, and files, by the SHA-256 of their bytes."""

import hashlib
from pathlib import Path

from probe.analysis.observations.identity import SIZE
from probe.results import STDIN, Piece, Problem


def line_hash(piece: Piece) -> bytes:
    """Return the hash of a line without surrounding white space, as long as an identity."""
    return _hash(piece.raw.strip())


def problem_hash(problem: Problem, digest: str) -> bytes:
    """Return a hash for a line that could not be read. It covers the file's digest and the problem, not the bytes."""
    return _hash(f"{digest} {problem}".encode("utf-8", "replace"))


def file_digest(source: Path) -> str:
    """Return the digest of a file, hexadecimal, "" for standard input and pipes."""
    if source == STDIN or not source.is_file():
        return ""
    try:
        with source.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""  # reading its lines reports the reason


def _hash(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()[:SIZE]
