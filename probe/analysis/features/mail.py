"""Compute the columns about mail from the attempts at one address."""

from collections.abc import Sequence

from probe.analysis.features.rows import AddressRow
from probe.analysis.observations.failure_kinds import CLOSED, OTHER, RESET, TIMEOUT, is_local, kind_of
from probe.analysis.observations.rows import Observation
from probe.targets.target import Endpoint


def passes_mail(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether the server greeted and, with STARTTLS, offered and granted TLS."""
    fine = row.mail_attempts > 0 and row.mail_failure is None and row.mail_protocol == endpoint.facts.proof
    return fine and (not upgrades(endpoint) or (row.mail_offer == "offered" and row.mail_accepted))


def upgrades(endpoint: Endpoint) -> bool:
    """Return whether the dialogue begins without TLS and asks for it."""
    return endpoint.facts.starttls


def count_mail(
    row: AddressRow, endpoint: Endpoint, tried: Sequence[Observation], control: Sequence[Observation]
) -> None:
    """Fill the columns about mail. `tried` are attempts that began a mail dialogue, `control` the control's."""
    protocol = row.mail_protocol = endpoint.facts.proof if "mail" in endpoint.facts.layers else ""
    tried = [attempt for attempt in tried if attempt.mail_protocol == protocol]
    control = [attempt for attempt in control if attempt.mail_protocol == protocol and not is_local(attempt.failure)]
    row.mail_attempts = len(tried)
    row.mail_successes = sum(passes_mail(attempt, endpoint) for attempt in tried)
    failures = [attempt.mail_failure for attempt in tried if attempt.mail_failure is not None]
    row.mail_failure = failures[-1] if failures else None
    row.mail_unoffered = sum(_unoffered(attempt) for attempt in tried)
    row.mail_refused = sum(attempt.mail_refused for attempt in tried)
    row.mail_turned_away = sum(attempt.mail_turned_away for attempt in tried)
    row.mail_injected = sum(attempt.mail_injected for attempt in tried)
    unexplained = [attempt for attempt in tried if not (_unoffered(attempt) or _was_refused(attempt))]
    row.mail_resets = sum(kind_of(attempt.mail_failure) == RESET for attempt in unexplained)
    row.mail_timeouts = sum(kind_of(attempt.mail_failure) == TIMEOUT for attempt in unexplained)
    row.mail_closes = sum(kind_of(attempt.mail_failure) in {CLOSED, OTHER} for attempt in unexplained)
    row.control_mail_unoffered = sum(_unoffered(attempt) for attempt in control)
    row.control_mail_injected = sum(attempt.mail_injected for attempt in control)


def _unoffered(row: Observation) -> bool:
    """Return whether the capabilities came without TLS and lack STARTTLS."""
    return row.mail_offer in {"masked", "missing"}


def _was_refused(row: Observation) -> bool:
    return row.mail_refused or row.mail_turned_away
