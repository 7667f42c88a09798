"""Identify a line's measurement, and check what it needs to be comparable: country, network, time, a real network.

Lines that hold no measurement, and files, are identified by the SHA-256 of their bytes.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from probe.analysis.observations.clock import true_start
from probe.analysis.observations.lenient_json import network_number, text
from probe.analysis.observations.measurement_identity import SIZE, claim, identity
from probe.analysis.verdicts.verdicts import reason_unusable
from probe.formats.origin import origin_of
from probe.messages import mark
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


FIRST = datetime(2012, 12, 1, tzinfo=UTC)  # the start of OONI's archive (https://github.com/ooni/data, Readme.md)
AHEAD = timedelta(days=1)  # tolerated error of a probe's clock
OF_LAB = mark("This measurement was made inside the lab. The option --lab includes it.")
SYNTHETIC = mark("This measurement is synthetic. The option --lab includes it.")
ARTIFICIAL = (OF_LAB, SYNTHETIC)  # the reasons that the option --lab removes
_SHAPE = "%Y-%m-%dT%H:%M:%SZ"
_COUNTRY = re.compile(r"[A-Z]{2}")


@dataclass(frozen=True, slots=True)
class Line:
    """Describe a line: the identity and the month of its measurement, and the reason why it is rejected, if it is.

    A store can have two other digests in place of the identity: a store of an earlier release the claim, and a
    migrated one the hash of the line's bytes, `hashed`. Both are empty where no store can have them.
    """

    identity: bytes
    file: str
    number: int
    size: int
    month: str = ""
    reason: str | None = None
    hashed: bytes = b""
    claim: bytes = b""


def read_line(piece: Piece | Problem, digest: str, lab: bool, hashed: bool) -> Line:
    """Parse a line. One that holds no measurement has an identity of its own. `digest` is the file's.

    The hash of its bytes is computed where `hashed` is True.
    """
    if isinstance(piece, Problem):
        return Line(problem_hash(piece, digest), piece.file, piece.number, 0, reason=piece.sentence)
    document, place = piece.document(), (piece.file, piece.number, len(piece.raw))
    if isinstance(document, Problem):
        return Line(line_hash(piece), *place, reason=document.sentence)
    own = line_hash(piece) if hashed else b""
    reason = reason_rejected(document, datetime.now(UTC), lab)
    return Line(identity(document), *place, true_start(document)[:7], reason, own, claim(document))


def reason_rejected(measurement: dict[str, Any], now: datetime, lab: bool) -> str | None:
    """Return the sentence that says why a measurement is rejected, None if it is accepted. `tr` translates it.

    With `lab`, artificial measurements are accepted too.
    """
    if (reason := reason_unusable(measurement)) is not None:
        return reason
    if not lab and (origin := origin_of(measurement)).artificial:
        return OF_LAB if origin.lab else SYNTHETIC
    if not _COUNTRY.fullmatch(text(measurement.get("probe_cc"))):
        return mark("This measurement names no country: probe_cc is not two capital letters.")
    if not network_number(measurement.get("probe_asn")):
        return mark("This measurement names no network: probe_asn is not AS and a number.")
    return _untimely(true_start(measurement), now)


def _untimely(start: str, now: datetime) -> str | None:
    try:
        when = datetime.strptime(start, _SHAPE).replace(tzinfo=UTC)
    except ValueError:
        when = None
    if when is None or f"{when:{_SHAPE}}" != start:  # digits of other scripts, and 2026-1-1, would be further days
        return mark("This measurement has no time: measurement_start_time is no date and time.")
    if when < FIRST:
        return mark("The time of this measurement is wrong: it is before December 2012, when OONI's archive begins.")
    return mark("The time of this measurement is wrong: it is in the future.") if when > now + AHEAD else None
