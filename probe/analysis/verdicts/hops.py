"""Find the interfering hop of each verdict, from the limited payloads and path sweeps of a hop search."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.failure_kinds import CERTIFICATE, REFUSED, RESET, TIMEOUT, dns_kind_of, kind_of
from probe.analysis.observations.lenient_json import address, failure, flag, number, table, tables, text
from probe.signatures.hop_mechanisms import INTERCEPTED, LAYERS, QUERIES, QUOTED_LAYERS, STREAM_LAYERS
from probe.signatures.ttl_distance import AGREEING, AGREEING_QUOTES, NAMELESS, PATHWIDE, acted, interval, swapped_at

NOT_FOUND, AT_SERVER, ANSWERS_CHANGED, NOT_SEARCHED = "not_found", "at_server", "answers_changed", "not_searched"
"""Reasons for a search without a hop.

`at_server`: only packets that can reach the server's distance were acted on. `answers_changed`: the last router
received the payload as it was sent, and the server answered it. `not_searched`: several TTLs are possible, because the
search ended before it tried those between.
"""

REPEATED = 2  # connections that must fall silent in the search, since an answer may also stop for other reasons
COMPARED = 4  # comparisons with packets to neutral hosts that must show the same silence, of five


@dataclass(frozen=True)
class Search:
    """Identify a hop search: one payload, sent to one address. `service` is "" for a DNS query about a target's name.

    `intercepted`: it was caused by a wrong certificate.
    """

    payload: str
    service: str
    address: str
    transport: str = ""
    by_quote: bool = False
    intercepted: bool = False
    query_failed: str = ""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return the prefixes of the mechanisms that it locates."""
        if self.by_quote:
            return QUOTED_LAYERS.get(self.payload, ())
        if self.intercepted:
            return INTERCEPTED
        if self.payload == "dns":
            return ("dns.",) if self.service else QUERIES.get(self.query_failed, LAYERS["dns"])
        return STREAM_LAYERS.get(self.payload, ()) if self.transport == "tcp" else LAYERS[self.payload]

    def concerns(self, service: str) -> bool:
        """Return True if it was made for this service, or holds for every one."""
        to_resolver = self.payload == "dns" and bool(self.service)
        return self.service == service or (self.payload in PATHWIDE and self.transport != "tcp" and not to_resolver)


@dataclass(frozen=True)
class SearchResult:
    """Hold the result of a hop search: the smallest TTL with interference, or the reason why there is none (`ttl` 0).

    No smaller TTL is possible. `router` and `asn` are missing after a deep search with too few equal runs.
    """

    search: Search
    ttl: int = 0
    router: str | None = None
    asn: int | None = None
    reason: str = ""

    def concerns(self, service: str, mechanisms: Iterable[str]) -> bool:
        """Return True if the search was for one of these mechanisms of this service."""
        prefixes = self.search.prefixes
        found = any(f"{one}.".startswith(prefixes) for one in mechanisms)  # also an inner node, "http"
        return found and self.search.concerns(service)


def hop_of(service: str, mechanisms: list[str], results: Iterable[SearchResult]) -> dict[str, Any] | None:
    """Return the nearest hop that shows one of the mechanisms, in the form of a verdict record, None without any.

    `ttl` is the smallest TTL with interference. No smaller one is possible.
    """
    found = [one for one in results if one.ttl and one.concerns(service, mechanisms)]
    nearest = min(found, key=lambda one: (one.ttl, one.router is None, one.router or ""), default=None)
    return None if nearest is None else {"ttl": nearest.ttl, "address": nearest.router, "asn": nearest.asn}


def search_results(measurement: Mapping[str, Any]) -> list[SearchResult]:
    """Return the results of the hop searches, from the probe's own transactions."""
    keys = table(measurement.get("test_keys"))
    followups = table(keys.get("x_followups"))
    records = {number(record.get("transaction_id")): record for record in tables(keys.get("x_transactions"))}
    deep = text(table(keys.get("x_run")).get("depth")) == "deep"
    paths = _paths(followups, records)
    found = []
    searches = _searches(followups, records)
    for search, entries in searches.items():
        if _is_referral(search):
            continue
        failed, hops = _cause_of(entries[0], records), _path_of(search, paths)
        if search.by_quote:
            found.append(_located_by_quote(search, entries, hops))
            continue
        if search.payload in NAMELESS:
            beyond = paths.get((search.address, "udp"), _NO_PATH)
            found.append(_located_without_name(search, entries, failed, hops.joined(beyond)))
            continue
        if search.transport == "tcp":
            hops = hops.behind_proxy(paths.get((search.address, "udp"), _NO_PATH))
        found.append(_located(search, entries, hops, by_silence=_by_silence(search, failed), deep=deep))
    return [_repeated(result, searches) for result in found]


