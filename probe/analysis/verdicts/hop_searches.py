"""Read the hop searches of a measurement: path sweeps, limited payloads, and the result of each search."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.failure_kinds import CERTIFICATE, dns_kind_of, kind_of
from probe.analysis.observations.lenient_json import address, failure, flag, number, table, tables, text
from probe.signatures.ttl_distance import COMPARING, LEAST_SENT, acted, packets_met
from probe.targets.hop_mechanisms import INTERCEPTED, LAYERS, PATHWIDE, QUERIES, QUOTED_LAYERS, STREAM_LAYERS

NOT_FOUND, AT_SERVER, ANSWERS_CHANGED, NOT_SEARCHED = "not_found", "at_server", "answers_changed", "not_searched"
"""Reasons for a search without a hop.

`at_server`: only packets that can reach the server's distance were acted on. `answers_changed`: the last router
received the payload as it was sent, and the server answered it. `not_searched`: several TTLs are possible, because the
search ended before it tried those between.
"""


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


@dataclass(frozen=True)
class Path:
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

    def behind_proxy(self, datagrams: "Path") -> "Path":
        """Return the path of datagrams if it goes on where a connect ended: a middlebox then accepts connects."""
        goes_on = self.end and datagrams.last >= self.end
        return Path(datagrams.routers, proxied=True) if goes_on else self

    def joined(self, other: "Path") -> "Path":
        """Return the routers of both paths to one address."""
        return Path({**other.routers, **self.routers})


NO_PATH = Path({})


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


def paths_of(followups: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[tuple[str, str], Path]:
    """Return the path by address with port and transport, with the routers that answered the first packet."""
    found = {}
    for entry in tables(followups.get("path_sweeps")):
        if text(_record_of(entry, records).get("followup")) == "path_sweep":
            hops = [hop for hop in tables(entry.get("hops")) if flag(hop.get("answered")) and not flag(hop.get("late"))]
            routers = {
                number(hop.get("ttl")): (address(hop.get("address")) or None, number(hop.get("asn")) or None)
                for hop in hops
            }
            found[_key(entry)] = Path(routers, number(entry.get("end_ttl")))
    return found


def searches_of(followups: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[Search, list[dict[str, Any]]]:
    """Return the entries of the limited payloads by search."""
    found: dict[Search, list[dict[str, Any]]] = defaultdict(list)
    for entry in tables(followups.get("limited_payloads")):
        record, payload = _record_of(entry, records), text(entry.get("payload"))
        if text(record.get("followup")) == "limited_payload" and payload in LAYERS:
            service, (place, transport) = text(record.get("service")), _key(entry)
            by_quote = any(text(each.get("quote")) for each in tables(entry.get("distances")))
            failed = cause_of(entry, records)
            query_failed = dns_kind_of(failed) if payload == "dns" else ""
            intercepted = kind_of(failed) == CERTIFICATE
            found[Search(payload, service, place, transport, by_quote, intercepted, query_failed)].append(entry)
    return found


def _key(entry: dict[str, Any]) -> tuple[str, str]:
    return text(entry.get("address")), text(entry.get("transport"))


def _record_of(entry: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return records.get(number(entry.get("transaction_id")), {})


def compared_ttls(entry: dict[str, Any]) -> set[int]:
    """Return the TTLs at which a router answered the packets that silence is compared with."""
    found = entry.get("compared")
    return set(map(number, found)) if isinstance(found, list) else set()


def is_confirmed(entries: list[dict[str, Any]], ttl: int) -> bool:
    """Return whether silence at a TTL came again, beside packets that a router there answered.

    Other results need no confirmation. Neither do those of versions that sent no such packets.
    """
    others = (entry for entry in entries if text(entry.get("payload")) not in COMPARING)
    comparing = [entry for entry in others if entry.get("compared") is not None]
    again = [
        text(distance.get("outcome"))
        for entry in comparing
        for distance in tables(entry.get("distances"))
        if number(distance.get("ttl")) == ttl and ttl in compared_ttls(entry)
    ]
    return not comparing or set(again) == {"silent"}


def is_met(entries: list[dict[str, Any]], ttl: int) -> bool:
    """Return whether no reaction to a TTL is certain: a router reported the packet, or several met silence.

    A single packet may have been lost. The hop would then be nearer. TTL 0 stands for this computer.
    """
    found = [one for entry in entries for one in tables(entry.get("distances")) if number(one.get("ttl")) == ttl]
    packets = sum(packets_met(text(one.get("outcome")), number(one.get("sent"))) for one in found)
    return not ttl or packets >= LEAST_SENT


def cause_of(entry: dict[str, Any], records: dict[int, dict[str, Any]]) -> str | None:
    """Return the failure of the transaction that caused the search."""
    return failure(records.get(number(_record_of(entry, records).get("cause")), {}).get("failure"))


def outcomes(entries: list[dict[str, Any]], path: Path, *, by_silence: bool) -> Iterable[tuple[int, bool]]:
    """Iterate over (TTL, interference seen) of packets that could not reach the server.

    An answer counts up to the last router that answered, if the distance of the server is unknown.
    """
    for entry in entries:
        routers = () if text(entry.get("payload")) in COMPARING else path.routers
        answering = frozenset(routers).union(compared_ttls(entry))
        for distance in tables(entry.get("distances")):
            if text(entry.get("payload")) == "inside_tls" and text(distance.get("outcome")) == "answered":
                continue  # only the server can answer inside TLS
            ttl = number(distance.get("ttl"))
            interfered = acted(text(distance.get("outcome")), ttl, by_silence=by_silence, answering=answering)
            limited = path.end or path.proxied or text(distance.get("outcome")) == "answered"
            if interfered is not None and ttl > 0 and not (limited and ttl > path.last):
                yield ttl, interfered
