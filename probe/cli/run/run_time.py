"""Say how long a run takes and how much it moves, and what its time limit left out."""

from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any, Literal, NamedTuple

from probe.messages import tr, tr_plural
from probe.targets.cost import (
    CALL_BYTES,
    CALL_SECONDS,
    KEPT_AGAIN_SECONDS,
    KEPT_BYTES,
    KEPT_SECONDS,
    MEDIA_BYTES,
    MEDIA_PAIRS,
    MEDIA_SECONDS,
    STANDARD_SECONDS,
    TRANSFER_BYTES,
    TRANSFER_PAIRS,
    UPLOAD_PAIRS,
    cool_down_seconds,
    kept_seconds,
    kept_servers,
    may_have_pair,
    most_bytes,
    typical_bytes,
)
from probe.targets.target import Target

SECONDS_WHEN_FINE, SECONDS_WHEN_BLOCKED = 15, 60  # of one round, measured in the lab
BESIDE = 40_000  # bytes of the checks of the network


class RunCost(NamedTuple):
    """Hold what a run costs: seconds and bytes if all works, and at most.

    `most_moved` contains what flows to the test helper move: `media_moved` (media flows), `call_moved` (test calls) and
    `transfers_moved`. Transfers follow slow pages and lost call packets. All are 0 without such flows. Only the run
    shows whether the helper takes part in them. `kept_seconds` and `kept_moved` are those of the connections that a
    deep run keeps open, which are counted in the sums.
    `media_drawn`: the apps have more shapes of call packets than the run has pairs.
    """

    seconds: int
    seconds_if_blocked: int
    limit: float
    moved: int
    most_moved: int
    media_seconds: int
    media_moved: int
    media_drawn: bool
    call_seconds: int
    call_moved: int
    transfers_moved: int
    kept_seconds: int
    kept_moved: int


def cost_of(
    targets: Iterable[Target],
    repeat: int = 1,
    depth: Literal["standard", "deep"] = "standard",
    *,
    helper: bool = True,
    followups: bool = True,
) -> RunCost:
    """Return what a run over the targets costs. `helper`: a test helper is asked, and follow-ups are made."""
    every, deep = list(targets), depth == "deep" and followups
    endpoints = (endpoint for target in every for _, endpoint in target.endpoints())
    shapes = {service.media for target in every for service in target.services.values() if service.media}
    pairs = MEDIA_PAIRS[depth] * repeat if helper and shapes else 0
    calls = {call for target in every for call in target.test_calls} if helper and depth == "deep" else set()
    call_moved = sum(CALL_BYTES[call] for call in calls) * repeat
    most_pairs = TRANSFER_PAIRS + (UPLOAD_PAIRS if depth == "deep" else 0)
    transfers = TRANSFER_BYTES * most_pairs * repeat if helper and (shapes or any(map(may_have_pair, endpoints))) else 0
    moved, most = sum(map(typical_bytes, every)), sum(map(most_bytes, every))
    kept = kept_servers(every) if deep else 0
    kept_moved = KEPT_BYTES * kept * repeat
    blocked = SECONDS_WHEN_BLOCKED + kept_seconds(kept, KEPT_SECONDS + KEPT_AGAIN_SECONDS)
    blocked += cool_down_seconds(every) if deep else 0.0
    return RunCost(
        ceil((SECONDS_WHEN_FINE + kept_seconds(kept)) * repeat),
        ceil(blocked * repeat),
        STANDARD_SECONDS * repeat,
        moved * repeat + BESIDE,
        most * repeat + BESIDE + MEDIA_BYTES * pairs + call_moved + transfers + kept_moved,
        MEDIA_SECONDS * pairs,
        MEDIA_BYTES * pairs,
        len(shapes) > pairs > 0,
        sum(CALL_SECONDS[call] for call in calls) * repeat,
        call_moved,
        transfers,
        ceil(kept_seconds(kept) * repeat),
        kept_moved,
    )


def expected_time(seconds: float, limit: float | None) -> list[str]:
    """Return how long the run takes, in tens of seconds or in minutes, and what happens at its limit."""
    cut = limit is not None and seconds > limit
    shown = limit if cut and limit is not None else seconds
    if shown < 90:
        about = tr("This takes about {seconds} seconds on this network.", seconds=max(10, round(shown / 10) * 10))
    else:
        about = tr_plural(
            "This takes about {count} minute on this network.",
            "This takes about {count} minutes on this network.",
            round(shown / 60),
        )
    slow = tr("The network is slow. What is not tested by then is left out, the most important servers come first.")
    return [about, slow] if cut else [about]


def time_left(expected: float, limit: float | None, elapsed: float, rounds: int = 1) -> str:
    """Return the time left in tens of seconds: as expected if all works, then if much is blocked, then the limit."""
    if_blocked = SECONDS_WHEN_BLOCKED * rounds if limit is not None else 0.0  # a deep run has no limit and takes longer
    likely = next((seconds for seconds in (expected, if_blocked) if seconds > elapsed), None)
    if likely is not None:
        return tr("about {seconds} s left", seconds=_tens(likely - elapsed))
    if limit is not None and limit > elapsed:
        return tr("up to {seconds} s left", seconds=_tens(limit - elapsed))
    return tr("longer than expected")


def _tens(seconds: float) -> int:
    return max(5, 10 * round(seconds / 10))


def stopped_at_limit(records: Iterable[Mapping[str, Any]], seconds: float) -> str:
    """Return the sentence about a run that its time limit ended after so many seconds."""
    from probe.analysis.rules.services import OUT_OF_TIME  # here, so that other commands start faster

    untested, seconds = sum(record["rule_id"] == OUT_OF_TIME for record in records), round(seconds)
    if not untested:
        return tr("Stopped after {seconds} s because this network is slow. No service was left out.", seconds=seconds)
    return tr_plural(
        "Stopped after {seconds} s because this network is slow. {count} service was not tested to its end.",
        "Stopped after {seconds} s because this network is slow. {count} services were not tested to their end.",
        untested,
        seconds=seconds,
    )
