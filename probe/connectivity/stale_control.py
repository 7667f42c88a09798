"""Decide which endpoints are tried once more, since the control's success is too old for the failure here.

No socket, no clock and no task, as in the planner.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from probe.signatures.evidence_age import CONTROL_ATTEMPT, in_time


@dataclass(frozen=True)
class OwnAttempt:
    """Hold one attempt here with the endpoint's own name or payload. Times count from the begin of the measurement."""

    service: str
    endpoint: str
    address: str
    passed: bool
    begin: float
    end: float
    transaction_id: int = 0


@dataclass(frozen=True)
class ControlAttempt:
    """Hold one attempt of the control. `began` is on our clock, None if unknown."""

    endpoint: str
    address: str
    passed: bool
    began: float | None = None


@dataclass(frozen=True)
class StaleFailure:
    """Hold an endpoint at an address that is tried once more. `cause` is the transaction that failed last."""

    service: str
    endpoint: str
    address: str
    cause: int


def plan_repetitions(
    here: Iterable[OwnAttempt], control: Iterable[ControlAttempt], unasked: Collection[str] = ()
) -> tuple[StaleFailure, ...]:
    """Return what failed here at every attempt, and has a success of the control, but none that is near in time.

    `unasked` has endpoints that the control was not asked about yet.
    """
    at_control: dict[str, list[ControlAttempt]] = {}
    for attempt in control:
        at_control.setdefault(attempt.endpoint, []).append(attempt)
    places: dict[tuple[str, str], list[OwnAttempt]] = {}
    for own in here:
        places.setdefault((own.endpoint, own.address), []).append(own)
    return tuple(
        StaleFailure(tried[-1].service, endpoint, address, tried[-1].transaction_id)
        for (endpoint, address), tried in places.items()
        if not any(own.passed for own in tried)
        and (endpoint in unasked or _is_stale(tried, at_control.get(endpoint, []), address))
    )


def _is_stale(tried: list[OwnAttempt], control: list[ControlAttempt], address: str) -> bool:
    """Return whether the control's successes, at the same address if it tried that, are all too old or too new."""
    near = [attempt for attempt in control if attempt.address == address] or control
    successes = [attempt for attempt in near if attempt.passed]
    if not successes:
        return False
    spans = [(own.begin, own.end) for own in tried]
    return not any(in_time(success.began, spans, CONTROL_ATTEMPT) for success in successes)
