"""Read how long a connection was kept open on which the same server was asked again at intervals."""

from typing import Any

from probe.analysis.observations.failure_kinds import CLOSED, RESET, TIMEOUT, kind_of
from probe.analysis.observations.lenient_json import failure, seconds, text

PREFIX = "kept_connection"
ENDS = {TIMEOUT: "silent", RESET: "reset", CLOSED: "closed"}


def kept_columns(record: dict[str, Any], entries: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """Return the columns of a transaction whose connection was kept open, none of another one.

    Ages count from the end of the connect. The connection carried the last answer and not the next request, so that the
    limit is between both. A failure of this computer is no end.
    """
    connects, asked = entries.get("tcp_connect", []), entries.get("requests", [])
    if not text(record.get("followup")).startswith(PREFIX) or not connects or not asked:
        return {}
    opened = seconds(connects[-1].get("t"))
    answers = [entry for entry in asked if failure(entry.get("failure")) is None]
    failed = next((entry for entry in asked if failure(entry.get("failure")) is not None), None)
    end = ENDS.get(kind_of(failure(failed.get("failure"))), "") if failed else ""
    return {
        "kept_answers": len(answers),
        "kept_from": max((seconds(entry.get("t")) - opened for entry in answers), default=0.0),
        "kept_until": seconds(failed.get("t0")) - opened if failed else 0.0,
        "kept_end": end,
    }
