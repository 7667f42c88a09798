"""Compute one verdict per endpoint, from the verdicts on its name and on its addresses."""

from probe.analysis.features.rows import EndpointRow
from probe.analysis.pipeline.linked_flows import ROLES
from probe.analysis.pipeline.rule_facts import decided, feature_select
from probe.analysis.rules.rule import State
from probe.analysis.sql.expressions import literal, quoted
from probe.analysis.sql.statement import Statement
from probe.targets.dialects import DIALECTS, LAYERS, PROOF_DEPTH


def mechanisms_of(subject: str, meaning: str, accused: str) -> tuple[Statement, Statement]:
    """Return the statements for the deepest mechanisms of each endpoint or service (`subject` names the key column).

    `accused` selects m, the key column and mechanism.
    """
    same = f"a.m = o.m AND a.{subject} = o.{subject}"
    return (
        Statement(
            f"{subject}_accused",
            f"Each mechanism of which a part of the {subject} is accused.",
            ("m", subject, "mechanism"),
            f"SELECT DISTINCT m, {subject}, mechanism FROM ({accused}) a",
        ),
        Statement(
            f"{subject}_mechanism",
            meaning,
            ("m", subject, "mechanism"),
            f"SELECT a.m, a.{subject}, a.mechanism FROM {subject}_accused a"
            f" LEFT JOIN (SELECT DISTINCT b.m, b.{subject}, t.ancestor FROM {subject}_accused b"
            f" JOIN mechanism_above t ON t.mechanism = b.mechanism) o"
            f" ON {same} AND o.ancestor = a.mechanism WHERE o.m IS NULL",
        ),
    )


OK = literal(State.OK)
FAMILY_ABSENT, DATAGRAMS_ABSENT = "address_family_absent", "address_datagrams_absent"
_UNPROVEN = quoted(("address_unproven", "address_unproven_fails", "address_interrupted"))
_PAYLOAD_TABLES = sorted({dialect.payload_rules for dialect in DIALECTS.values()})


def _rule_at(layer: str) -> str:
    """Return the expression for the rule that holds at a layer of the endpoint, empty without the layer."""
    payloads = " ".join(f"WHEN '{table}' THEN d.rule_{table}" for table in _PAYLOAD_TABLES)
    layers = " ".join(f"WHEN '{name}' THEN d.rule_{name}" for name in LAYERS if name != "payload")
    return f"CASE e.{layer} WHEN 'payload' THEN CASE e.payload_rules {payloads} ELSE '' END {layers} ELSE '' END"


LAYER_RULES = Statement(
    "layer_rule",
    "The rules that hold for an address, at the layers of its endpoint, lowest first.",
    ("m", "endpoint", "address"),
    "SELECT d.m, d.endpoint, d.address, d.first_n, d.rule_address, "
    + ", ".join(f"{_rule_at(f'{place}_layer')} AS {place}_rule" for place in ("first", "second", "third"))
    + " FROM address_decided d JOIN endpoint_fact e ON e.endpoint = d.endpoint",
)

# A failure hides the layers above it. If all layers are ok, the topmost rule with an anomaly decides, else the top one.
_DECIDING = (
    f"CASE WHEN a.state <> {OK} THEN d.rule_address WHEN r1.state <> {OK} THEN d.first_rule"
    f" WHEN COALESCE(r2.state, {OK}) <> {OK} THEN d.second_rule WHEN COALESCE(r3.state, {OK}) <> {OK} THEN d.third_rule"
    " WHEN COALESCE(r3.mechanism, '') <> '' THEN d.third_rule WHEN COALESCE(r2.mechanism, '') <> '' THEN d.second_rule"
    " WHEN r1.mechanism <> '' THEN d.first_rule WHEN a.mechanism <> '' THEN d.rule_address"
    " WHEN r3.rule_id IS NOT NULL THEN d.third_rule WHEN r2.rule_id IS NOT NULL THEN d.second_rule"
    " ELSE d.first_rule END"
)

