"""Read from a shared measurement what its file is named after, and refuse what is no measurement."""

import re
from datetime import date
from typing import Any, NamedTuple

from probe.formats.origin import Origin, origin_of
from probe.messages import tr
from probe.results import Piece, Problem
from probe.sharing.share_manifest import FORMAT, ShareError

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_NETWORK = re.compile(r"AS(?:0|[1-9][0-9]{0,9})", re.ASCII)
_TIME = re.compile(r"(\d{4}-\d\d-\d\d) \d\d:\d\d:\d\d", re.ASCII)


class VantagePoint(NamedTuple):
    """Hold country, network, begin and origin of one measurement."""

    cc: str
    asn: str
    time: str
    origin: Origin

    @property
    def day(self) -> str:
        """Return the date, YYYY-MM-DD."""
        return self.time[:10]


def parse_line(raw: bytes, number: int) -> dict[str, Any]:
    """Return the measurement in a line. Raise ShareError if there is none."""
    read = Piece("", number, raw).document()
    if isinstance(read, Problem):
        raise ShareError(tr("Line {number} cannot be used: {reason}", number=number, reason=read.sentence))
    if read.get("format") == FORMAT:
        raise ShareError(
            tr(
                "Line {number} is a second manifest. `probe share` does not write this, so the file may be made to "
                "mislead. Do not use it.",
                number=number,
            )
        )
    return read


def vantage_point(measurement: dict[str, Any], number: int) -> VantagePoint:
    """Return country, network and begin of a measurement. Raise ShareError for one without them, or with others."""
    cc, asn, time = (measurement.get(key) for key in ("probe_cc", "probe_asn", "measurement_start_time"))
    if not (isinstance(cc, str) and _COUNTRY.fullmatch(cc)):
        raise ShareError(tr("Line {number} has no usable country code.", number=number))
    if not (isinstance(asn, str) and _NETWORK.fullmatch(asn)):
        raise ShareError(tr("Line {number} has no usable network number.", number=number))
    if not (isinstance(time, str) and (found := _TIME.fullmatch(time)) and _is_date(found[1])):
        raise ShareError(tr("Line {number} has no usable time.", number=number))
    return VantagePoint(cc, asn, time, origin_of(measurement))


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
