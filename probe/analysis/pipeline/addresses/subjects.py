"""Find the addresses at which each endpoint was tried, its own attempts there, and the network at that time."""

from probe.analysis.pipeline.expressions import near, program_of, same
from probe.analysis.pipeline.inputs import ENDPOINT
from probe.analysis.pipeline.statement import Statement
from probe.signatures.evidence_age import CONTROL_ATTEMPT, CONTROL_PAGE, NETWORK_CHECK, NETWORK_FACTS

SUBJECT = ("m", "endpoint", "address")
_FACTS = ", ".join(f"e.{name}" for name in ENDPOINT.columns if name != "endpoint")


def same_subject(one: str, other: str) -> str:
    """Return the condition that two tables' rows are about the same endpoint and address."""
    return same(other, one, *SUBJECT)


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

LAST_ANSWERS = Statement(
    "last_answer",
    "When the last answered flow to an address ended. Flows with a limited TTL do not count: routers answer them.",
    ("m", "address"),
    "SELECT m, address, max(t) AS last_t FROM flow WHERE origin = 'probe' AND answered GROUP BY m, address",
)

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
    " LEFT JOIN last_answer a ON a.m = s.m AND a.address = s.address"
    f" LEFT JOIN (SELECT m, endpoint, address, max(failures) AS failures FROM span GROUP BY m, endpoint, address) x"
    f" ON {same_subject('x', 's')} GROUP BY s.m, s.endpoint, s.address",
)

SUBJECT_STATEMENTS = (SUBJECTS, TARGETS, SPANS, CHECKS_THEN, LAST_ANSWERS, NETWORK_THEN)
