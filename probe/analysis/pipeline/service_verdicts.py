"""Compute one verdict per service from its endpoints' verdicts: state, counts and pass rate."""

from probe.analysis.features.rows import PARTS_OF_SERVICES, ServiceRow
from probe.analysis.observations.failure_kinds import LOCAL
from probe.analysis.phenomena import in_order
from probe.analysis.phenomena.phenomenon import by_short_name, columns_read
from probe.analysis.pipeline.endpoint_verdicts import mechanisms_of
from probe.analysis.pipeline.rule_facts import decided, feature_select
from probe.analysis.rules.rule import SEVERITY, State
from probe.analysis.sql.expressions import literal
from probe.analysis.sql.statement import Statement
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

_SYSTEM_LOOKUP = (
    "SELECT DISTINCT q.m, q.n, q.hostname, f.transaction_id, f.failure IS NULL AS answered,"
    f" COALESCE({_IS_LOCAL}, FALSE) AS local FROM lookup q JOIN flow f ON f.m = q.m AND f.n = q.n"
    " LEFT JOIN (SELECT DISTINCT m, n FROM lookup WHERE engine = 'udp') u ON u.m = q.m AND u.n = q.n"
    " WHERE q.resolver = 'system' AND u.m IS NULL AND f.origin = 'probe' AND f.kind = 'lookup'"
)
"""The system resolver's lookups of a host, without those that also hold queries of our own over UDP."""

