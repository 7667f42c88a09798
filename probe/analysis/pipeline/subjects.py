"""Find the addresses at which each endpoint was tried, the attempts here and at the control, and the network then."""

from probe.analysis.pipeline.input_tables import ENDPOINT
from probe.analysis.sql.expressions import near, program_of
from probe.analysis.sql.linked_roles import LinkedRole
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT, same_subject
from probe.signatures.evidence_age import CONTROL_ATTEMPT, CONTROL_PAGE, NETWORK_CHECK, NETWORK_FACTS

_FACTS = ", ".join(f"e.{name}" for name in ENDPOINT.columns if name != "endpoint")


SUBJECTS = Statement(
    "subject",
    "Each address at which an endpoint of a service was tried, with its first attempt and the facts of the endpoint.",
    SUBJECT,
    f"SELECT t.m, t.endpoint, t.address, t.address_family, t.first_n, {_FACTS}"
    " FROM (SELECT f.m, f.endpoint, f.address, CASE WHEN instr(f.address, ':') > 0 THEN 6 ELSE 4 END AS address_family,"
    " min(f.n) AS first_n FROM flow f"
    " JOIN (SELECT DISTINCT m, endpoint FROM service_endpoint) s ON s.m = f.m AND s.endpoint = f.endpoint"
    " WHERE f.origin = 'probe' AND f.own AND f.address <> '' GROUP BY f.m, f.endpoint, f.address) t"
    " JOIN endpoint_fact e ON e.endpoint = t.endpoint",
)

TARGETS = Statement(
    "target",
    "The attempts at an endpoint's address. A failure without a name that may be residual censorship of another port"
    " is left out.",
    (*SUBJECT, "n"),
    "SELECT s.m, s.endpoint, s.address, f.n, f.t0, f.t, f.local_fault, f.has_failed, f.tls_attempts, f.tls_engine,"
    f" {program_of('f.tls_engine')} AS program, f.tls_hello_length"
    " FROM subject s JOIN flow f ON f.m = s.m AND f.endpoint = s.endpoint AND f.address = s.address"
    " WHERE f.origin = 'probe' AND f.own AND NOT f.maybe_residual",
)

SPANS = Statement(
    "span",
    "When the attempts were made, without those that this computer spoilt. Where some failed, only those count for the"
    " age of the control's successes.",
    (*SUBJECT, "n"),
    "SELECT p.*, p.has_failed OR p.failures = 0 AS counts,"
    f" CASE WHEN p.failures > 0 THEN {CONTROL_ATTEMPT.seconds!r}e0 ELSE {CONTROL_PAGE.seconds!r}e0 END AS seconds"
    " FROM (SELECT m, endpoint, address, n, t0, t, has_failed, count(CASE WHEN has_failed THEN 1 END)"
    " OVER (PARTITION BY m, endpoint, address) AS failures FROM target WHERE NOT local_fault) p",
)

CHECKS_THEN = Statement(
    "check_then",
    "Each check of the network with each address of its family: whether it is near in time to a failed attempt, and to"
    " any attempt.",
    (*SUBJECT, "check_number"),
    "SELECT s.m, s.endpoint, s.address, c.check_number, c.began, c.lost, c.lossy, c.unproven, c.outage, c.udp_public,"
    f" count(p.n) FILTER (WHERE p.has_failed AND {near('c.began', 'p.t0', 'p.t', NETWORK_CHECK.seconds)}) > 0"
    " AS near_failure,"
    f" c.began IS NULL OR count(p.n) FILTER (WHERE {near('c.began', 'p.t0', 'p.t', NETWORK_FACTS.seconds)}) > 0"
    " AS near_attempt"
    " FROM subject s JOIN network_check c ON c.m = s.m AND c.family = s.address_family"
    f" LEFT JOIN span p ON {same_subject('p', 's')}"
    " GROUP BY s.m, s.endpoint, s.address, c.check_number, c.began, c.lost, c.lossy, c.unproven, c.outage,"
    " c.udp_public",
)

_LAST_ANSWER = "SELECT m, address, max(t) AS last_t FROM flow WHERE origin = 'probe' AND answered GROUP BY m, address"
"""When the last answered flow to an address ended. Flows with a limited TTL do not count: routers answer them."""

_LATER = "c.check_number > 0 AND c.near_failure"
_NOT_SINCE = "(a.last_t IS NULL OR (c.began IS NOT NULL AND a.last_t < c.began))"
_NO_UDP_SINCE = "(w.udp_last_t IS NULL OR w.udp_last_t < COALESCE(c.began, 0e0))"

NETWORK_THEN = Statement(
    "network_then",
    "What the network was like when the attempts at an address failed, or ended. An outage in the preflight has no"
    " limit of age.",
    SUBJECT,
    "SELECT s.m, s.endpoint, s.address,"
    " COALESCE(max(x.failures), 0) > 0 AND count(*) FILTER (WHERE c.near_failure) = 0 AS unchecked,"
    f" count(*) FILTER (WHERE {_LATER} AND c.lost) > 0"
    " AND count(*) FILTER (WHERE c.check_number = 0 AND c.lost) = 0 AS lost,"
    f" count(*) FILTER (WHERE {_LATER} AND c.lossy) > 0 AS lossy,"
    f" count(*) FILTER (WHERE {_LATER} AND c.unproven) > 0"
    " AND count(*) FILTER (WHERE c.check_number = 0 AND c.unproven) = 0 AS unproven,"
    f" count(*) FILTER (WHERE c.outage AND (c.check_number = 0 OR c.near_failure) AND {_NOT_SINCE}) > 0 AS in_outage,"
    f" count(*) FILTER (WHERE s.by_datagram AND {_LATER} AND c.udp_public = 0 AND {_NO_UDP_SINCE}) > 0"
    " AND count(*) FILTER (WHERE c.check_number = 0 AND c.udp_public = 1) > 0 AS datagrams_lost,"
    " count(*) FILTER (WHERE NOT s.faked_by_any_device OR c.near_attempt) = 0 AS answer_unchecked"
    f" FROM subject s JOIN check_then c ON {same_subject('c', 's')} JOIN network w ON w.m = s.m"
    f" LEFT JOIN ({_LAST_ANSWER}) a ON a.m = s.m AND a.address = s.address"
    f" LEFT JOIN (SELECT m, endpoint, address, max(failures) AS failures FROM span GROUP BY m, endpoint, address) x"
    f" ON {same_subject('x', 's')} GROUP BY s.m, s.endpoint, s.address",
)

SUBJECT_STATEMENTS = (SUBJECTS, TARGETS, SPANS, CHECKS_THEN, NETWORK_THEN)


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

CONTROL_ROLES = tuple(
    LinkedRole(
        role,
        f"SELECT c.m, c.endpoint, c.address, '{role}' AS role, c.n FROM control_flow c"
        f" JOIN nearest_control x ON {same_subject('x', 'c')} WHERE {condition}",
    )
    for role, condition in _ROLES.items()
)
"""The roles of the control's attempts."""

CONTROL_STATEMENTS = (CONTROL_FLOWS, NEAREST_CONTROLS)
