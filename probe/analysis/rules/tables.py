"""Collect the tables of rules, in the order in which they are applied."""

from probe.analysis.features.rows import (
    AddressRow,
    AppRow,
    EndpointRow,
    NameRow,
    NeedRow,
    RegimeRow,
    ServiceRow,
    WideRow,
)
from probe.analysis.rules.addresses import ADDRESS_RULES
from probe.analysis.rules.apps import APP_RULES, NEED_RULES
from probe.analysis.rules.calls.dtls import DTLS_RULES
from probe.analysis.rules.calls.reflector import REFLECTOR_RULES
from probe.analysis.rules.calls.sip import SIP_RULES
from probe.analysis.rules.calls.stun import STUN_RULES
from probe.analysis.rules.calls.turn import TURN_RULES
from probe.analysis.rules.dns.names import NAME_RULES
from probe.analysis.rules.dns.resolvers import RESOLVER_RULES
from probe.analysis.rules.http.answers import HTTP_RULES
from probe.analysis.rules.mail import MAIL_RULES
from probe.analysis.rules.messengers import PAYLOAD_RULES
from probe.analysis.rules.quic.handshakes import QUIC_RULES
from probe.analysis.rules.regimes import REGIME_RULES
from probe.analysis.rules.rule import ACCUSING, SEVERITY, Rule, State, first_match
from probe.analysis.rules.services import ENDPOINT_RULES, SERVICE_RULES
from probe.analysis.rules.tcp import TCP_RULES
from probe.analysis.rules.tls.handshakes import TLS_RULES

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
    "reflector": (AddressRow, REFLECTOR_RULES),
    "dtls": (AddressRow, DTLS_RULES),
    "sip": (AddressRow, SIP_RULES),
    "resolver": (AddressRow, RESOLVER_RULES),
    "mail": (AddressRow, MAIL_RULES),
    "endpoint": (EndpointRow, ENDPOINT_RULES),
    "service": (ServiceRow, SERVICE_RULES),
    "need": (NeedRow, NEED_RULES),
    "app": (AppRow, APP_RULES),
    "regime": (RegimeRow, REGIME_RULES),
}

RULES: dict[str, Rule] = {rule.rule_id: rule for _, rules in TABLES.values() for rule in rules}
"""Every rule by its id, in the order of the tables."""


def tables_for(row: type[WideRow]) -> dict[str, tuple[Rule, ...]]:
    """Return the tables whose conditions read rows of this class."""
    return {name: rules for name, (kind, rules) in TABLES.items() if kind is row}