ADDRESS_RULES = Statement(
    "address_rule",
    "The rule that decides on an address: of the lowest layer that is not ok, since a failure hides those above it.",
    ("m", "endpoint", "address"),
    f"SELECT d.m, d.endpoint, d.address, d.first_n, {_DECIDING} AS rule_id FROM layer_rule d"
    " JOIN rule_fact a ON a.rule_id = d.rule_address JOIN rule_fact r1 ON r1.rule_id = d.first_rule"
    " LEFT JOIN rule_fact r2 ON r2.rule_id = d.second_rule LEFT JOIN rule_fact r3 ON r3.rule_id = d.third_rule",
)

_DECIDING_ROLES = quoted(dict.fromkeys(role.role for role in ROLES if role.decides))
"""Roles of the flows here that a verdict rests on. The others are the control's, or belong to other endpoints."""

LINKED_FLOWS = Statement(
    "linked_flow",
    "The flows here that the verdict on an endpoint at an address rests on."
    " `usual`: an app makes them too, since its own resolver gave the address.",
    ("m", "endpoint", "address", "role", "n"),
    "SELECT m, endpoint, address, role, n, transaction_id, proof_depth, followup <> 'alternative_address' AS usual"
    f" FROM linked WHERE role IN {_DECIDING_ROLES}",
)

_TARGET_FLOWS = (
    "SELECT m, endpoint, address, max(proof_depth) AS proof_depth, count(*) FILTER (WHERE usual) AS usual"
    " FROM linked_flow WHERE role = 'target' GROUP BY m, endpoint, address"
)
"""The deepest proof of the attempts at an address, and how many of them apps make too."""

_LACKING = f"CASE a.rule_id WHEN '{FAMILY_ABSENT}' THEN 'family' WHEN '{DATAGRAMS_ABSENT}' THEN 'datagrams' ELSE '' END"

ADDRESS_PARTS = Statement(
    "address_part",
    "The conclusion about an address: the deciding rule, its state, and what this network lacks for the address."
    " `alternative`: only other resolvers than the system's gave it, so that apps never connect to it.",
    ("m", "endpoint", "address"),
    f"SELECT a.m, a.endpoint, a.address, a.first_n, a.rule_id, {_LACKING} AS absent,"
    f" a.rule_id IN {_UNPROVEN} AS unproven,"
    " COALESCE(t.usual, 0) = 0 AS alternative, COALESCE(t.proof_depth, 0) AS proof_depth"
    " FROM address_rule a"
    f" LEFT JOIN ({_TARGET_FLOWS}) t ON t.m = a.m AND t.endpoint = a.endpoint AND t.address = a.address",
)

ADDRESS_STATEMENTS = (LAYER_RULES, ADDRESS_RULES, LINKED_FLOWS, ADDRESS_PARTS)


_DNS_DEPTH = PROOF_DEPTH.index("dns") + 1
_NAME_FAMILY_ABSENT = literal("name_family_absent")

_ENDPOINT_ADDRESS_COUNT = (
    "SELECT m, endpoint, count(*) AS addresses, min(absent) AS absent,"
    " count(*) FILTER (WHERE absent = '' AND NOT unproven) AS verified FROM address_part GROUP BY m, endpoint"
)
"""How many addresses of an endpoint were tried and are verified, and what this network lacks for all of them."""

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
    f" LEFT JOIN ({_ENDPOINT_ADDRESS_COUNT}) c ON c.m = s.m AND c.endpoint = s.endpoint"
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

_NAME_TRANSACTION = "SELECT DISTINCT m, hostname, transaction_id FROM dns_query WHERE origin = 'probe'"

ENDPOINT_TRANSACTIONS = Statement(
    "endpoint_transaction",
    "The probe's transactions that the verdict on an endpoint rests on.",
    ("m", "endpoint", "transaction_id"),
    "SELECT m, endpoint, transaction_id FROM linked_flow"
    " UNION SELECT n.m, n.endpoint, q.transaction_id FROM endpoint_name n"
    f" JOIN ({_NAME_TRANSACTION}) q ON q.m = n.m AND q.hostname = n.host WHERE n.host <> ''",
)

ENDPOINT_STATEMENTS = (
    *ADDRESS_STATEMENTS,
    ENDPOINT_NAMES,
    ENDPOINT_PARTS,
    ENDPOINT_ROWS,
    ENDPOINT_DECIDED,
    ENDPOINT_RESULTS,
    ENDPOINT_VERDICTS,
    *ENDPOINT_MECHANISMS,
    ENDPOINT_TRANSACTIONS,
)
