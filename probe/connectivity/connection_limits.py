"""Decide whether our own other connections may have made an attempt fail, since all share a limit."""

from probe.connectivity.attempt_facts import AttemptFacts, no_answer_in_tls
from probe.formats import failures as f
from probe.formats.transactions import TransactionRecord

GAIN = 1.5  # times the rate beside others. A slow server is as slow for one connection.
SLOW_BESIDE = 2  # slow flows beside one that got nothing, from which on all may share a limited rate


def may_share_limit(facts: AttemptFacts) -> bool:
    """Return whether an attempt reached its time limit that our own other connections may have slowed down."""
    attempts = [outcome for outcome in (facts.own, facts.confirmation) if outcome is not None]
    late = [each for each in attempts if each.failure == f.TIMEOUT and each.failed_operation != "connect"]
    slow = any(each.too_slow for each in attempts) or (bool(late) and facts.slow_beside >= SLOW_BESIDE)
    return slow and facts.verified and facts.followups and not facts.spares_turns


def gained_alone(record: TransactionRecord, own: TransactionRecord) -> bool:
    """Return whether a flow that was repeated alone passed, and was faster than the first attempt, which ran
    beside others.
    """
    return record.failure is None and _rate(record) >= GAIN * _rate(own)


def _rate(record: TransactionRecord) -> float:
    """Return the received bytes a second, 0.0 if they are not known."""
    received = record.stream.bytes_received if record.stream is not None else 0
    return received / max(record.t - record.t0, 1e-3)


def may_be_at_limit(facts: AttemptFacts) -> bool:
    """Return whether servers left two hellos unanswered that they received, as at a limit for one client.

    Servers in several networks may share it. So all connections of the run count.
    """
    tried = (facts.own, facts.confirmation)
    return all(outcome is not None and outcome.at_limit for outcome in tried)


def may_be_policed(facts: AttemptFacts) -> bool:
    """Return whether two hellos failed that our own other connections may have made fail."""
    beside_others = facts.own is not None and facts.own.crowded and facts.network_answers
    failed_twice = no_answer_in_tls(facts.own) and no_answer_in_tls(facts.confirmation)
    elsewhere = facts.fails_elsewhere or facts.network_lost
    return failed_twice and (beside_others or may_be_at_limit(facts)) and not elsewhere


def may_be_too_soon(facts: AttemptFacts) -> bool:
    """Return whether two attempts were cut off that may have followed other connections to the server too soon."""
    elsewhere = any(operation == "tls_handshake" for _, operation in facts.name_at_neutral)
    return facts.confirmation is not None and facts.may_be_limited and not elsewhere
