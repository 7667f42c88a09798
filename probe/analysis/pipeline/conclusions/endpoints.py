"""Compute one verdict per endpoint, from the verdicts on its name and on its addresses."""

from probe.analysis.features.rows import EndpointRow
from probe.analysis.pipeline.conclusions.address_parts import ADDRESS_STATEMENTS, DATAGRAMS_ABSENT, OK
from probe.analysis.pipeline.conclusions.mechanisms import mechanisms_of
from probe.analysis.pipeline.expressions import literal
from probe.analysis.pipeline.feature_table import decided, feature_select
from probe.analysis.pipeline.statement import Statement
from probe.targets.dialects import PROOF_DEPTH

_DNS_DEPTH = PROOF_DEPTH.index("dns") + 1
_NAME_FAMILY_ABSENT = literal("name_family_absent")

ADDRESS_COUNTS = Statement(
    "endpoint_address_count",
    "How many addresses of an endpoint were tried and are verified, and what this network lacks for all of them.",
    ("m", "endpoint"),
    "SELECT m, endpoint, count(*) AS addresses, min(absent) AS absent,"
    " count(*) FILTER (WHERE absent = '' AND NOT unproven) AS verified FROM address_part GROUP BY m, endpoint",
)

_ABSENT = (
    "CASE WHEN e.endpoint IS NULL OR r.accusing THEN '' WHEN c.addresses > 0 THEN c.absent"
    " WHEN e.is_literal THEN CASE WHEN f.m IS NULL THEN 'family' ELSE '' END"
    f" WHEN d.rule_name = {_NAME_FAMILY_ABSENT} THEN 'family' ELSE '' END"
)

ENDPOINT_NAMES = Statement(
    "endpoint_name",
    "Each endpoint of a service with the rule that decided on its name, and what this network lacks for it.",
    ("m", "endpoint"),
    "SELECT s.m, s.endpoint, COALESCE(e.host, '') AS host, e.endpoint IS NOT NULL AS valid, d.rule_name, r.state,"
    f" COALESCE(c.verified, 0) AS verified, {_ABSENT} AS absent,"
    f" COALESCE(r.state = {OK} AND NOT e.is_literal, FALSE) AS resolved"
    " FROM (SELECT DISTINCT m, endpoint FROM service_endpoint) s"
    " LEFT JOIN endpoint_fact e ON e.endpoint = s.endpoint"
    " JOIN name_decided d ON d.m = s.m AND d.host = COALESCE(e.host, '')"
    " JOIN rule_fact r ON r.rule_id = d.rule_name"
    " LEFT JOIN endpoint_address_count c ON c.m = s.m AND c.endpoint = s.endpoint"
    " LEFT JOIN family f ON f.m = s.m AND f.family = e.literal_family",
)

ENDPOINT_PARTS = Statement(
    "endpoint_part",
    "The parts of an endpoint that count: its name, then its verified addresses, or all if none is verified."
    " `place` is text that sorts like the order of the parts.",
    ("m", "endpoint", "place"),
    "SELECT p.m, p.endpoint, p.place, p.is_name, p.rule_id, p.alternative, p.proof_depth, r.state, r.accusing,"
    " r.mechanism FROM (SELECT m, endpoint, '0000000' AS place, TRUE AS is_name, rule_name AS rule_id,"
    " FALSE AS alternative, 0 AS proof_depth FROM endpoint_name"
    " UNION ALL SELECT a.m, a.endpoint, '' || (1000000 + a.first_n), FALSE, a.rule_id, a.alternative,"
    " a.proof_depth FROM address_part a JOIN endpoint_name s ON s.m = a.m AND s.endpoint = a.endpoint"
    " WHERE a.absent = '' AND (NOT a.unproven OR s.verified = 0)) p JOIN rule_fact r ON r.rule_id = p.rule_id",
)

ENDPOINT_ROWS = Statement(
    "endpoint_row",
    "The feature row of each endpoint.",
    ("m", "endpoint"),
    feature_select(EndpointRow, "p.m, p.endpoint", "FROM endpoint_part p GROUP BY p.m, p.endpoint"),
)

