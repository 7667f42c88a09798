"""Locate interference by the outcomes of hop searches, or name the reason why a verdict has no hop."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from probe.analysis.observations.failure_kinds import REFUSED, RESET, TIMEOUT, kind_of
from probe.analysis.observations.lenient_json import number, table, tables, text
from probe.analysis.phenomena import in_order
from probe.analysis.verdicts.hop_searches import (
    ANSWERS_CHANGED,
    AT_SERVER,
    NO_PATH,
    NOT_FOUND,
    NOT_SEARCHED,
    Path,
    Search,
    SearchResult,
    cause_of,
    compared_ttls,
    is_confirmed,
    is_met,
    outcomes,
    paths_of,
    searches_of,
)
from probe.messages import mark
from probe.signatures.ttl_distance import ACTED, AGREEING, AGREEING_QUOTES, NAMELESS, interval, swapped_at
from probe.targets.hop_mechanisms import LAYERS, QUOTED_LAYERS

REPEATED = 2  # connections that must fall silent in the search, since an answer may also stop for other reasons
COMPARED = 4  # comparisons with packets to neutral hosts that must show the same silence, of five


def search_results(measurement: Mapping[str, Any]) -> list[SearchResult]:
    """Return the results of the hop searches, from the probe's own transactions."""
    keys = table(measurement.get("test_keys"))
    followups = table(keys.get("x_followups"))
    records = {number(record.get("transaction_id")): record for record in tables(keys.get("x_transactions"))}
    deep = text(table(keys.get("x_run")).get("depth")) == "deep"
    paths = paths_of(followups, records)
    found = []
    searches = searches_of(followups, records)
    for search, entries in searches.items():
        if _is_referral(search):
            continue
        failed, hops = cause_of(entries[0], records), _path_of(search, paths)
        if search.by_quote:
            found.append(_located_by_quote(search, entries, hops))
            continue
        if search.payload in NAMELESS:
            beyond = paths.get((search.address, "udp"), NO_PATH)
            found.append(_located_without_name(search, entries, failed, hops.joined(beyond)))
            continue
        if search.transport == "tcp":
            hops = hops.behind_proxy(paths.get((search.address, "udp"), NO_PATH))
        by_silence = _by_silence(search, failed)
        result = _located(search, entries, hops, by_silence=by_silence, deep=deep)
        found.append(_repeated(result, searches, by_silence=by_silence))
    return found


def _repeated(
    result: SearchResult, searches: Mapping[Search, list[dict[str, Any]]], *, by_silence: bool
) -> SearchResult:
    """Return the result, without its hop if too few connections of the service fell silent and agree with it.

    They may be to several addresses.
    """
    search = result.search
    if search.payload not in {"frozen", "kept"} or not result.ttl:
        return result
    others = [one for one in searches if (one.payload, one.service) == (search.payload, search.service)]
    flows = [tables(entry.get("distances")) for one in others for entry in searches[one]]
    agreeing = [
        flow for flow in flows if flow and all(_agrees(each, result.ttl, by_silence=by_silence) for each in flow)
    ]
    return result if len(agreeing) >= REPEATED else SearchResult(search, reason=NOT_FOUND)


def _agrees(distance: dict[str, Any], hop: int, *, by_silence: bool) -> bool:
    """Return True if a packet was silent, or ended the connection, just if it reached the hop."""
    reached = number(distance.get("ttl")) >= hop
    outcome = text(distance.get("outcome"))
    return reached == (outcome in ACTED or (by_silence and outcome == "silent"))


def _path_of(search: Search, paths: Mapping[tuple[str, str], Path]) -> Path:
    """Return the path of a search. That of QUIC is measured with SYNs, or with datagrams for any name."""
    carriers = ("tcp", "udp") if search.payload == "quic" else (search.transport,)
    return next((paths[search.address, carrier] for carrier in carriers if (search.address, carrier) in paths), NO_PATH)


def _located_without_name(
    search: Search, entries: list[dict[str, Any]], failed: str | None, path: Path
) -> SearchResult:
    """Return the hop that acts on SYNs or datagrams.

    Only an exact distance counts. Silence is evidence beside packets to neutral hosts, in nearly all comparisons. A
    reset is evidence if a router behind it answered a datagram, since the server itself may refuse connects. Where SYNs
    may be redirected, the first silent router must have answered a datagram.
    """
    by_reset = search.payload == "syn" and kind_of(failed) in {REFUSED, RESET}
    between = interval(outcomes(entries, NO_PATH, by_silence=not by_reset))
    least = COMPARED if kind_of(failed) == TIMEOUT or any(map(compared_ttls, entries)) else 1
    connected = any(
        text(each.get("outcome")) == "answered" for entry in entries for each in tables(entry.get("distances"))
    )
    if between is None or connected or not between.exact or between.agreeing < least:
        return SearchResult(search, reason=NOT_FOUND)
    if by_reset and max(path.routers, default=0) < between.high:
        return SearchResult(search, reason=AT_SERVER)
    if search.intercepted and search.payload == "syn" and between.high not in path.routers:
        return SearchResult(search, reason=NOT_FOUND)
    router, asn = path.routers.get(between.high, (None, None))
    return SearchResult(search, between.high, router, asn)


