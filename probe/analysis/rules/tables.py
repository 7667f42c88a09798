"""The rules, as data: every table that is judged by, in the order of judging, and every rule by its id."""

from probe.analysis.features.rows import AddressRow, EndpointRow, NameRow, ServiceRow, WideRow
from probe.analysis.rules.calls import SIP_RULES, STUN_RULES, TURN_RULES
from probe.analysis.rules.connections import ADDRESS_RULES, TCP_RULES, TLS_RULES
from probe.analysis.rules.mail import MAIL_RULES
from probe.analysis.rules.names import NAME_RULES
from probe.analysis.rules.payloads import HTTP_RULES, PAYLOAD_RULES
from probe.analysis.rules.quic import QUIC_RULES
from probe.analysis.rules.resolvers import RESOLVER_RULES
from probe.analysis.rules.rule import ACCUSING, SEVERITY, Rule, State, first_match
from probe.analysis.rules.services import ENDPOINT_RULES, SERVICE_RULES

__all__ = ["ACCUSING", "RULES", "RULESET", "SEVERITY", "TABLES", "Rule", "State", "first_match", "tables_for"]

RULESET = "2026.11"

TABLES: dict[str, tuple[type[WideRow], tuple[Rule, ...]]] = {
    "name": (NameRow, NAME_RULES),
    "address": (AddressRow, ADDRESS_RULES),
    "tcp": (AddressRow, TCP_RULES),
    "tls": (AddressRow, TLS_RULES),
    "quic": (AddressRow, QUIC_RULES),
    "http": (AddressRow, HTTP_RULES),
    "payload": (AddressRow, PAYLOAD_RULES),
    "stun": (AddressRow, STUN_RULES),
    "turn": (AddressRow, TURN_RULES),
    "sip": (AddressRow, SIP_RULES),
    "resolver": (AddressRow, RESOLVER_RULES),
    "mail": (AddressRow, MAIL_RULES),
    "endpoint": (EndpointRow, ENDPOINT_RULES),
    "service": (ServiceRow, SERVICE_RULES),
}

RULES: dict[str, Rule] = {rule.rule_id: rule for _, rules in TABLES.values() for rule in rules}


def tables_for(row: type[WideRow]) -> dict[str, tuple[Rule, ...]]:
    """The tables that judge rows of this class."""
    return {name: rules for name, (kind, rules) in TABLES.items() if kind is row}