ENDPOINT_DECIDED = decided(
    "endpoint_decided", "The rule that decides on each endpoint.", EndpointRow, ("m", "endpoint"), "endpoint_row"
)

ENDPOINT_RESULTS = Statement(
    "endpoint_result",
    "What the parts of an endpoint give: its state, the first part that has it, and counts of its addresses.",
    ("m", "endpoint"),
    "SELECT p.m, p.endpoint, r.rule_id, r.state, r.severity, r.accusing, r.defers,"
    f" substr(min(CASE WHEN p.state = r.state AND NOT (p.is_name AND p.state = {OK})"
    " THEN p.place || p.rule_id END), 8) AS first_rule, max(p.proof_depth) AS proof_depth,"
    f" count(*) FILTER (WHERE NOT p.is_name AND p.state = {OK}) AS working,"
    " count(*) FILTER (WHERE NOT p.is_name) AS judged"
    " FROM endpoint_part p JOIN endpoint_decided d ON d.m = p.m AND d.endpoint = p.endpoint"
    " JOIN rule_fact r ON r.rule_id = d.rule_endpoint"
    " GROUP BY p.m, p.endpoint, r.rule_id, r.state, r.severity, r.accusing, r.defers",
)

_SHOWN = (
    f"CASE WHEN n.absent = 'datagrams' THEN '{DATAGRAMS_ABSENT}'"
    " WHEN v.defers AND v.first_rule IS NOT NULL THEN v.first_rule ELSE v.rule_id END"
)

ENDPOINT_VERDICTS = Statement(
    "endpoint_verdict",
    "The verdict on each endpoint. `proof_depth` is a place in PROOF_DEPTH, from 1, or 0 for none.",
    ("m", "endpoint"),
    "SELECT n.m, n.endpoint, v.state, v.severity, v.accusing, r.rule_id, n.absent, v.working, v.judged,"
    " g.out_of_time AND r.untested AS untested,"
    f" CASE WHEN v.proof_depth = 0 AND n.resolved THEN {_DNS_DEPTH} ELSE v.proof_depth END AS proof_depth"
    " FROM endpoint_name n JOIN endpoint_result v ON v.m = n.m AND v.endpoint = n.endpoint"
    f" JOIN measurement g ON g.m = n.m JOIN rule_fact r ON r.rule_id = {_SHOWN}",
)

ENDPOINT_MECHANISMS = mechanisms_of(
    "endpoint",
    "The mechanisms of the parts of an endpoint with an accusing state, without those above another one.",
    "SELECT p.m, p.endpoint, p.mechanism FROM endpoint_part p"
    " JOIN endpoint_verdict v ON v.m = p.m AND v.endpoint = p.endpoint"
    " WHERE v.accusing AND p.accusing AND p.mechanism <> ''",
)

ENDPOINT_ANOMALIES = Statement(
    "endpoint_anomaly",
    "The anomalies of the parts of an endpoint that are ok.",
    ("m", "endpoint", "mechanism"),
    f"SELECT DISTINCT m, endpoint, mechanism FROM endpoint_part WHERE state = {OK} AND mechanism <> ''",
)

ENDPOINT_TRANSACTIONS = Statement(
    "endpoint_transaction",
    "The probe's transactions that the verdict on an endpoint rests on.",
    ("m", "endpoint", "transaction_id"),
    "SELECT m, endpoint, transaction_id FROM linked_flow"
    " UNION SELECT n.m, n.endpoint, t.transaction_id FROM endpoint_name n"
    " JOIN name_transaction t ON t.m = n.m AND t.host = n.host WHERE n.host <> ''",
)

ENDPOINT_STATEMENTS = (
    *ADDRESS_STATEMENTS,
    ADDRESS_COUNTS,
    ENDPOINT_NAMES,
    ENDPOINT_PARTS,
    ENDPOINT_ROWS,
    ENDPOINT_DECIDED,
    ENDPOINT_RESULTS,
    ENDPOINT_VERDICTS,
    *ENDPOINT_MECHANISMS,
    ENDPOINT_ANOMALIES,
    ENDPOINT_TRANSACTIONS,
)