def _repeated(result: SearchResult, searches: Mapping[Search, list[dict[str, Any]]]) -> SearchResult:
    """Return the result, without its hop if too few connections of the service fell silent and agree with it.

    They may be to several addresses.
    """
    search = result.search
    if search.payload != "frozen" or not result.ttl:
        return result
    others = [one for one in searches if (one.payload, one.service) == (search.payload, search.service)]
    flows = [tables(entry.get("distances")) for one in others for entry in searches[one]]
    agreeing = [flow for flow in flows if flow and all(_agrees(distance, result.ttl) for distance in flow)]
    return result if len(agreeing) >= REPEATED else SearchResult(search, reason=NOT_FOUND)


def _agrees(distance: dict[str, Any], hop: int) -> bool:
    """Return True if a packet was silent just if it reached the hop."""
    return (text(distance.get("outcome")) == "silent") == (number(distance.get("ttl")) >= hop)


def _path_of(search: Search, paths: Mapping[tuple[str, str], "_Path"]) -> "_Path":
    """Return the path of a search. That of QUIC is measured with SYNs, or with datagrams for any name."""
    carriers = ("tcp", "udp") if search.payload == "quic" else (search.transport,)
    return next(
        (paths[search.address, carrier] for carrier in carriers if (search.address, carrier) in paths), _NO_PATH
    )


def _located_without_name(
    search: Search, entries: list[dict[str, Any]], failed: str | None, path: "_Path"
) -> SearchResult:
    """Return the hop that acts on SYNs or datagrams.

    Only an exact distance counts. Silence is evidence beside packets to neutral hosts, in nearly all comparisons. A
    reset is evidence if a router behind it answered a datagram, since the server itself may refuse connects. Where SYNs
    may be redirected, the first silent router must have answered a datagram.
    """
    by_reset = search.payload == "syn" and kind_of(failed) in {REFUSED, RESET}
    between = interval(_outcomes(entries, _NO_PATH, by_silence=not by_reset))
    least = COMPARED if kind_of(failed) == TIMEOUT or any(map(_compared, entries)) else 1
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


def _located_by_quote(search: Search, entries: list[dict[str, Any]], path: "_Path") -> SearchResult:
    """Return the hop that changes a payload. A router before it must quote the payload as sent, in two flows."""
    distances = [each for entry in entries for each in tables(entry.get("distances"))]
    results = [swapped_at(number(each.get("ttl")), text(each.get("quote"))) for each in distances]
    between = interval(filter(None, results))
    if between is not None and between.exact and between.low and between.agreeing >= AGREEING_QUOTES:
        return SearchResult(search, between.high, *path.routers.get(between.high, (None, None)))
    answered = sum(text(each.get("outcome")) == "answered" for each in distances)
    arrives = between is None and not any(one and one[1] for one in results) and answered >= AGREEING_QUOTES
    return SearchResult(search, reason=ANSWERS_CHANGED if arrives else NOT_FOUND)


def hop_evidence(measurement: Mapping[str, Any]) -> dict[str, Any]:
    """Return the test keys that `search_results` reads and no others, {} without a hop search."""
    keys = table(measurement.get("test_keys"))
    followups = table(keys.get("x_followups"))
    kept = {kind: tables(followups.get(kind)) for kind in ("limited_payloads", "path_sweeps")}
    entries = [number(entry.get("transaction_id")) for found in kept.values() for entry in found]
    if not entries:
        return {}
    records = tables(keys.get("x_transactions"))
    causes = {number(record.get("cause")) for record in records if number(record.get("transaction_id")) in entries}
    named = [record for record in records if number(record.get("transaction_id")) in causes.union(entries)]
    depth = text(table(keys.get("x_run")).get("depth"))
    return {"x_followups": kept, "x_transactions": named, "x_run": {"depth": depth}}


@dataclass(frozen=True)
class _Path:
    """Hold routers and AS numbers by TTL. `end` is the TTL that reaches the server, 0 if unknown.

    `proxied`: a middlebox accepted connects, so that only packets up to the last router cannot reach the server.
    """

    routers: Mapping[int, tuple[str | None, int | None]]
    end: int = 0
    proxied: bool = False

    @property
    def last(self) -> int:
        """Return the largest TTL that certainly does not reach the server."""
        return self.end - 1 if self.end else max(self.routers, default=0)

    def behind_proxy(self, datagrams: "_Path") -> "_Path":
        """Return the path of datagrams if it goes on where a connect ended: a middlebox then accepts connects."""
        goes_on = self.end and datagrams.last >= self.end
        return _Path(datagrams.routers, proxied=True) if goes_on else self

    def joined(self, other: "_Path") -> "_Path":
        """Return the routers of both paths to one address."""
        return _Path({**other.routers, **self.routers})


