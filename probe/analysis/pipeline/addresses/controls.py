"""Find the control's attempts that count for an endpoint's address, and those near in time to the attempts here."""

from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.statement import Statement

_SAME = "c.address = s.address"
_WHOLE = "(c.address <> '' AND NOT c.partial)"
_IN_TIME = "p.t0 - p.seconds <= c.began AND c.began <= p.t + p.seconds"

CONTROL_FLOWS = Statement(
    "control_flow",
    "The control's attempts at the endpoint, with the layers that each says something about. One that ended below a"
    " layer without failure says nothing about it. A success is timely if it is near in time to the failures here, or"
    " to all attempts if none failed. An unknown time counts as near.",
    (*SUBJECT, "n"),
    f"SELECT s.m, s.endpoint, s.address, c.n, {_SAME} AS same_address,"
    f" s.needs_tcp AND (c.tcp_attempts > 0 OR {_WHOLE}) AS about_tcp,"
    f" s.needs_tls AND (c.tls_attempts > 0 OR {_WHOLE}) AS about_tls,"
    f" c.tried_top OR {_WHOLE} AS about_top,"
    " NOT c.works OR c.began IS NULL OR count(p.n) > 0 AS timely"
    " FROM subject s JOIN flow c ON c.m = s.m AND c.endpoint = s.endpoint"
    f" LEFT JOIN span p ON {same_subject('p', 's')} AND p.counts AND {_IN_TIME}"
    " WHERE c.counts_at_control AND c.failure_kind <> 'local' AND (c.tried_any OR c.failure IS NOT NULL)"
    " GROUP BY s.m, s.endpoint, s.address, s.needs_tcp, s.needs_tls, c.n, c.address, c.partial, c.tcp_attempts,"
    " c.tls_attempts, c.tried_top, c.works, c.began",
)

NEAREST_CONTROLS = Statement(
    "nearest_control",
    "Whether the control made attempts at the same address, in all and about each layer. The others then do not count.",
    SUBJECT,
    "SELECT m, endpoint, address, count(*) FILTER (WHERE same_address) > 0 AS has_any,"
    " count(*) FILTER (WHERE same_address AND about_tcp) > 0 AS has_tcp,"
    " count(*) FILTER (WHERE same_address AND about_tls) > 0 AS has_tls,"
    " count(*) FILTER (WHERE same_address AND about_top) > 0 AS has_top"
    " FROM control_flow GROUP BY m, endpoint, address",
)

_ROLES = {
    "control": "(c.same_address OR NOT x.has_any)",
    "timely": "(c.same_address OR NOT x.has_any) AND c.timely",
    "control_tcp": "c.about_tcp AND (c.same_address OR NOT x.has_tcp) AND c.timely",
    "control_tls": "c.about_tls AND (c.same_address OR NOT x.has_tls) AND c.timely",
    "control_top": "c.about_top AND (c.same_address OR NOT x.has_top) AND c.timely",
}

CONTROL_LINKS = tuple(
    f"SELECT c.m, c.endpoint, c.address, '{role}' AS role, c.n FROM control_flow c"
    f" JOIN nearest_control x ON {same_subject('x', 'c')} WHERE {condition}"
    for role, condition in _ROLES.items()
)
"""Selects for the table `link`."""

CONTROL_STATEMENTS = (CONTROL_FLOWS, NEAREST_CONTROLS)
