"""Find the TTL from which on a middlebox acts: meaning of an outcome, interval of all outcomes, next TTL to try.

The hop search and the analysis both use these pure functions, so that they agree on the meaning of an outcome.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

ACTED = frozenset({"reset", "closed", "answered", "unreachable"})  # before the server, only a middlebox can cause these
COMPARING = frozenset({"frozen", "kept", "media"})
"""Payloads that are compared with other packets in their own flow. The path sweep shows no router for them."""

NAMELESS = frozenset({"syn", "datagram"})
"""Payloads without a name. Their distance counts only if it is exact."""

AT_HOME = 2  # hops that may be the user's own: a router, and the provider's modem before it
AGREEING, MOST_RUNS = 5, 11  # of a deep search, as in CenTrace (Raman et al., CoNEXT 2022)
STEADY_OF, STEADY = 5, 4  # packets beside a payload that is dropped, and how many of them a router must answer
AGREEING_QUOTES = 2  # flows in which routers must quote the same
LEAST_SENT = 2  # packets on connections that must meet silence, as one may be lost


@dataclass(frozen=True)
class Interval:
    """Represent the TTLs, above `low` and up to `high`, at which action may begin. `agreeing` runs saw both ends."""

    low: int
    high: int
    agreeing: int

    @property
    def exact(self) -> bool:
        """Return whether no other TTL is possible."""
        return self.high == self.low + 1


def acted(outcome: str, ttl: int, *, by_silence: bool, answering: frozenset[int]) -> bool | None:
    """Return whether a middlebox acted on a packet with this TTL, None if the outcome is no evidence.

    `by_silence`: the censor drops packets. Silence is then evidence only if the router at this distance is in
    `answering`, because it reports the expired TTL of other packets. A reset and its absence are always evidence.
    """
    if outcome in ACTED:
        return True
    if outcome == "expired":
        return False
    if outcome == "server_error":
        return None
    if not by_silence:
        return False
    return True if ttl in answering else None


def packets_met(outcome: str, sent: int) -> int:
    """Return how many packets met no reaction. A router's report counts more, as it shows that a packet arrived."""
    return {"expired": LEAST_SENT, "silent": sent}.get(outcome, 0)


def swapped_at(ttl: int, quote: str | None) -> tuple[int, bool] | None:
    """Return the TTL, and whether the datagram arrived there with exchanged ends. None: the quote is no evidence.

    Any other change is none either. A home router that writes addresses into SIP makes it before the censor.
    """
    return (ttl, quote == "swapped") if quote in {"same", "swapped"} else None


def interval(seen: Iterable[tuple[int, bool]]) -> Interval | None:
    """Return the interval that fits pairs of TTL and "acted". Return None without action or with a contradiction.

    A contradiction is a TTL with as many "yes" as "no", or action at one TTL and none at a higher one.
    """
    yes: Counter[int] = Counter()
    no: Counter[int] = Counter()
    for ttl, acts in seen:
        (yes if acts else no)[ttl] += 1
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
    """Return one or two TTLs, ascending, that leave the smallest interval in the worst case. Return [] if none is left.

    `most` is the number of TTLs that one flow can carry. `candidates` are the TTLs whose outcome is evidence.
    """
    between = sorted(ttl for ttl in candidates if low < ttl < high)
    if not between:
        return []
    slots = len(between) + 1
    parts = min(most, 2) + 1
    indexes = {max(0, round(slots * part / parts) - 1) for part in range(1, parts)}
    return [between[index] for index in sorted(indexes) if index < len(between)]


@dataclass
class TTLSearch:
    """Hold the outcomes of one search and choose the next TTLs.

    `candidates` and `most` are those of `next_ttls`. `furthest` is a TTL at which action is certain, or the server's
    distance. `guess` is the interval of the same payload on the path to another address. If it is not exact, only the
    TTLs in it are tried. `confirmed`: TTLs at which the payload was silent beside other packets that a router answered.
    """

    candidates: Sequence[int]
    answering: frozenset[int]
    furthest: int
    by_silence: bool
    guess: Interval | None = None
    most: int = 2
    seen: list[tuple[int, bool]] = field(default_factory=list)
    confirmed: set[int] = field(default_factory=set)
    met: Counter[int] = field(default_factory=Counter)  # packets without a reaction, by TTL

    def learn(self, ttl: int, outcome: str, *, beside_answers: bool = False) -> None:
        """Add one outcome. `beside_answers`: a router there answered other packets during the flow."""
        if beside_answers and outcome == "silent":
            self.confirmed.add(ttl)
        acts = acted(outcome, ttl, by_silence=self.by_silence, answering=self.answering)
        if acts is not None:
            self.seen.append((ttl, acts))

    def next_after(self, outcomes: Iterable[tuple[int, str]]) -> list[int]:
        """Return the TTL to try next if these were learned too, [] if the search is complete."""
        search = replace(self, seen=[*self.seen], confirmed=set(), most=1)
        for ttl, outcome in outcomes:
            search.learn(ttl, outcome)
        return search.next()

    def found(self) -> Interval | None:
        """Return the interval that was found so far."""
        return interval(self.seen)

    def next(self) -> list[int]:
        """Return the TTLs to try next, [] if the search is complete or its outcomes are contradictory."""
        known = interval([*self.seen, (self.furthest, True)])
        if known is None:
            return []
        low, high = known.low, known.high
        if self.guess is not None and not self.guess.exact:
            low, high = max(low, self.guess.low), min(high, self.guess.high)
        return self._around_guess(known) or next_ttls(low, high, self.candidates, most=self.most)

    def _around_guess(self, known: Interval) -> list[int]:
        """Return both ends of the guess. If one flow carries a single TTL, the far end comes first."""
        if self.guess is None or not self.guess.exact or self.guess.high > known.high:
            return []
        tried = {ttl for ttl, _ in self.seen}
        ends = [end for end in (self.guess.low, self.guess.high) if end in self.candidates and end not in tried]
        return [end for end in ends if known.low < end < known.high][-self.most :]
