"""Read the flows with names and bytes that no list contains. If they fail too, only listed traffic may pass."""

from dataclasses import dataclass

from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import TIMEOUT, is_local, kind_of
from probe.analysis.observations.rows import Observation
from probe.targets.target import Endpoint, family_of


@dataclass(frozen=True)
class Unlisted:
    """Hold the flows with unlisted traffic, and later flows to the same address that are known to pass."""

    here: tuple[Observation, ...] = ()  # a non-existent name at the endpoint's address
    at_neutral: tuple[Observation, ...] = ()  # a non-existent name at a neutral host
    own_at_neutral: tuple[Observation, ...] = ()  # the neutral host's own name
    random: tuple[Observation, ...] = ()  # random bytes at a neutral host

    def rows(self) -> tuple[Observation, ...]:
        """Return all rows."""
        return self.here + self.at_neutral + self.own_at_neutral + self.random


def unlisted_of(endpoint: Endpoint, address: str, proofs: Verified) -> Unlisted:
    """Return the flows that serve an endpoint at an address. One at a neutral host serves all endpoints of its kind."""
    family = family_of(address)
    named = [row for row in proofs.probe.of_endpoint(endpoint.url) if row.family == family and not endpoint.is_literal]
    named = [row for row in named if _shows_no_target(row, endpoint)]
    by_kind = {
        kind: tuple(row for row in named if row.followup == kind)
        for kind in ("nonexistent_name_same_address", "nonexistent_name_neutral_host", "neutral_name_neutral_host")
    }
    random = proofs.probe.followups("random_bytes_neutral_host")
    return Unlisted(
        tuple(row for row in by_kind["nonexistent_name_same_address"] if row.address == address),
        by_kind["nonexistent_name_neutral_host"],
        by_kind["neutral_name_neutral_host"],
        tuple(row for row in random if endpoint.facts.unlisted and _is_random(row, endpoint.port, family)),
    )


def _shows_no_target(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether the entry confirms the follow-up's label: another name was sent, on the layer that carries it."""
    layer = endpoint.facts.name_layer
    if not layer or endpoint.host in {row.sent_name, row.tls_name, row.http_host}:
        return False
    return bool(getattr(row, f"{layer}_attempts"))


def _is_random(row: Observation, port: int, family: int) -> bool:
    return row.random_attempts > 0 and row.port == port and row.family == family and not is_local(row.random_failure)


def failed_before(failed: tuple[Observation, ...], layer: str, passed: list[Observation]) -> int:
    """Count the flows that failed at a layer before an innocuous flow to the same address and port passed.

    The later success excludes residual censorship. Only then may a failure inside a residual window count (P8).
    """
    return sum(
        any(later.address == row.address and later.port == row.port and later.t0 >= row.t0 for later in passed)
        for row in failed
        if getattr(row, f"{layer}_failure") is not None and not is_local(row.failure)
    )


def silent(rows: tuple[Observation, ...]) -> int:
    """Count the flows without an answer, outside residual windows (P8)."""
    return sum(kind_of(row.random_failure) == TIMEOUT and not row.in_residual for row in rows)


def answered(rows: tuple[Observation, ...]) -> int:
    """Count the flows with an answer, an end or a reset, because the host itself may reset."""
    return sum(kind_of(row.random_failure) != TIMEOUT for row in rows)
