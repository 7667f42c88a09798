"""Begin the search of a case on its path, and add what its flows showed."""

from probe.followups.hops.limited_payloads import Case
from probe.formats.exchanges.hops import LimitedPayload, PathSweep
from probe.signatures.ttl_distance import COMPARING, LEAST_SENT, Interval, TTLSearch, packets_met

BEYOND = 2  # distances that are tried behind the last router that answered, if the sweep did not reach the path's end


def search_on(path: PathSweep, case: Case, guess: Interval | None) -> TTLSearch:
    """Return a search among the useful distances: before the end, and after silence only where a router answers.

    Behind the last router an answer may come from the server, unless its distance is known.
    """
    answering = frozenset(hop.ttl for hop in path.hops if hop.answered and not hop.late)
    last = max((hop.ttl for hop in path.hops if hop.answered), default=0)
    sure = case.by_silence or (case.carrier == "tcp" and not case.any_name)  # no answer of the server is expected
    furthest = path.end_ttl or last + (BEYOND if sure else 1)
    candidates = [ttl for ttl in range(1, furthest) if ttl in answering or not case.by_silence]
    return TTLSearch(candidates, answering, furthest, case.by_silence, guess)


def learn(case: Case, search: TTLSearch, entry: LimitedPayload) -> None:
    """Add what a flow showed to the search. Silence counts only where it is compared, if the case requires that."""
    for distance in entry.distances:
        compared = distance.ttl in (entry.compared or [])
        if not _is_compared(case) or distance.outcome == "expired" or compared:
            search.learn(distance.ttl, distance.outcome, beside_answers=compared)
            search.met[distance.ttl] += packets_met(distance.outcome, distance.sent)


def is_met(case: Case, search: TTLSearch, found: Interval) -> bool:
    """Return whether the payload met no reaction before the hop although one packet may have been lost."""
    return case.by_silence or case.carrier == "udp" or not found.low or search.met[found.low] >= LEAST_SENT


def _is_compared(case: Case) -> bool:
    """Return whether silence counts only where packets of the same connection were answered before."""
    return case.by_silence and case.kind in COMPARING
