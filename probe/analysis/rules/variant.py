"""Name the rule of a verdict record: its kind, and what varies within the kind."""

from collections.abc import Mapping
from typing import Any

VARIANT = ("rule_id", "layer", "way", "forged")
"""The keys of a verdict record, and the fields of a rule, that together name one rule."""


def variant_of(record: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of VARIANT in a verdict record or in one of its endpoints. Missing ones are empty."""
    return tuple(value if isinstance(value := record.get(name), str) else "" for name in VARIANT)


def shown_rule(record: Mapping[str, Any]) -> str:
    """Return the name of a record's rule for readers, such as `failure_follows_name, tls, reset`."""
    return ", ".join(filter(None, variant_of(record)))
