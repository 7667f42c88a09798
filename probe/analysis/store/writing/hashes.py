"""What tells lines and files apart, whoever reads them: SHA-256 of their bytes."""

import hashlib
from pathlib import Path

from probe.results import STDIN, Piece, Problem


def line_hash(piece: Piece) -> bytes:
    """A line's; blanks around it do not count."""
    return _hash(piece.raw.strip())


def problem_hash(problem: Problem, digest: str) -> bytes:
    """Of what could not be read the bytes are not at hand: its file's digest and what is said of it stand for them."""
    return _hash(f"{digest} {problem}".encode("utf-8", "replace"))


def file_digest(source: Path) -> str:
    """A file's, hexadecimal; "" for what can be read only once."""
    if source == STDIN or not source.is_file():
        return ""
    try:
        with source.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""  # reading its lines will say why


def _hash(raw: bytes) -> bytes:
    return hashlib.sha256(raw).digest()