LOOKUP_ATTEMPTS = Statement(
    "lookup_attempt",
    "The system resolver's lookups of a host, which are the attempts at an endpoint of which no address was tried."
    " OONI only looks some names up, so that an answer in OONI's measurement is a success.",
    ("m", "endpoint", "n"),
    "SELECT s.m, s.endpoint, q.n, q.transaction_id, g.is_foreign AND q.answered AS fine, q.local FROM endpoint_name s"
    f" JOIN ({_SYSTEM_LOOKUP}) q ON q.m = s.m AND q.hostname = s.host JOIN measurement g ON g.m = s.m"
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

_ENDPOINT_CONTROL = (
    "SELECT f.m, f.endpoint, count(*) AS controls, count(*) FILTER (WHERE f.works) AS successes,"
    " count(*) FILTER (WHERE f.works AND f.passes_top) AS proofs FROM flow f"
    f" WHERE f.has_endpoint AND f.counts_at_control AND f.failure_kind <> '{LOCAL}'"
    " AND (f.tried_any OR COALESCE(f.failure, '') <> '') GROUP BY f.m, f.endpoint"
)
"""The control's attempts at an endpoint, its successes, and those at the topmost layer."""

SERVICE_COUNTS = Statement(
    "service_count",
    "The attempts, failures, control's attempts and control's successes of each service.",
    ("m", "role"),
    "SELECT c.m, c.role, COALESCE(a.attempts, 0) AS attempts, COALESCE(a.failures, 0) AS failures,"
    " c.controls, c.control_successes, c.control_proofs FROM ("
    "SELECT s.m, s.role, COALESCE(sum(e.controls), 0) AS controls,"
    " COALESCE(sum(e.successes), 0) AS control_successes, COALESCE(sum(e.proofs), 0) AS control_proofs"
    " FROM service s LEFT JOIN service_endpoint x ON x.m = s.m AND x.role = s.role"
    f" LEFT JOIN ({_ENDPOINT_CONTROL}) e ON e.m = x.m AND e.endpoint = x.endpoint GROUP BY s.m, s.role) c"
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
    LOOKUP_ATTEMPTS,
    SERVICE_ATTEMPTS,
    SERVICE_COUNTS,
    BUG_FLOWS,
    SERVICE_BUGS,
)


_OK_SEVERITY = SEVERITY.index(State.OK)

_JOINED = "".join(
    f" LEFT JOIN {table} {short} ON {short}.m = s.m AND {short}.role = s.role"
    for short, table in by_short_name(*(part.joined for part in PARTS_OF_SERVICES)).items()
)
_READ = ", ".join(column for part in PARTS_OF_SERVICES for column in columns_read(part))

SERVICE_ROWS = Statement(
    "service_row",
    "The feature row of each service.",
    ("m", "role"),
    feature_select(
        ServiceRow,
        "s.m, s.role",
        "FROM service s JOIN measurement g ON g.m = s.m JOIN service_count c ON c.m = s.m AND c.role = s.role"
        " LEFT JOIN service_bugs b ON b.m = s.m AND b.role = s.role"
        f"{_JOINED}"
        " LEFT JOIN service_endpoint x ON x.m = s.m AND x.role = s.role"
        " LEFT JOIN endpoint_verdict v ON v.m = x.m AND v.endpoint = x.endpoint"
        " LEFT JOIN endpoint_fact e ON e.endpoint = x.endpoint"
        f" GROUP BY s.m, s.role, s.any_suffices, g.bugs, g.retired, g.unread, c.control_proofs, b.bugs, {_READ}",
    ),
)

SERVICE_DECIDED = decided(
    "service_decided", "The rule that decides on each service.", ServiceRow, ("m", "role"), "service_row"
)

SERVICE_PARTS = Statement(
    "service_part",
    "The endpoints of a service that this network could reach. `decides`: the endpoint has the service's state.",
    ("m", "role", "position"),
    "SELECT x.m, x.role, x.position, x.endpoint, v.rule_id, v.state, v.severity, v.accusing, v.proof_depth,"
    " v.working, v.judged, v.state = r.state AS decides, r.accusing AS service_accusing"
    " FROM service_endpoint x JOIN endpoint_verdict v ON v.m = x.m AND v.endpoint = x.endpoint"
    " JOIN service_decided d ON d.m = x.m AND d.role = x.role JOIN rule_fact r ON r.rule_id = d.rule_service"
    " WHERE v.absent = ''",
)

FIRST_DECIDING = Statement(
    "first_deciding",
    "The first endpoint that has its service's state.",
    ("m", "role"),
    "SELECT p.m, p.role, p.rule_id, p.working, p.judged FROM service_part p JOIN (SELECT m, role,"
    " min(position) AS position FROM service_part WHERE decides GROUP BY m, role) f"
    " ON f.m = p.m AND f.role = p.role AND f.position = p.position",
)

SERVICE_PROOFS = Statement(
    "service_proof",
    "The proofs of the endpoints that have the service's state, or of all if none has it."
    " An endpoint without proof counts as a name that was resolved.",
    ("m", "role"),
    "SELECT p.m, p.role, count(DISTINCT p.state) AS states,"
    " min(p.position * 10 + p.severity) % 10 AS first_severity,"
    " min(p.position * 100 + p.proof_depth) % 100 AS first_depth, max(p.proof_depth) AS deepest,"
    " COALESCE(min(CASE WHEN p.proof_depth <= 1 THEN p.position * 100 + p.proof_depth END) % 100,"
    " min(p.proof_depth)) AS shallowest"
    " FROM service_part p LEFT JOIN first_deciding f ON f.m = p.m AND f.role = p.role"
    " WHERE p.decides OR f.m IS NULL GROUP BY p.m, p.role",
)

# If one endpoint is enough, the best one counts, since no endpoint alone decides that a service is degraded.
_PROOF = (
    "CASE WHEN p.m IS NULL THEN 0 WHEN w.any_suffices AND p.states > 1 THEN p.deepest"
    f" WHEN p.first_severity <> {_OK_SEVERITY} THEN p.first_depth"
    " WHEN w.any_suffices THEN p.deepest ELSE p.shallowest END"
)
# The endpoints are counted if one is enough and one works, or if none has the service's state. Else addresses are.
_COUNTS_ENDPOINTS = "(f.m IS NULL OR (w.any_suffices AND w.ok > 0))"

_SERVICE_CROWD = (
    "SELECT x.m, x.role, max(l.hellos) AS hellos, max(l.answers) AS answers FROM service_endpoint x"
    " JOIN parallel_result l ON l.m = x.m AND l.endpoint = x.endpoint AND l.alone_passed > 0 GROUP BY x.m, x.role"
)
"""The hellos of the run to the network of a service's address that polices connections, beside three or more others,
and those that were answered."""

# No share of endpoints says how bad calls or transfers are.
_ONLY_PAIRS = "w.blocked + w.likely_blocked + w.degraded = 0"


_POLICED = "(s.mechanism = 'tls.policing' AND z.m IS NOT NULL)"


def _if_degraded(endpoints: str, addresses: str, hellos: str) -> str:
    """Return what the pass rate counts: hellos if connections side by side are policed, else endpoints or addresses."""
    counted = f"WHEN {_POLICED} THEN {hellos} WHEN {_COUNTS_ENDPOINTS} THEN {endpoints} ELSE {addresses}"
    return f"CASE WHEN r.state <> {literal(State.DEGRADED)} OR {_ONLY_PAIRS} THEN 0 {counted} END"


SERVICE_VERDICTS = Statement(
    "service_verdict",
    "The verdict on each service, with its counts. `pass_trials` is 0 for a service without pass rate.",
    ("m", "role"),
    f"SELECT w.m, w.role, r.state, s.rule_id, s.because, {_PROOF} AS proof_depth,"
    " c.attempts, c.failures, c.controls, c.control_successes,"
    f" {_if_degraded('w.ok', 'f.working', 'z.answers')} AS pass_successes,"
    f" {_if_degraded('w.endpoints', 'f.judged', 'z.hellos')} AS pass_trials"
    " FROM service_row w JOIN service_decided d ON d.m = w.m AND d.role = w.role"
    " JOIN rule_fact r ON r.rule_id = d.rule_service JOIN service_count c ON c.m = w.m AND c.role = w.role"
    " LEFT JOIN first_deciding f ON f.m = w.m AND f.role = w.role"
    " LEFT JOIN service_proof p ON p.m = w.m AND p.role = w.role"
    f" LEFT JOIN ({_SERVICE_CROWD}) z ON z.m = w.m AND z.role = w.role"
    " JOIN rule_fact s ON s.rule_id = CASE WHEN r.defers AND f.m IS NOT NULL THEN f.rule_id ELSE r.rule_id END",
)

SERVICE_MECHANISMS = mechanisms_of(
    "role",
    "The mechanisms of a service with an accusing state, without those above another one.",
    "SELECT p.m, p.role, e.mechanism FROM service_part p"
    " JOIN endpoint_mechanism e ON e.m = p.m AND e.endpoint = p.endpoint WHERE p.service_accusing AND p.accusing"
    " UNION ALL SELECT d.m, d.role, r.mechanism FROM service_decided d JOIN rule_fact r ON r.rule_id = d.rule_service"
    " WHERE r.accusing AND r.mechanism <> ''",
)

SERVICE_ANOMALIES = Statement(
    "role_anomaly",
    "The anomalies of a service's endpoints, of its call packets, and of the rule that decides on it, and prints of"
    " devices in its flows.",
    ("m", "role", "mechanism"),
    "SELECT p.m, p.role, e.mechanism FROM service_part p JOIN endpoint_part e ON e.m = p.m AND e.endpoint = p.endpoint"
    f" WHERE e.state = {literal(State.OK)} AND e.mechanism <> ''"
    " UNION SELECT d.m, d.role, r.mechanism FROM service_decided d JOIN rule_fact r ON r.rule_id = d.rule_service"
    " WHERE NOT r.accusing AND r.mechanism <> ''"
    + "".join(f" UNION {each.anomalies}" for each in in_order() if each.anomalies)
    + " UNION SELECT s.m, s.role, o.device_print AS mechanism FROM service s"
    " JOIN observation o ON o.m = s.m AND o.service = s.role WHERE o.origin = 'probe' AND o.device_print <> ''",
)

SERVICE_STATEMENTS = (
    *COUNT_STATEMENTS,
    *(statement for part in PARTS_OF_SERVICES for statement in part.statements),
    SERVICE_ROWS,
    SERVICE_DECIDED,
    SERVICE_PARTS,
    FIRST_DECIDING,
    SERVICE_PROOFS,
    SERVICE_VERDICTS,
    *SERVICE_MECHANISMS,
    SERVICE_ANOMALIES,
)
