"""Keep the lock of published rules: every id ever released, and a digest of its meaning.

Renew: `python -m tests.analysis.rules.rules_lock`

Before a release a rule may be changed and the lock renewed. Later a rule whose meaning changes gets a new id (P10).
"""

import hashlib
from pathlib import Path

from probe.analysis.listings.listing_rules import LISTING_RULES
from probe.analysis.ruleset.tables import TABLES

LOCK = Path(__file__).with_name("rules.lock")


def digest(table: str, when: str, state: str, mechanism: str) -> str:
    """Return the digest of a rule's meaning, 16 hex digits. White space in its condition is ignored."""
    text = "\n".join((table, " ".join(when.split()), state, mechanism))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def meanings() -> dict[str, str]:
    """Return the digest of each current rule by its key, those about app stores included."""
    verdicts = {
        rule.key: digest(table, rule.when, rule.state, rule.mechanism)
        for table, (_, rules) in TABLES.items()
        for rule in rules
    }
    return verdicts | {rule.rule_id: digest("listing", rule.when, rule.state, rule.mechanism) for rule in LISTING_RULES}


def locked() -> dict[str, str]:
    pairs = (line.split(maxsplit=1) for line in LOCK.read_text().splitlines() if not line.startswith("#"))
    return dict(pairs)


def renew() -> None:
    """Write the current rules. Ids that were ever released stay, also without a rule."""
    lines = (locked() if LOCK.exists() else {}) | meanings()
    head = "# Every rule ever published and a digest of what it means (tests/analysis/rules/rules_lock.py)."
    LOCK.write_text("\n".join([head, *(f"{rule_id} {meaning}" for rule_id, meaning in sorted(lines.items()))]) + "\n")


if __name__ == "__main__":
    renew()
