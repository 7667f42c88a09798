"""Collect the tables of rules, in the order in which they are applied."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

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
from probe.analysis.phenomena import in_order
from probe.analysis.rules.apps import APP_RULES, NEED_RULES
from probe.analysis.rules.old_ids import variants_by_old_id
from probe.analysis.rules.regime_rules import REGIME_RULES
from probe.analysis.rules.rule import ACCUSING, SEVERITY, Rule, State, first_match
from probe.analysis.rules.services import ENDPOINT_RULES, FIRST_SERVICE_RULES, STATE_RULES
from probe.analysis.rules.variant import variant_of
from probe.analysis.ruleset.address_rules import ADDRESS_RULES
from probe.analysis.ruleset.call_rules import DTLS_RULES, REFLECTOR_RULES, SIP_RULES, STUN_RULES, TURN_RULES
from probe.analysis.ruleset.dns.name_rules import NAME_RULES
from probe.analysis.ruleset.dns.resolver_rules import RESOLVER_RULES
from probe.analysis.ruleset.http_rules import HTTP_RULES
from probe.analysis.ruleset.mail_rules import MAIL_RULES
from probe.analysis.ruleset.messengers import PAYLOAD_RULES
from probe.analysis.ruleset.quic_rules import QUIC_RULES
from probe.analysis.ruleset.tcp_rules import TCP_RULES
from probe.analysis.ruleset.tls_rules import TLS_RULES

__all__ = [
    "ACCUSING",
    "KINDS",
    "RULES",
    "RULESET",
    "SEVERITY",
    "TABLES",
    "Rule",
    "State",
    "first_match",
    "rule_of",
    "tables_for",
]

RULESET = "2026.11"

_OF_PHENOMENA = tuple(rule for each in in_order() for rule in each.rules)
SERVICE_RULES = (
    *FIRST_SERVICE_RULES,
    *(rule for rule in _OF_PHENOMENA if rule.state in ACCUSING),
    *(rule for rule in _OF_PHENOMENA if rule.state not in ACCUSING),
    *STATE_RULES,
)

_LAYERS = {
    "name": "dns",
    **{name: name for name in ("tcp", "tls", "quic", "http", "payload", "resolver", "mail")},
    **{name: name for name in ("stun", "turn", "reflector", "dtls", "sip")},
}
"""The layer of the rules of a table, for those that do not name one."""

_TABLES: dict[str, tuple[type[WideRow], tuple[Rule, ...]]] = {
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
_SIZES = Counter(rule.rule_id for _, rules in _TABLES.values() for rule in rules)


def _with_key(table: str, rule: Rule) -> Rule:
    """Return the rule with its layer, and with its key: the id, and what varies if its kind has several rules."""
    rule = replace(rule, layer=rule.layer or _LAYERS.get(table, ""))
    parts = [rule.rule_id, rule.layer, rule.way, rule.forged]
    return replace(rule, key=":".join(filter(None, parts if _SIZES[rule.rule_id] > 1 else parts[:1])))


TABLES: dict[str, tuple[type[WideRow], tuple[Rule, ...]]] = {
    table: (row, tuple(_with_key(table, rule) for rule in rules)) for table, (row, rules) in _TABLES.items()
}

RULES: dict[str, Rule] = {rule.key: rule for _, rules in TABLES.values() for rule in rules}
"""Every rule by its key, in the order of the tables."""

KINDS: dict[str, tuple[Rule, ...]] = {
    kind: tuple(rule for rule in RULES.values() if rule.rule_id == kind) for kind in _SIZES
}
"""The rules of each kind by its published id, in the order of the tables."""

_BY_VARIANT: dict[tuple[str, ...], Rule] = {
    (rule.rule_id, rule.layer, rule.way, rule.forged): rule for rule in RULES.values()
}


def tables_for(row: type[WideRow]) -> dict[str, tuple[Rule, ...]]:
    """Return the tables whose conditions read rows of this class."""
    return {name: rules for name, (kind, rules) in TABLES.items() if kind is row}


def rule_of(record: Mapping[str, Any]) -> Rule | None:
    """Return the rule that a verdict record or one of its endpoints names, None if this ruleset has no such rule.

    The record may have an old id.
    """
    variant = variant_of(record)
    return _BY_VARIANT.get(variant) or _BY_VARIANT.get(variant_of(variants_by_old_id().get(variant[0], {})))
