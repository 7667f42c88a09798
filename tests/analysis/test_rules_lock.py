"""A published rule never changes its meaning, and no id is ever forgotten."""

from probe.analysis.rules import RULES
from tests.analysis.rules_lock import digest, locked, meanings

RENEW = "was it released? then give it a new id that `supersedes` this one; if not: python -m tests.analysis.rules_lock"


def test_every_rule_means_what_was_published() -> None:
    published = locked()
    changed = {rule_id for rule_id, meaning in meanings().items() if published.get(rule_id) != meaning}
    assert not changed, f"{sorted(changed)}: {RENEW}"


def test_no_published_id_is_forgotten_or_used_again() -> None:
    retired = {rule_id for rule in RULES.values() for rule_id in rule.supersedes}
    assert set(locked()) == set(RULES) | retired
    assert not retired & set(RULES)


def test_a_changed_condition_state_or_mechanism_is_another_meaning() -> None:
    one = digest("tls", "a > 0  AND b", "blocked", "tls.reset")
    assert one == digest("tls", "a > 0\n AND b", "blocked", "tls.reset")
    others = [("tls", "a > 1 AND b", "blocked", "tls.reset"), ("tls", "a > 0 AND b", "ok", "tls.reset")]
    others += [("tls", "a > 0 AND b", "blocked", "tls"), ("tcp", "a > 0 AND b", "blocked", "tls.reset")]
    assert one not in {digest(*other) for other in others}