_NO_PATH = _Path({})


def _located(
    search: Search, entries: list[dict[str, Any]], path: _Path, *, by_silence: bool, deep: bool
) -> SearchResult:
    """Return the hop that acts on a name or payload. Only an exact distance counts."""
    seen = list(_outcomes(entries, path, by_silence=by_silence))
    between = interval(seen)
    if between is None:
        passed = path.end and (path.last, False) in seen and not any(acts for _, acts in seen)
        return SearchResult(search, reason=AT_SERVER if passed else NOT_FOUND)
    if not between.exact:
        untried = not by_silence or any(between.low < ttl < between.high for ttl in path.routers)
        return SearchResult(search, reason=NOT_SEARCHED if untried else NOT_FOUND)
    sure = between.agreeing >= (AGREEING if deep else 1)
    router, asn = path.routers.get(between.high, (None, None)) if sure else (None, None)
    return SearchResult(search, between.high, router, asn)


def _paths(followups: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[tuple[str, str], _Path]:
    """Return the path by address with port and transport, with the routers that answered the first packet."""
    found = {}
    for entry in tables(followups.get("path_sweeps")):
        if text(_record_of(entry, records).get("followup")) == "path_sweep":
            hops = [hop for hop in tables(entry.get("hops")) if flag(hop.get("answered")) and not flag(hop.get("late"))]
            routers = {
                number(hop.get("ttl")): (address(hop.get("address")) or None, number(hop.get("asn")) or None)
                for hop in hops
            }
            found[_key(entry)] = _Path(routers, number(entry.get("end_ttl")))
    return found


def _searches(followups: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[Search, list[dict[str, Any]]]:
    found: dict[Search, list[dict[str, Any]]] = defaultdict(list)
    for entry in tables(followups.get("limited_payloads")):
        record, payload = _record_of(entry, records), text(entry.get("payload"))
        if text(record.get("followup")) == "limited_payload" and payload in LAYERS:
            service, (place, transport) = text(record.get("service")), _key(entry)
            by_quote = any(text(each.get("quote")) for each in tables(entry.get("distances")))
            failed = _cause_of(entry, records)
            query_failed = dns_kind_of(failed) if payload == "dns" else ""
            intercepted = kind_of(failed) == CERTIFICATE
            found[Search(payload, service, place, transport, by_quote, intercepted, query_failed)].append(entry)
    return found


def _key(entry: dict[str, Any]) -> tuple[str, str]:
    return text(entry.get("address")), text(entry.get("transport"))


def _compared(entry: dict[str, Any]) -> set[int]:
    """Return the TTLs at which a router answered the packets that silence is compared with."""
    found = entry.get("compared")
    return set(map(number, found)) if isinstance(found, list) else set()


def _record_of(entry: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return records.get(number(entry.get("transaction_id")), {})


def _is_referral(search: Search) -> bool:
    """Return True if a non-resolver gave a referral. The server itself sends it, so it shows no interference."""
    return search.query_failed == "no_answer" and not search.service


def _by_silence(search: Search, failed: str | None) -> bool:
    """Return True if silence caused the search. An answer that stops is a success if its status line came."""
    return search.payload == "frozen" or kind_of(failed) == TIMEOUT


def _cause_of(entry: dict[str, Any], records: dict[int, dict[str, Any]]) -> str | None:
    """Return the failure of the transaction that caused the search."""
    return failure(records.get(number(_record_of(entry, records).get("cause")), {}).get("failure"))


def _outcomes(entries: list[dict[str, Any]], path: _Path, *, by_silence: bool) -> Iterable[tuple[int, bool]]:
    """Iterate over (TTL, interference seen) of packets that could not reach the server.

    An answer counts up to the last router that answered, if the distance of the server is unknown.
    """
    for entry in entries:
        routers = () if text(entry.get("payload")) == "frozen" else path.routers
        answering = frozenset(routers).union(_compared(entry))
        for distance in tables(entry.get("distances")):
            if text(entry.get("payload")) == "inside_tls" and text(distance.get("outcome")) == "answered":
                continue  # only the server can answer inside TLS
            ttl = number(distance.get("ttl"))
            interfered = acted(text(distance.get("outcome")), ttl, by_silence=by_silence, answering=answering)
            limited = path.end or path.proxied or text(distance.get("outcome")) == "answered"
            if interfered is not None and ttl > 0 and not (limited and ttl > path.last):
                yield ttl, interfered
