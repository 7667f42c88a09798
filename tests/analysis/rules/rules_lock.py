"""The lock of published rules: every id ever released, and a digest of what it means.

Renew: python -m tests.analysis.rules.rules_lock

Before a release a rule may be changed and the lock renewed; afterwards a rule whose meaning changes gets a new id.
"""

import hashlib
from pathlib import Path

from probe.analysis.rules.tables import TABLES

LOCK = Path(__file__).with_name("rules.lock")


def digest(table: str, when: str, state: str, mechanism: str) -> str:
    """What a rule means, in 16 hex digits; white space in its condition means nothing."""
    text = "\n".join((table, " ".join(when.split()), state, mechanism))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def meanings() -> dict[str, str]:
    """The rules of today: id → digest."""
    return {
        rule.rule_id: digest(table, rule.when, rule.state, rule.mechanism)
        for table, (_, rules) in TABLES.items()
        for rule in rules
    }


def locked() -> dict[str, str]:
    """What the lock says: id → digest."""
    pairs = (line.split(maxsplit=1) for line in LOCK.read_text().splitlines() if not line.startswith("#"))
    return dict(pairs)


def renew() -> None:
    """Write the rules of today; ids that were ever released stay, whether a rule still names them or not."""
    lines = (locked() if LOCK.exists() else {}) | meanings()
    head = "# Every rule ever published and a digest of what it means (tests/analysis/rules_lock.py)."
    LOCK.write_text("\n".join([head, *(f"{rule_id} {meaning}" for rule_id, meaning in sorted(lines.items()))]) + "\n")


if __name__ == "__main__":
    renew()
