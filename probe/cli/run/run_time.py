"""Say how long a run takes and how much it moves, and what its time limit left out."""

import time
from collections.abc import Callable, Iterable, Mapping
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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

if TYPE_CHECKING:
    from probe.run.phases import Phase

SECONDS_WHEN_FINE, SECONDS_WHEN_BLOCKED = 15, 60  # of one round, measured in the lab
AT_MOST: "dict[Phase, float]" = {"helper": 30.0, "late_answers": 14.0, "call_packets": MEDIA_SECONDS + 2.0}
"""Seconds of the phases that have a limit of their own."""
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
    slow = tr(
        "The network is slow, so the time may be too short for all services. The most important servers are tested "
        "first. What is not tested in this time is left out."
    )
    return [about, slow] if cut else [about]


class TimeLeft:
    """Bound the time left of a run by what is still to be done. The moment of the end never moves to a later one.

    Lookups and connections of an app may all fail, so that tests after failures follow. The phases behind them have
    limits of their own. `limit` is that of the run, None without one.
    """

    def __init__(self, expected: float, limit: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock, self._of_round = clock, max(SECONDS_WHEN_BLOCKED, 1.5 * expected)
        self._later_rounds, self._round_began = 0.0, clock()
        self._ends = self._round_began + limit if limit is not None else inf

    def round_begins(self, number: int, rounds: int) -> None:
        """Note that a round begins. The later ones may take as long as one in which much is blocked."""
        self._round_began, self._later_rounds = self._clock(), self._of_round * (rounds - number)

    def words(self, phases: "Iterable[Phase]") -> str:
        """Return the time left in tens of seconds. `phases` are those of the apps that are under way."""
        now = self._clock()
        bounds = [now + AT_MOST[phase] if phase in AT_MOST else self._round_began + self._of_round for phase in phases]
        if bounds:
            self._ends = min(self._ends, max(bounds) + self._later_rounds)
        if self._ends == inf:
            return tr("up to {seconds} s left", seconds=_tens(self._of_round))
        if self._ends <= now:
            return tr("longer than expected")
        return tr("up to {seconds} s left", seconds=_tens(self._ends - now))


def _tens(seconds: float) -> int:
    return max(5, 10 * round(seconds / 10))


def stopped_at_limit(records: Iterable[Mapping[str, Any]], seconds: float) -> str:
    """Return the sentence about a run that was ended by its time limit after this many seconds."""
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
