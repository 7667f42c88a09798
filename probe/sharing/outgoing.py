"""Check a run before it is shared: nothing of the user in it, whole lines only, nothing artificial unless wanted.

Write files that only their owner can read. The name of a file appears when the file is complete.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from probe import __version__
from probe.formats.origin import Origin
from probe.messages import tr
from probe.platforms.durability import sync
from probe.privacy.redact import SCRUBBED, KnownIdentifiers, redact
from probe.results import Problem, read_pieces, sync_folder, unfinished
from probe.sharing.container import pack_lines
from probe.sharing.measurement_lines import VantagePoint, parse_line, vantage_point
from probe.sharing.share_manifest import Digests, ShareError, ShareManifest


def write_new(path: Path, content: bytes) -> None:
    """Write a file, or replace it by the complete new one. Raise OSError."""
    with unfinished(path.parent) as part:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            sync(file.fileno())
        part.replace(path)
    sync_folder(path.parent)


OURS = "censorprobe"
STILL_GOING = 600  # seconds. A run whose file was changed later may still be going on.
_WITHHELD = re.compile(rb'"\[(?:address-like|opaque), \d+ characters\]"')


@dataclass(frozen=True)
class Outgoing:
    """Hold what was found in a run that may be shared."""

    source: Path
    manifest: ShareManifest
    first: VantagePoint
    last: VantagePoint
    network: str
    torn: int  # lines at the end that are incomplete and stay here
    scrubbed: int  # values of the user that were removed when the run was written
    withheld: int  # texts of servers of which only class and length were written

    @property
    def origin(self) -> Origin:
        """Return the lab's scenario or the synthetic world, if any."""
        return self.first.origin

    @property
    def interrupted(self) -> bool:
        """Return whether the run was ended before its file was closed."""
        return self.source.name.endswith(".part")


def inspect(source: Path, known: KnownIdentifiers, *, artificial: bool = False) -> Outgoing:
    """Read a run, and search each line for the known addresses and names once more. Raise ShareError.

    `artificial` allows measurements of the lab and of `probe synth`.
    """
    _check_closed(source)
    digests, points = Digests(), list[VantagePoint]()
    network, torn, scrubbed, withheld = "", 0, 0, 0
    for number, line in _lines(source):
        if not line.endswith(b"\n"):
            torn += 1
            continue
        measurement = parse_line(line, number)
        point = vantage_point(measurement, number)
        _check_origin(measurement, point, number, artificial)
        _check_private(measurement, known, number)
        digests.add(line)
        points[1:] = [point]
        network = network or str(measurement.get("probe_network_name") or "")
        scrubbed += line.count(SCRUBBED.encode())
        withheld += len(_WITHHELD.findall(line))
    if not points:
        raise ShareError(tr("The results file contains no measurement."))
    manifest = digests.manifest(__version__)
    return Outgoing(source, manifest, points[0], points[-1], network[:60], torn, scrubbed, withheld)


def pack(outgoing: Outgoing) -> bytes:
    """Return the file to share. Raise ShareError if the run was changed since it was inspected."""
    return pack_lines(outgoing.manifest, (line for _, line in _lines(outgoing.source) if line.endswith(b"\n")))


def _check_closed(source: Path) -> None:
    """Refuse a file that a run may still be writing."""
    if source.name.endswith(".part") and time.time() - source.stat().st_mtime < STILL_GOING:
        raise ShareError(
            tr(
                "The run may still be going on, because its file was written less than {count} minutes ago. "
                "Wait for its end, or stop it.",
                count=STILL_GOING // 60,
            )
        )


def _lines(source: Path) -> Iterator[tuple[int, bytes]]:
    """Yield the lines as they are. An interrupted last one has no line break. Raise ShareError for unreadable ones."""
    for piece in read_pieces(source):
        if isinstance(piece, Problem):
            raise ShareError(tr("Line {number} cannot be used: {reason}", number=piece.number, reason=piece.sentence))
        yield piece.number, piece.raw


def _check_origin(measurement: dict[str, Any], point: VantagePoint, number: int, artificial: bool) -> None:
    if measurement.get("software_name") != OURS:
        raise ShareError(
            tr("Line {number} was written by another program, and cannot be checked for your data.", number=number)
        )
    if point.origin.artificial and not artificial:
        raise ShareError(tr("The run was made in the lab or invented by a program. To share it anyway, add --lab."))


def _check_private(measurement: dict[str, Any], known: KnownIdentifiers, number: int) -> None:
    cleaned = redact(measurement, known)
    if cleaned != measurement:
        raise ShareError(
            tr(
                "Line {number} contains an address of this computer, or a name of it or its user, at {place}. "
                "The file would show who you are, so nothing was written. Share another run, or measure again.",
                number=number,
                place=_difference(measurement, cleaned, known) or "?",
            )
        )


def _difference(before: Any, after: Any, known: KnownIdentifiers) -> str:
    """Return the keys that lead to the first difference, without values and without private keys."""
    if isinstance(before, dict) and isinstance(after, dict):
        named = redact(dict.fromkeys(before, 0), known)
        for key in before:
            if key in named and key not in after:  # bytes were left out
                return str(key)
            if key in after and before[key] != after[key]:
                return f"{key}.{_difference(before[key], after[key], known)}".rstrip(".")
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for inner, cleaned in zip(before, after, strict=True):
            if inner != cleaned:
                return _difference(inner, cleaned, known)
    return ""
