"""From which TTL on somebody acts: what an outcome means, what interval all leave, and what to try next. Pure.

For the follow-up that searches and for the judge that reads, so that both mean the same by what was seen.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

ACTED = frozenset({"reset", "closed", "answered"})  # nobody but somebody in between can say this before the server
AGREEING, MOST_RUNS = 5, 11  # of a deep search, as CenTrace's (reference/peers.md)


@dataclass(frozen=True)
class Interval:
    """Somebody acts from a TTL above `low` on, at `high` at the latest; `agreeing` is how often both ends were seen."""

    low: int
    high: int
    agreeing: int

    @property
    def exact(self) -> bool:
        """Whether no other TTL lies between."""
        return self.high == self.low + 1


def acted(outcome: str, ttl: int, *, by_silence: bool, answering: frozenset[int]) -> bool | None:
    """Whether somebody acted on a packet that travelled `ttl` hops; None where the outcome does not say.

    `by_silence`: this censor drops packets. Then silence tells only where the router at that distance (`answering`)
    says of other packets that their TTL ended there. A reset tells by itself, and its absence too.
    """
    if outcome in ACTED:
        return True
    if outcome == "expired":
        return False
    if not by_silence:
        return False
    return True if ttl in answering else None


def interval(seen: Iterable[tuple[int, bool]]) -> Interval | None:
    """What pairs of TTL and "somebody acted" leave; None where nobody acted, or where they contradict each other.

    They do if, at some TTL, as many say yes as no; or if somebody acts at one TTL and not further on.
    """
    yes: Counter[int] = Counter()
    no: Counter[int] = Counter()
    for ttl, did in seen:
        (yes if did else no)[ttl] += 1
    ttls = sorted({*yes, *no})
    if not yes or any(yes[ttl] == no[ttl] for ttl in ttls):
        return None
    acting = [ttl for ttl in ttls if yes[ttl] > no[ttl]]
    if not acting or any(no[ttl] > yes[ttl] for ttl in ttls if ttl > acting[0]):
        return None
    low = max((ttl for ttl in ttls if ttl < acting[0]), default=0)
    agreeing = yes[acting[0]] - no[acting[0]]
    return Interval(low, acting[0], min(agreeing, no[low] - yes[low]) if low else agreeing)


def next_ttls(low: int, high: int, candidates: Sequence[int], *, most: int) -> list[int]:
    """One or two TTLs, ascending, that leave the least whatever comes of them; none where nothing lies between.

    `most`: how many one flow can carry. `candidates`: the TTLs whose outcome would say something.
    """
    between = sorted(ttl for ttl in candidates if low < ttl < high)
    if not between:
        return []
    slots = len(between) + 1
    parts = min(most, 2) + 1
    places = {max(0, round(slots * part / parts) - 1) for part in range(1, parts)}
    return [between[place] for place in sorted(places) if place < len(between)]


@dataclass
class Search:
    """One search: what was seen so far, and what to try next.

    `candidates` as for `next_ttls`; `furthest`: a TTL at which somebody surely acts, or the server's own distance;
    `guess`: where the same payload met somebody on its way to another address; `most` TTLs can one flow carry.
    """

    candidates: Sequence[int]
    answering: frozenset[int]
    furthest: int
    by_silence: bool
    guess: Interval | None = None
    most: int = 2
    seen: list[tuple[int, bool]] = field(default_factory=list)

    def learn(self, ttl: int, outcome: str) -> None:
        """Take note of one outcome."""
        did = acted(outcome, ttl, by_silence=self.by_silence, answering=self.answering)
        if did is not None:
            self.seen.append((ttl, did))

    def found(self) -> Interval | None:
        """What was found so far."""
        return interval(self.seen)

    def next(self) -> list[int]:
        """What to try next; nothing where all is said, or where the outcomes contradict each other."""
        known = interval([*self.seen, (self.furthest, True)])
        if known is None:
            return []
        return self._around_guess(known) or next_ttls(known.low, known.high, self.candidates, most=self.most)

    def _around_guess(self, known: Interval) -> list[int]:
        """The two ends of the guess, or first its far one and then its near one."""
        if self.guess is None or self.guess.high > known.high:
            return []
        tried = {ttl for ttl, _ in self.seen}
        ends = [end for end in (self.guess.low, self.guess.high) if end in self.candidates and end not in tried]
        return [end for end in ends if known.low < end < known.high][-self.most :]
