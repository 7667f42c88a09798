"""What a line must say of itself to be laid beside others: when, where, from which network, and not from the lab."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from probe.analysis.observations.lenient_json import table, text
from probe.analysis.verdicts.verdicts import moment, reason_unusable

FIRST = datetime(2012, 12, 1, tzinfo=UTC)  # OONI's archive begins then (ooni/data, Readme.md)
AHEAD = timedelta(days=1)  # a clock may be wrong by that much
_COUNTRY = re.compile(r"[A-Z]{2}")
_NETWORK = re.compile(r"AS\d{1,10}")


def reason_rejected(line: dict[str, Any], now: datetime, lab: bool) -> str | None:
    """The sentence that says why a line is not taken; None if it is. `lab`: lines of the lab are taken too."""
    if (reason := reason_unusable(line)) is not None:
        return reason
    if not lab and table(line.get("annotations")).get("lab") is not None:
        return "was written inside the lab; --lab takes it too"
    if not _COUNTRY.fullmatch(text(line.get("probe_cc"))):
        return "names no country: probe_cc is not two capital letters"
    if not _NETWORK.fullmatch(text(line.get("probe_asn"))):
        return "names no network: probe_asn is not AS and a number"
    return _untimely(moment(line.get("measurement_start_time")), now)


def _untimely(start: str, now: datetime) -> str | None:
    try:
        when = datetime.strptime(start, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    except ValueError:
        return "says not when it was measured: measurement_start_time is no time"
    if when < FIRST:
        return f"is dated {when:%Y-%m-%d}, before there were such measurements"
    return f"is dated {when:%Y-%m-%d}, which is yet to come" if when > now + AHEAD else None
