"""Decide whether our own other connections may have slowed an attempt down, since all share a limited rate."""

from probe.connectivity.facts import AttemptFacts
from probe.formats import failures as f

SLOW_BESIDE = 2  # slow flows beside one that got nothing, from which on all may share a limited rate


def may_share_limit(facts: AttemptFacts) -> bool:
    """Return whether an attempt reached its time limit that our own other connections may have slowed down."""
    attempts = [outcome for outcome in (facts.own, facts.confirmation) if outcome is not None]
    late = [each for each in attempts if each.failure == f.TIMEOUT and each.failed_operation != "connect"]
    slow = any(each.too_slow for each in attempts) or (bool(late) and facts.slow_beside >= SLOW_BESIDE)
    return slow and facts.verified and facts.followups and not facts.spares_turns