def _located_by_quote(search: Search, entries: list[dict[str, Any]], path: Path) -> SearchResult:
    """Return the hop that changes a payload. A router before it must quote the payload as sent, in two flows."""
    distances = [each for entry in entries for each in tables(entry.get("distances"))]
    results = [swapped_at(number(each.get("ttl")), text(each.get("quote"))) for each in distances]
    between = interval(filter(None, results))
    if between is not None and between.exact and between.low and between.agreeing >= AGREEING_QUOTES:
        return SearchResult(search, between.high, *path.routers.get(between.high, (None, None)))
    answered = sum(text(each.get("outcome")) == "answered" for each in distances)
    arrives = between is None and not any(one and one[1] for one in results) and answered >= AGREEING_QUOTES
    return SearchResult(search, reason=ANSWERS_CHANGED if arrives else NOT_FOUND)


def _located(
    search: Search, entries: list[dict[str, Any]], path: Path, *, by_silence: bool, deep: bool
) -> SearchResult:
    """Return the hop that acts on a name or payload. Only an exact distance counts."""
    seen = list(outcomes(entries, path, by_silence=by_silence))
    between = interval(seen)
    if between is None:
        passed = path.end and (path.last, False) in seen and not any(acts for _, acts in seen)
        at_server = passed and search.payload != "random"  # random bytes show nothing about a protocol
        return SearchResult(search, reason=AT_SERVER if at_server else NOT_FOUND)
    if not between.exact:
        untried = not by_silence or any(between.low < ttl < between.high for ttl in path.routers)
        return SearchResult(search, reason=NOT_SEARCHED if untried else NOT_FOUND)
    met = by_silence or search.transport != "tcp" or is_met(entries, between.low)
    if not met or not is_confirmed(entries, between.high) or (search.payload == "media" and not between.low):
        return SearchResult(search, reason=NOT_FOUND)
    sure = between.agreeing >= (AGREEING if deep else 1)
    router, asn = path.routers.get(between.high, (None, None)) if sure else (None, None)
    return SearchResult(search, between.high, router, asn)


def _is_referral(search: Search) -> bool:
    """Return True if a non-resolver gave a referral. The server itself sends it, so it shows no interference."""
    return search.query_failed == "no_answer" and not search.service


def _by_silence(search: Search, failed: str | None) -> bool:
    """Return True if silence caused the search. An answer that stops is a success if its status line came."""
    return search.payload in {"frozen", "media"} or kind_of(failed) == TIMEOUT


RESOLVER, RATE, NO_SEARCH = "resolver", "rate", "no_search"
NO_ICMP_ERRORS = "no_icmp_errors"

SENTENCES: dict[str, str] = {
    AT_SERVER: mark("The interference shows only at the distance of the server. No router on the path can be named."),
    NOT_FOUND: mark("The path was searched, and the search showed no clear place."),
    NOT_SEARCHED: mark("The path was not searched: time or attempts were spent, or the search was switched off."),
    NO_ICMP_ERRORS: mark("This system does not show which router reported an error, so the path was not searched."),
    RESOLVER: mark("The resolver gives false answers or none, or nothing shows that they come from the path."),
    RATE: mark("Packets are slowed or lost at times, which shows no place on the path."),
    ANSWERS_CHANGED: mark("The answers of the server are changed on their way back, which shows no place on the path."),
    NO_SEARCH: mark("No search on the path exists for this kind of interference."),
}
"""Each value of `hop_reason` with its sentence, those that say most about this measurement first."""

_NEVER = {
    RESOLVER: ("dns.",),
    RATE: tuple(prefix for each in in_order() for prefix in each.no_hop),
    ANSWERS_CHANGED: ("smtp.starttls_stripped.", "imap.starttls_stripped.", "sip.rewrite.", "stun.rewrite."),
}
"""Prefixes of mechanisms that no search locates, unless a search found the packets of the path that show them."""

_NOT_OVER_QUIC = "flow.freeze."
"""Prefix of mechanisms that a search locates over TCP alone."""


def hop_reason(
    service: str,
    mechanisms: Iterable[str],
    results: Collection[SearchResult],
    run: Mapping[str, Any],
    over_quic: Collection[str] = (),
) -> str | None:
    """Return why a verdict with these mechanisms has no hop, None without mechanisms. `run` is the key `x_run`.

    `over_quic` are those of them that only endpoints over QUIC have.
    """
    found = {
        NO_SEARCH if one in over_quic and f"{one}.".startswith(_NOT_OVER_QUIC) else _reason(service, one, results, run)
        for one in mechanisms
    }
    return next((reason for reason in SENTENCES if reason in found), None)


def _reason(service: str, mechanism: str, results: Collection[SearchResult], run: Mapping[str, Any]) -> str:
    for result in results:
        if result.concerns(service, [mechanism]):
            return result.reason or NOT_FOUND
    for reason, prefixes in _NEVER.items():
        if f"{mechanism}.".startswith(prefixes):
            return reason
    if not any(f"{mechanism}.".startswith(one) for one in (*LAYERS.values(), *QUOTED_LAYERS.values())):
        return NO_SEARCH
    told = table(run.get("abilities")).get("icmp_errors")
    return NO_ICMP_ERRORS if told is False else NOT_SEARCHED
