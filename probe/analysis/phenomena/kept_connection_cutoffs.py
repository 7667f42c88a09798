"""Define the cutoff of connections that are kept open: at one age, however much they carried.

The same server is asked again at intervals on one connection. Its age when it ends is compared under the target's name,
under an innocuous one, and at neutral hosts.

Servers limit the time of a connection too, mostly with a FIN and for any name. So a limit accuses only if it follows
the name to a neutral host, whose own name has no such limit. Routers that forget flows, quotas and outages end the
connections of all names and hosts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import ceil, floor
from typing import Any

from probe.analysis.observations.failure_kinds import CLOSED, RESET, TIMEOUT, kind_of
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import failure, seconds, table, text
from probe.analysis.phenomena.phenomenon import Figures, Judged, Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.rules.services import WORKS, WORKS_OTHERWISE
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import any_in, counts
from probe.analysis.sql.linked_roles import (
    AT_ENDPOINT,
    HAS_NAME,
    NAME_ALONE,
    OF_FAMILY,
    OTHER_NAMES,
    TRIED_NAME_LAYER,
    followed,
)
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import KEY, SUBJECT, same_subject
from probe.messages import mark
from probe.signatures.kept_connections import APART, BEYOND, LEAST_ANSWERS

MECHANISM = "flow.cutoff.time"
PREFIX = "kept_connection"
ENDS = {TIMEOUT: "silent", RESET: "reset", CLOSED: "closed"}
MORE_ANSWERS = 1.4
"""Answers on the connection that carried most by those on the one that carried least, at one age."""


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


_KEPT = "f.kept_answers >= 0"
_ROLES = (
    followed("kept_name", AT_ENDPOINT, "kept_connection", _KEPT, NAME_ALONE),
    followed("kept_other", AT_ENDPOINT, "kept_connection_innocuous", _KEPT, f"NOT {HAS_NAME}", TRIED_NAME_LAYER),
    followed("kept_neutral", OF_FAMILY, "kept_connection_neutral", _KEPT, OTHER_NAMES, TRIED_NAME_LAYER),
    followed("kept_name_neutral", OF_FAMILY, "kept_connection_name_neutral", _KEPT, NAME_ALONE, TRIED_NAME_LAYER),
)

_STOPS = Statement(
    "kept_stop",
    "The connections under the target's name that ended after some answers. The limit is between `low` and `high`"
    " seconds. `alike` is their number if all ended at one age. `amounts`: they had carried different numbers of"
    " answers, and so of bytes and packets.",
    SUBJECT,
    f"SELECT {KEY}, min(t0) AS first_t, max(t) AS last_t, max(kept_from) AS low, min(kept_until) AS high,"
    f" CASE WHEN max(kept_from) <= min(kept_until) + {APART!r}e0 THEN count(*) ELSE 0 END AS alike,"
    f" max(kept_answers) >= {MORE_ANSWERS!r}e0 * min(kept_answers) AS amounts,"
    " count(CASE WHEN kept_end = 'reset' OR (stream_silent AND stream_acked = 0) THEN 1 END) AS broken"
    f" FROM linked WHERE role = 'kept_name' AND kept_end <> '' AND kept_answers >= {LEAST_ANSWERS}"
    f" GROUP BY {KEY}",
)

_PAST = f"kept_from >= high + {BEYOND!r}e0 AND t >= first_t AND t0 <= last_t"
_ALIKE = f"kept_end <> '' AND kept_from <= high + {APART!r}e0 AND kept_until >= low - {APART!r}e0"

_NEUTRAL_PAST = f"role = 'kept_neutral' AND {_PAST}"

_COUNTS = {
    "whole": f"role = 'kept_name' AND kept_from >= high + {BEYOND!r}e0",
    "other_past": f"role = 'kept_other' AND {_PAST}",
    "other_ended": "role = 'kept_other' AND kept_end <> ''",
    "neutral_past": _NEUTRAL_PAST,
    "name_at_neutral": f"role = 'kept_name_neutral' AND {_ALIKE} AND kept_answers >= {LEAST_ANSWERS} AND neutral_lasts",
}

_RESULTS = Statement(
    "kept_result",
    "The connections to one address that ended, and those that are compared with them: under the target's name or an"
    " innocuous one, and at neutral hosts. Under the target's name only those to hosts count whose own name lasted"
    " longer at that time. On an access line that loses packets they show nothing.",
    SUBJECT,
    "SELECT m, endpoint, address, low, high, broken,"
    " CASE WHEN amounts AND whole = 0 AND NOT lossy THEN alike ELSE 0 END AS alike,"
    " CASE WHEN other_ended = 0 THEN other_past ELSE 0 END AS other_past, neutral_past, name_at_neutral"
    f" FROM (SELECT m, endpoint, address, low, high, broken, alike, amounts, lossy, {counts(_COUNTS)} FROM"
    " (SELECT p.*, k.role, k.t0, k.t, k.kept_answers, k.kept_from, k.kept_until, k.kept_end, w.lossy,"
    f" {any_in(_NEUTRAL_PAST, 'p.m', 'p.endpoint', 'p.address', 'k.flow_address')}"
    " AS neutral_lasts"
    f" FROM kept_stop p JOIN linked k ON {same_subject('k', 'p')} JOIN network w ON w.m = p.m) x"
    " GROUP BY m, endpoint, address, low, high, broken, alike, amounts, lossy) x",
)

_OF_SERVICE = Statement(
    "service_cutoff",
    "What connections that were kept open show about a service. They ended between `low` and `high` seconds.",
    ("m", "role"),
    "SELECT x.m, x.role, max(k.low) AS low, min(k.high) AS high, max(k.alike) AS alike, max(k.broken) AS broken,"
    " max(k.other_past) AS other_past, max(k.neutral_past) AS neutral_past, max(k.name_at_neutral) AS name_at_neutral"
    " FROM service_endpoint x JOIN kept_result k ON k.m = x.m AND k.endpoint = x.endpoint GROUP BY x.m, x.role",
)


@dataclass
class CutoffColumns:
    """Count connections to one address of the service that ended at one age, and others that lasted."""

    cutoff_alike: int = column(
        0,
        "Connections under the service's name that ended at one age and after different answers, three or more. 0 if "
        "ages differ or another lasted longer.",
        "COALESCE(k.alike, 0)",
    )
    cutoff_broken: int = column(
        0, "Those of them that a reset ended, or after which the path passed nothing.", "COALESCE(k.broken, 0)"
    )
    cutoff_other_past: int = column(
        0,
        "Connections under an innocuous name to the same address that lasted longer at that time. 0 if one ended.",
        "COALESCE(k.other_past, 0)",
    )
    cutoff_neutral_past: int = column(
        0, "Connections to a neutral host that lasted longer at that time.", "COALESCE(k.neutral_past, 0)"
    )
    cutoff_name_at_neutral: int = column(
        0,
        "Connections under the service's name to such a neutral host that ended at the same age.",
        "COALESCE(k.name_at_neutral, 0)",
    )


_BEGINS = (
    f"({WORKS_OTHERWISE} OR (impaired > 0"
    " AND blocked + likely_blocked + filtered_locally + down + insufficient + untested = 0))"
    " AND control_successes > 0"
)
_AT_ONE_AGE = "cutoff_alike >= 3 AND cutoff_neutral_past > 0"

_RULES = (
    Rule(
        "service_name_cut_off",
        f"{_BEGINS} AND {_AT_ONE_AGE} AND cutoff_other_past > 0 AND cutoff_name_at_neutral > 0",
        State.DEGRADED,
        mechanism=MECHANISM,
        because=(
            "Connections with this server name end at the same age, whatever they carried, at a neutral host too. With "
            "an innocuous name, and to the neutral host under its own, they last longer."
        ),
        plain=mark(
            "{service} answers, but this network cuts its connections off after {cut_low} to {cut_high} seconds, "
            "because of its name. Messages, calls and long downloads may fail."
        ),
    ),
    Rule(
        "service_connections_end",
        f"{WORKS} AND {_AT_ONE_AGE} AND cutoff_broken = cutoff_alike",
        State.OK,
        mechanism=MECHANISM,
        because=(
            "Connections to this address end without a FIN at the same age, whatever they carried. Those to a neutral "
            "host last longer. The servers may limit the time too, so that nothing is accused."
        ),
        plain=mark(
            "{service} works, but its connections break off after {cut_low} to {cut_high} seconds. The cause may be "
            "this network, a network on the way, or the service itself."
        ),
    ),
)


def _age(judged: Judged) -> dict[str, Any] | None:
    """Return the age at which connections were cut off, None without any."""
    if MECHANISM not in judged.mechanisms or not judged.rows:
        return None
    low, high, connections = judged.rows[0]
    low, high = sorted((low, high))
    middle = round((low + high) / 2, 1)
    return {"estimate": middle, "low": round(low, 1), "high": round(high, 1), "connections": connections}


def _transactions(facts: FlatMeasurement) -> Iterator[int]:
    return (row.transaction_id for row in facts.rows if row.kept_answers >= 0)


def _values(record: Mapping[str, Any]) -> dict[str, int]:
    """Return the interval in which connections were cut off, widened to whole seconds."""
    cutoff = table(record.get("cutoff"))
    return {"cut_low": floor(cutoff.get("low") or 0.0), "cut_high": ceil(cutoff.get("high") or 0.0)}


BREAKS_OFF = mark("Connections break off.")

KEPT_CONNECTIONS = Phenomenon(
    "kept_connections",
    "Connections that are kept open end at one age.",
    place=40,
    entry_columns=kept_columns,
    roles=_ROLES,
    service=RowPart(CutoffColumns, {"k": "service_cutoff"}, (_STOPS, _RESULTS, _OF_SERVICE)),
    rules=_RULES,
    figures=Figures("cutoff", "SELECT m, role, low, high, alike FROM service_cutoff", _age, _transactions),
    mechanisms={MECHANISM: "A connection is cut off some seconds after it began, however much it carried."},
    app_words={"flow.cutoff": BREAKS_OFF},
    shown_though_ok={"service_connections_end": (3, BREAKS_OFF)},
    values=_values,
)
