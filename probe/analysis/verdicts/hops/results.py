"""Describe a hop search and its result, and choose the result that belongs to a verdict."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from probe.signatures.hop_mechanisms import INTERCEPTED, LAYERS, QUERIES, QUOTED_LAYERS, STREAM_LAYERS
from probe.signatures.ttl_distance import PATHWIDE

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
