"""Test that no published rule changes its meaning and that no id is lost."""

from pathlib import Path

import pytest

from probe.analysis.listings.listing_rules import LISTING_RULES
from probe.analysis.rules.old_ids import variants_by_old_id
from probe.analysis.ruleset.tables import RULES
from tests.analysis.rules import rules_lock
from tests.analysis.rules.rules_lock import digest, locked, meanings

RENEW = (
    "A released rule changed. Give it a new id, and name it for the old one in probe/data/rule_ids.csv. "
    "If it is not released yet, run: python -m tests.analysis.rules.rules_lock"
)


def test_every_rule_has_its_published_meaning() -> None:
    published = locked()
    changed = {rule_id for rule_id, meaning in meanings().items() if published.get(rule_id) != meaning}
    assert not changed, f"{sorted(changed)}: {RENEW}"


def test_no_published_id_is_lost_or_used_again() -> None:
    lost = set(locked()) - set(meanings()) - set(variants_by_old_id())
    assert not lost, "an id that was published needs a row in probe/data/rule_ids.csv"
    assert set(meanings()) <= set(locked())


def test_rules_about_app_stores_are_locked_beside_the_others() -> None:
    stores = {rule.rule_id for rule in LISTING_RULES}
    assert stores <= set(locked()) and not stores & set(RULES)


def test_renewing_keeps_every_id(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "rules.lock"
    lock.write_text("of_old 0123456789abcdef\n")
    monkeypatch.setattr(rules_lock, "LOCK", lock)
    rules_lock.renew()
    assert rules_lock.locked() == meanings() | {"of_old": "0123456789abcdef"}


def test_changed_condition_state_or_mechanism_changes_the_digest() -> None:
    one = digest("tls", "a > 0  AND b", "blocked", "tls.reset")
    assert one == digest("tls", "a > 0\n AND b", "blocked", "tls.reset")
    others = [("tls", "a > 1 AND b", "blocked", "tls.reset"), ("tls", "a > 0 AND b", "ok", "tls.reset")]
    others += [("tls", "a > 0 AND b", "blocked", "tls"), ("tcp", "a > 0 AND b", "blocked", "tls.reset")]
    assert one not in {digest(*other) for other in others}
