"""Select the measurements of a run that OONI's server may get. Others stay here, each with a reason.

The conditions on names are those of check_measurement_meta in
https://github.com/ooni/backend/blob/32d8349dc5440e75264c84c0ffe97495c7488e84/ooniapi/services/ooniprobe/src/ooniprobe/utils.py,
opened 2026-11-28.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from probe import __version__
from probe.formats.origin import origin_of
from probe.messages import tr
from probe.results import Problem, read_pieces
from probe.sharing import Outgoing, ShareError
from probe.sharing.measurement_lines import parse_line, vantage_point
from probe.sharing.share_manifest import Digests

_TEST_NAME = re.compile(r"(?=.{2,29}\Z)[a-z0-9]+(?:_[a-z0-9]+)*", re.ASCII)  # letters and digits without underscores
_AS_TRANS = 23456  # RFC 6793, 9
_RESERVED = range(64496, 65552)  # RFC 5398 (examples), RFC 6996 (private use), RFC 7300 (last of 16 bits)
_PRIVATE_32_BIT = 4200000000  # and all above, RFC 6996 and RFC 7300


class SendableLine(NamedTuple):
    """Hold one measurement as it stands in the file, without the line break."""

    number: int
    raw: bytes
    test_name: str


@dataclass
class SendableLines:
    """Hold the lines that may be sent, and the reasons for the others by line number."""

    lines: list[SendableLine] = field(default_factory=list)
    left_out: dict[int, str] = field(default_factory=dict)


def select(outgoing: Outgoing) -> SendableLines:
    """Read the inspected run again, and select its lines. Raise ShareError if it was changed meanwhile."""
    found, digests = SendableLines(), Digests()
    for piece in read_pieces(outgoing.source):
        if isinstance(piece, Problem) or not piece.raw.endswith(b"\n"):
            continue  # an unreadable line changes the digest, and an incomplete last one was inspected as such
        digests.add(piece.raw)
        measurement = parse_line(piece.raw, piece.number)
        if reason := reason_unsent(measurement, piece.number):
            found.left_out[piece.number] = reason
        else:
            found.lines.append(SendableLine(piece.number, piece.raw.strip(), str(measurement["test_name"])))
    if digests.manifest(__version__).sha256 != outgoing.manifest.sha256:
        raise ShareError(tr("The run was changed while it was read. Nothing was sent."))
    return found


def reason_unsent(measurement: Mapping[str, Any], number: int) -> str | None:
    """Return why a measurement must not be sent, None if it may. Raise ShareError for one without country and network.

    The server discards measurements without network or country. Artificial ones say nothing about a real network.
    """
    point = vantage_point(dict(measurement), number)
    if origin_of(measurement).artificial:
        return tr("artificial data say nothing about a real network")
    if point.asn == "AS0" or point.cc == "ZZ":
        return tr("the network or country is unknown or withheld")
    if _is_reserved(int(point.asn[2:])):
        return tr("the network number belongs to no public network")
    if not _TEST_NAME.fullmatch(str(measurement.get("test_name"))):
        return tr("the server accepts no such test name")
    return None


def _is_reserved(asn: int) -> bool:
    return asn == _AS_TRANS or asn in _RESERVED or asn >= _PRIVATE_32_BIT
