"""Where on the path: limited payloads and path sweeps of a line → the hop of each service's verdict."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.failure_kinds import TIMEOUT, dns_kind_of, kind_of
from probe.analysis.observations.lenient_json import address, failure, flag, number, table, tables, text
from probe.formats.hops import PATHWIDE
from probe.signatures.ttl_distance import AGREEING, Interval, acted, interval

LAYERS: dict[str, tuple[str, ...]] = {
    "dns": ("dns.injection",),
    "tls": ("tls.",),
    "http": ("http.",),
    "quic": ("quic.",),
    "stun": ("stun.timeout.payload", "turn.timeout.payload"),
    "sip": ("sip.timeout.payload",),
}
"""Payload → the mechanisms whose distance it shows."""


@dataclass(frozen=True)
class Search:
    """One payload, sent to one address; `service` is "" for a question of DNS."""

    payload: str
    service: str
    address: str


@dataclass(frozen=True)
class InterferingHop:
    """Somebody acts on a payload from this TTL on. `router` is known only where no other TTL is possible."""

    search: Search
    ttl: int
    router: str | None = None
    asn: int | None = None

    def concerns(self, service: str, mechanisms: Iterable[str]) -> bool:
        """Say whether it is a place of what is said of a service."""
        theirs = self.search.service == service or self.search.payload in PATHWIDE
        prefixes = LAYERS[self.search.payload]
        return theirs and any(f"{one}.".startswith(prefixes) for one in mechanisms)  # an inner node, "http", too


def hop_of(service: str, mechanisms: list[str], located: Iterable[InterferingHop]) -> dict[str, Any] | None:
    """The hop as a verdict record has it: the nearest place where one of the mechanisms was met; None: nowhere.

    `ttl` is the smallest TTL at which interference was seen; address and network only where it can be no smaller.
    """
    here = [one for one in located if one.concerns(service, mechanisms)]
    nearest = min(here, key=lambda one: (one.ttl, one.router is None, one.router or ""), default=None)
    return None if nearest is None else {"ttl": nearest.ttl, "address": nearest.router, "asn": nearest.asn}


def interfering_hops(line: Mapping[str, Any]) -> list[InterferingHop]:
    """Everything that was located in a line, from the probe's own half of it alone."""
    keys = table(line.get("test_keys"))
    followups = table(keys.get("x_followups"))
    records = {number(record.get("transaction_id")): record for record in tables(keys.get("x_transactions"))}
    deep = text(table(keys.get("x_run")).get("depth")) == "deep"
    paths = _paths(followups, records)
    found = []
    for search, entries in _searches(followups, records).items():
        if _met_nobody(search, entries, records):
            continue
        hops = paths.get(search.address, _NO_PATH)
        between = interval(_outcomes(entries, hops, by_silence=_by_silence(search, entries, records)))
        if between is not None:
            found.append(_located(search, between, hops, deep=deep))
    return found


def hop_evidence(line: Mapping[str, Any]) -> dict[str, Any]:
    """The test keys that `interfering_hops` reads, and no others; {} where nobody searched."""
    keys = table(line.get("test_keys"))
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
    """Routers by TTL; `end` is the server's own distance, 0 where it is not known."""

    routers: Mapping[int, tuple[str | None, int | None]]
    end: int = 0


_NO_PATH = _Path({})


def _located(search: Search, between: Interval, path: _Path, *, deep: bool) -> InterferingHop:
    sure = between.exact and between.agreeing >= (AGREEING if deep else 1)
    router, asn = path.routers.get(between.high, (None, None)) if sure else (None, None)
    return InterferingHop(search, between.high, router, asn)


def _paths(followups: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[str, _Path]:
    """Address and port → the path there, as far as routers answered to the first packet."""
    found = {}
    for entry in tables(followups.get("path_sweeps")):
        if text(_record_of(entry, records).get("followup")) == "path_sweep":
            hops = [hop for hop in tables(entry.get("hops")) if flag(hop.get("answered")) and not flag(hop.get("late"))]
            routers = {
                number(hop.get("ttl")): (address(hop.get("address")) or None, number(hop.get("asn")) or None)
                for hop in hops
            }
            found[text(entry.get("address"))] = _Path(routers, number(entry.get("end_ttl")))
    return found


def _searches(followups: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[Search, list[dict[str, Any]]]:
    found: dict[Search, list[dict[str, Any]]] = defaultdict(list)
    for entry in tables(followups.get("limited_payloads")):
        record, payload = _record_of(entry, records), text(entry.get("payload"))
        if text(record.get("followup")) == "limited_payload" and payload in LAYERS:
            found[Search(payload, text(record.get("service")), text(entry.get("address")))].append(entry)
    return found


def _record_of(entry: dict[str, Any], records: dict[int, dict[str, Any]]) -> dict[str, Any]:
    return records.get(number(entry.get("transaction_id")), {})


def _met_nobody(search: Search, entries: list[dict[str, Any]], records: dict[int, dict[str, Any]]) -> bool:
    """Whether the question drew a referral: the honest word of the server itself, whose distance tells of nobody."""
    return search.payload == "dns" and dns_kind_of(_cause_of(entries, records)) == "no_answer"


def _by_silence(search: Search, entries: list[dict[str, Any]], records: dict[int, dict[str, Any]]) -> bool:
    """Whether what caused the search was a silence: an answer forged to a question never is."""
    return search.payload != "dns" and kind_of(_cause_of(entries, records)) == TIMEOUT


def _cause_of(entries: list[dict[str, Any]], records: dict[int, dict[str, Any]]) -> str | None:
    """The failure of the transaction that caused the search."""
    return failure(records.get(number(_record_of(entries[0], records).get("cause")), {}).get("failure"))


def _outcomes(entries: list[dict[str, Any]], path: _Path, *, by_silence: bool) -> Iterable[tuple[int, bool]]:
    """Pairs of TTL and "somebody acted", of packets that could not reach the server."""
    answering = frozenset(path.routers)
    for entry in entries:
        for distance in tables(entry.get("distances")):
            ttl = number(distance.get("ttl"))
            did = acted(text(distance.get("outcome")), ttl, by_silence=by_silence, answering=answering)
            if did is not None and ttl > 0 and (not path.end or ttl < path.end):
                yield ttl, did
