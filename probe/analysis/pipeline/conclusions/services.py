"""Compute one verdict per service from its endpoints' verdicts: state, counts and pass rate."""

from probe.analysis.features.rows import ServiceRow
from probe.analysis.pipeline.conclusions.mechanisms import mechanisms_of
from probe.analysis.pipeline.conclusions.media import MEDIA_STATEMENTS, SERVICE_SPARED
from probe.analysis.pipeline.conclusions.service_counts import COUNT_STATEMENTS
from probe.analysis.pipeline.conclusions.transfers import TRANSFER_STATEMENTS
from probe.analysis.pipeline.expressions import literal
from probe.analysis.pipeline.feature_table import decided, feature_select
from probe.analysis.pipeline.statement import Statement
from probe.analysis.rules.rule import SEVERITY, State

_OK_SEVERITY = SEVERITY.index(State.OK)

SERVICE_CUTOFFS = Statement(
    "service_cutoff",
    "What connections that were kept open show about a service. They ended between `low` and `high` seconds.",
    ("m", "role"),
    "SELECT x.m, x.role, max(k.low) AS low, min(k.high) AS high, max(k.alike) AS alike, max(k.broken) AS broken,"
    " max(k.other_past) AS other_past, max(k.neutral_past) AS neutral_past, max(k.name_at_neutral) AS name_at_neutral"
    " FROM service_endpoint x JOIN kept_result k ON k.m = x.m AND k.endpoint = x.endpoint GROUP BY x.m, x.role",
)

SERVICE_ROWS = Statement(
    "service_row",
    "The feature row of each service.",
    ("m", "role"),
    feature_select(
        ServiceRow,
        "s.m, s.role",
        "FROM service s JOIN measurement g ON g.m = s.m JOIN service_count c ON c.m = s.m AND c.role = s.role"
        " LEFT JOIN service_bugs b ON b.m = s.m AND b.role = s.role"
        " LEFT JOIN service_media q ON q.m = s.m AND q.role = s.role"
        " LEFT JOIN service_udp u ON u.m = s.m AND u.role = s.role"
        " LEFT JOIN service_frozen z ON z.m = s.m AND z.role = s.role"
        " LEFT JOIN service_transfers t ON t.m = s.m AND t.role = s.role"
        " LEFT JOIN service_stops_at_helper y ON y.m = s.m AND y.role = s.role"
        " LEFT JOIN service_cutoff k ON k.m = s.m AND k.role = s.role"
        " LEFT JOIN service_endpoint x ON x.m = s.m AND x.role = s.role"
        " LEFT JOIN endpoint_verdict v ON v.m = x.m AND v.endpoint = x.endpoint"
        " LEFT JOIN endpoint_fact e ON e.endpoint = x.endpoint"
        " GROUP BY s.m, s.role, s.any_suffices, g.bugs, g.retired, g.unread, c.control_proofs, b.bugs,"
        " q.pairs, q.silent, q.cut, q.throttled, q.lossy, q.late, t.pairs, t.limited, t.slow_pages,"
        " t.clear_pairs, t.clear_limited, t.clear_slow_pages, t.quic_pairs, t.quic_limited, t.quic_slow_pages,"
        " t.address_pairs, t.address_limited, t.address_slow_pages, u.limited,"
        " k.alike, k.broken, k.other_past, k.neutral_past, k.name_at_neutral, z.pairs,"
        " y.received_by_bytes, y.received_by_packets, y.sent_by_bytes, y.sent_by_packets",
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

SERVICE_CROWDS = Statement(
    "service_crowd",
    "The hellos of the run to the network of a service's address that polices connections, beside three or more others,"
    " and those that were answered.",
    ("m", "role"),
    "SELECT x.m, x.role, max(l.hellos) AS hellos, max(l.answers) AS answers FROM service_endpoint x"
    " JOIN parallel_result l ON l.m = x.m AND l.endpoint = x.endpoint AND l.alone_passed > 0 GROUP BY x.m, x.role",
)

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
    " LEFT JOIN service_crowd z ON z.m = w.m AND z.role = w.role"
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
    "SELECT DISTINCT p.m, p.role, e.mechanism FROM service_part p"
    " JOIN endpoint_anomaly e ON e.m = p.m AND e.endpoint = p.endpoint"
    " UNION SELECT d.m, d.role, r.mechanism FROM service_decided d JOIN rule_fact r ON r.rule_id = d.rule_service"
    " WHERE NOT r.accusing AND r.mechanism <> ''"
    f" UNION {SERVICE_SPARED}"
    " UNION SELECT s.m, s.role, o.device_print AS mechanism FROM service s JOIN observation o"
    " ON o.m = s.m AND o.service = s.role WHERE o.origin = 'probe' AND o.device_print <> ''",
)

SERVICE_STATEMENTS = (
    *COUNT_STATEMENTS,
    *MEDIA_STATEMENTS,
    *TRANSFER_STATEMENTS,
    SERVICE_CUTOFFS,
    SERVICE_ROWS,
    SERVICE_DECIDED,
    SERVICE_PARTS,
    FIRST_DECIDING,
    SERVICE_PROOFS,
    SERVICE_CROWDS,
    SERVICE_VERDICTS,
    *SERVICE_MECHANISMS,
    SERVICE_ANOMALIES,
)
