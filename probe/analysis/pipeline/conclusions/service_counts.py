"""Count the attempts, the control's attempts and the bugs of each service."""

from probe.analysis.observations.failure_kinds import LOCAL
from probe.analysis.pipeline.expressions import literal
from probe.analysis.pipeline.statement import Statement
from probe.formats.failures import BUG, NETWORK_UNREACHABLE

_LAYERS = ("tcp", "quic", "payload")
_IS_LOCAL = " OR ".join(
    (
        *(f"f.{prefix}failure_kind = '{LOCAL}'" for prefix in ("", *(f"{layer}_" for layer in _LAYERS))),
        *(f"(f.family = 6 AND f.{layer}_failure = {literal(NETWORK_UNREACHABLE)})" for layer in _LAYERS),
    )
)
"""This computer caused the failure, for example because it has no IPv6."""
_SUCCEEDED = "f.passes_all AND NOT (e.is_http AND (f.fingerprints > 0 OR f.redirects_elsewhere))"

FLOW_ATTEMPTS = Statement(
    "flow_attempt",
    "The attempts at an endpoint in the first pass and its confirmation.",
    ("m", "endpoint", "n"),
    f"SELECT f.m, f.endpoint, f.n, f.transaction_id, (({_SUCCEEDED}) AND NOT f.fell_silent) OR f.unfinished AS fine,"
    f" COALESCE({_IS_LOCAL}, FALSE) AS local"
    " FROM flow f JOIN endpoint_fact e ON e.endpoint = f.endpoint"
    " WHERE f.origin = 'probe' AND f.own AND f.kind IN ('first', 'confirm')",
)

SYSTEM_LOOKUPS = Statement(
    "system_lookup",
    "The system resolver's lookups of a host, without those that also hold queries of our own over UDP.",
    ("m", "n", "hostname"),
    "SELECT DISTINCT q.m, q.n, q.hostname, f.transaction_id, f.failure IS NULL AS answered,"
    f" COALESCE({_IS_LOCAL}, FALSE) AS local FROM lookup q JOIN flow f ON f.m = q.m AND f.n = q.n"
    " LEFT JOIN (SELECT DISTINCT m, n FROM lookup WHERE engine = 'udp') u ON u.m = q.m AND u.n = q.n"
    " WHERE q.resolver = 'system' AND u.m IS NULL AND f.origin = 'probe' AND f.kind = 'lookup'",
)

LOOKUP_ATTEMPTS = Statement(
    "lookup_attempt",
    "The system resolver's lookups of a host, which are the attempts at an endpoint of which no address was tried."
    " OONI only looks some names up, so that an answer in OONI's measurement is a success.",
    ("m", "endpoint", "n"),
    "SELECT s.m, s.endpoint, q.n, q.transaction_id, g.is_foreign AND q.answered AS fine, q.local FROM endpoint_name s"
    " JOIN system_lookup q ON q.m = s.m AND q.hostname = s.host JOIN measurement g ON g.m = s.m"
    " LEFT JOIN (SELECT DISTINCT m, endpoint FROM flow_attempt) a ON a.m = s.m AND a.endpoint = s.endpoint"
    " WHERE s.valid AND a.m IS NULL",
)

SERVICE_ATTEMPTS = Statement(
    "service_attempts",
    "The attempts of a service that this computer did not spoil, each transaction once, and those that failed.",
    ("m", "role"),
    "SELECT m, role, count(*) AS attempts, count(*) FILTER (WHERE NOT fine) AS failures FROM ("
    "SELECT s.m, s.role, a.fine,"
    " row_number() OVER (PARTITION BY s.m, s.role, a.transaction_id ORDER BY s.position, a.n) AS time_seen"
    " FROM service_endpoint s JOIN (SELECT m, endpoint, n, transaction_id, fine FROM flow_attempt WHERE NOT local"
    " UNION ALL SELECT m, endpoint, n, transaction_id, fine FROM lookup_attempt WHERE NOT local) a"
    " ON a.m = s.m AND a.endpoint = s.endpoint) t WHERE time_seen = 1 GROUP BY m, role",
)

ENDPOINT_CONTROLS = Statement(
    "endpoint_control",
    "The control's attempts at an endpoint, its successes, and those at the topmost layer.",
    ("m", "endpoint"),
    "SELECT f.m, f.endpoint, count(*) AS controls, count(*) FILTER (WHERE f.works) AS successes,"
    " count(*) FILTER (WHERE f.works AND f.passes_top) AS proofs FROM flow f"
    f" WHERE f.has_endpoint AND f.counts_at_control AND f.failure_kind <> '{LOCAL}'"
    " AND (f.tried_any OR COALESCE(f.failure, '') <> '') GROUP BY f.m, f.endpoint",
)

SERVICE_COUNTS = Statement(
    "service_count",
    "The attempts, failures, control's attempts and control's successes of each service.",
    ("m", "role"),
    "SELECT c.m, c.role, COALESCE(a.attempts, 0) AS attempts, COALESCE(a.failures, 0) AS failures,"
    " c.controls, c.control_successes, c.control_proofs FROM ("
    "SELECT s.m, s.role, COALESCE(sum(e.controls), 0) AS controls,"
    " COALESCE(sum(e.successes), 0) AS control_successes, COALESCE(sum(e.proofs), 0) AS control_proofs"
    " FROM service s LEFT JOIN service_endpoint x ON x.m = s.m AND x.role = s.role"
    " LEFT JOIN endpoint_control e ON e.m = x.m AND e.endpoint = x.endpoint GROUP BY s.m, s.role) c"
    " LEFT JOIN service_attempts a ON a.m = c.m AND a.role = c.role",
)

BUG_FLOWS = Statement(
    "bug_flow",
    "The probe's transactions that a bug of the probe ended.",
    ("m", "n"),
    "SELECT m, n, transaction_id, service FROM flow"
    f" WHERE origin = 'probe' AND substr(COALESCE(failure, ''), 1, {len(BUG)}) = {literal(BUG)}",
)

SERVICE_BUGS = Statement(
    "service_bugs",
    "The bugs in transactions of a service or that its verdict rests on. Only measurements with such bugs have rows.",
    ("m", "role"),
    "SELECT s.m, s.role, count(DISTINCT CASE WHEN b.service = s.role OR t.m IS NOT NULL THEN b.n END) AS bugs"
    " FROM bug_flow b JOIN service s ON s.m = b.m LEFT JOIN service_endpoint x ON x.m = s.m AND x.role = s.role"
    " LEFT JOIN endpoint_transaction t ON t.m = x.m AND t.endpoint = x.endpoint AND"
    " t.transaction_id = b.transaction_id GROUP BY s.m, s.role",
)

COUNT_STATEMENTS = (
    FLOW_ATTEMPTS,
    SYSTEM_LOOKUPS,
    LOOKUP_ATTEMPTS,
    SERVICE_ATTEMPTS,
    ENDPOINT_CONTROLS,
    SERVICE_COUNTS,
    BUG_FLOWS,
    SERVICE_BUGS,
)
