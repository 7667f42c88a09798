"""Identify a line's measurement, and check what it needs to be comparable: country, network, time, a real network."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from probe.analysis.observations.clock import true_start
from probe.analysis.observations.identity import identity
from probe.analysis.observations.lenient_json import text
from probe.analysis.store.writing.hashes import line_hash, problem_hash
from probe.analysis.verdicts.verdicts import reason_unusable
from probe.formats.origin import origin_of
from probe.messages import mark
from probe.results import Piece, Problem

FIRST = datetime(2012, 12, 1, tzinfo=UTC)  # the start of OONI's archive (https://github.com/ooni/data, Readme.md)
AHEAD = timedelta(days=1)  # tolerated error of a probe's clock
OF_LAB = mark("This measurement was made inside the lab. The option --lab includes it.")
SYNTHETIC = mark("This measurement is synthetic. The option --lab includes it.")
ARTIFICIAL = (OF_LAB, SYNTHETIC)  # the reasons that the option --lab removes
_COUNTRY = re.compile(r"[A-Z]{2}")
_NETWORK = re.compile(r"AS\d{1,10}")


@dataclass(frozen=True, slots=True)
class Line:
    """Hold the identity and the month of a line's measurement, and the reason why it is rejected, if it is."""

    identity: bytes
    month: str = ""
    reason: str | None = None


def read_line(piece: Piece | Problem, digest: str, now: datetime, lab: bool) -> Line:
    """Parse a line. One that holds no measurement has an identity of its own. `digest` is the file's."""
    if isinstance(piece, Problem):
        return Line(problem_hash(piece, digest), reason=piece.sentence)
    document = piece.document()
    if isinstance(document, Problem):
        return Line(line_hash(piece), reason=document.sentence)
    return Line(identity(document), true_start(document)[:7], reason_rejected(document, now, lab))


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
    if not _NETWORK.fullmatch(text(measurement.get("probe_asn"))):
        return mark("This measurement names no network: probe_asn is not AS and a number.")
    return _untimely(true_start(measurement), now)


def _untimely(start: str, now: datetime) -> str | None:
    try:
        when = datetime.strptime(start, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return mark("This measurement has no time: measurement_start_time is no date and time.")
    if when < FIRST:
        return mark("The time of this measurement is wrong: it is before December 2012, when OONI's archive begins.")
    return mark("The time of this measurement is wrong: it is in the future.") if when > now + AHEAD else None
