"""Find the rule that decides on each address of an endpoint, and why the address is left out."""

from probe.analysis.pipeline.expressions import literal, quoted
from probe.analysis.pipeline.statement import Statement
from probe.analysis.rules.rule import State
from probe.targets.dialects import DIALECTS, LAYERS

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

_ROLES = quoted(
    (
        *("target", "innocuous", "neutral", "other_protocol", "same_echo", "other_echo", "sip_limited"),
        *("nonexistent_here", "nonexistent_neutral", "own_neutral", "random"),
        *("browser", "other_size", "again", "innocuous_hello"),
        *("ech_browser", "ech_browser_without", "ech_innocuous", "ech_neutral", "ech_neutral_without"),
        *("ech_neutral_ours", "ech_name_ours", "ech_name_ours_without"),
    )
)
"""Roles of the flows here that a verdict rests on. The others are the control's, or belong to other endpoints."""

LINKED_FLOWS = Statement(
    "linked_flow",
    "The flows here that the verdict on an endpoint at an address rests on."
    " `usual`: an app makes them too, since its own resolver gave the address.",
    ("m", "endpoint", "address", "role", "n"),
    "SELECT m, endpoint, address, role, n, transaction_id, proof_depth, followup <> 'alternative_address' AS usual"
    f" FROM linked WHERE role IN {_ROLES}",
)

TARGET_FLOWS = Statement(
    "target_flows",
    "The deepest proof of the attempts at an address, and how many of them apps make too.",
    ("m", "endpoint", "address"),
    "SELECT m, endpoint, address, max(proof_depth) AS proof_depth, count(*) FILTER (WHERE usual) AS usual"
    " FROM linked_flow WHERE role = 'target' GROUP BY m, endpoint, address",
)

_ABSENT = f"CASE a.rule_id WHEN '{FAMILY_ABSENT}' THEN 'family' WHEN '{DATAGRAMS_ABSENT}' THEN 'datagrams' ELSE '' END"

ADDRESS_PARTS = Statement(
    "address_part",
    "The conclusion about an address: the deciding rule, its state, and what this network lacks for the address."
    " `alternative`: only other resolvers than the system's gave it, so that apps never connect to it.",
    ("m", "endpoint", "address"),
    f"SELECT a.m, a.endpoint, a.address, a.first_n, a.rule_id, {_ABSENT} AS absent,"
    f" a.rule_id IN {_UNPROVEN} AS unproven,"
    " COALESCE(t.usual, 0) = 0 AS alternative, COALESCE(t.proof_depth, 0) AS proof_depth"
    " FROM address_rule a"
    " LEFT JOIN target_flows t ON t.m = a.m AND t.endpoint = a.endpoint AND t.address = a.address",
)

ADDRESS_STATEMENTS = (LAYER_RULES, ADDRESS_RULES, LINKED_FLOWS, TARGET_FLOWS, ADDRESS_PARTS)
