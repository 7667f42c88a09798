"""Build test keys in our form, with transactions and their entries."""

from collections import defaultdict
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from probe.analysis.ooni_import.ooni_entries import At, Entry
from probe.targets.target import Endpoint, family_of

MOST_DEPTH = 20  # redirects. OONI's probe follows ten

Page = tuple[At, str, Entry]


@dataclass(frozen=True)
class Chain:
    """Hold the URL of each depth: those that were requested, then the one that the last answer redirects to."""

    urls: dict[int, str]
    pages: dict[int, Entry]

    @property
    def last(self) -> int:
        """Return the depth of the last URL."""
        return max(self.urls)

    def counts(self, depth: int, page: Entry) -> bool:
        """Return True if the page failed, or if it is the last visit of its URL and no redirect to an unknown URL."""
        visited_again = any(url == self.urls.get(depth) for later, url in self.urls.items() if later > depth)
        to_unknown = page["response"]["x_next"] is not None and depth + 1 not in self.urls
        return page["failure"] is not None or not (visited_again or to_unknown)

    def last_page_of(self, url: str) -> Entry | None:
        """Return the page of the last visit of a URL, if it counts."""
        depths = [depth for depth, visited in self.urls.items() if visited == url and depth in self.pages]
        page = self.pages[max(depths)] if depths else None
        return page if page is not None and self.counts(max(depths), page) else None


def chain_of(endpoint: Endpoint, pages: list[Page], *, tagged: bool) -> Chain:
    """Return the redirects from an endpoint on. Version 0.5 tags the depth, and before it the order is the depth."""
    numbered = [(at.depth if tagged else place, url, page) for place, (at, url, page) in enumerate(pages)]
    known = sorted(numbered, key=itemgetter(0))
    urls, found = {0: endpoint.url}, dict[int, Entry]()
    if not known or known[0][:2] != (0, endpoint.url):
        return Chain(urls, found)  # the first request was not recorded, so nothing shows what redirects to what
    for depth, url, page in known:
        if depth < MOST_DEPTH and depth not in found and url:
            urls[depth], found[depth] = url, page
            if page["failure"] is None and page["response"]["x_next"]:
                urls[depth + 1] = page["response"]["x_next"]
    return Chain(urls, found)


class Converted:
    """Collect transactions and entries of one side. Transaction ids count from 1 in the order of adding."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._lists: dict[str, list[Entry]] = defaultdict(list)

    @property
    def keys(self) -> dict[str, Any]:
        """Return the test keys so far, for `observations.rows.observations`."""
        return {"x_transactions": self._records, "x_endpoints": dict(self._lists)}

    def lookups(self, queries: list[Entry]) -> None:
        """Add DNS queries. Those for one name to one resolver are one lookup, which succeeds with any answer."""
        together: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        for query in queries:
            together[query["hostname"], query["engine"], query["resolver_address"]].append(query)
        for (host, engine, resolver), asked in together.items():
            failed = None if any(query["failure"] is None for query in asked) else asked[0]["failure"]
            own = resolver == "system"  # a query to another resolver is a follow-up in our measurements
            about = {"kind": "lookup" if own else "followup", "followup": "" if own else f"resolver_{engine}"}
            self._add(about | {"hostname": host, "failure": failed}, queries=asked)

    def attempt(self, endpoint: Endpoint, role: str, address: str, **entries: Entry | None) -> None:
        """Add one attempt at an endpoint, with the entry of each layer by the name of its list."""
        made = {kind: [entry] for kind, entry in entries.items() if entry is not None}
        failures = [_failure(entry) for written in made.values() for entry in written]
        self._add(
            {
                "kind": "first",
                "service": role,
                "endpoint": endpoint.url,
                "hostname": endpoint.host,
                "address": address,
                "port": endpoint.port,
                "family": family_of(address),
                "failure": next((failed for failed in failures if failed is not None), None),
            },
            **made,
        )

    def _add(self, record: dict[str, Any], **entries: list[Entry]) -> None:
        number = len(self._records) + 1
        self._records.append(record | {"transaction_id": number})
        for kind, written in entries.items():
            self._lists[kind] += [entry | {"transaction_id": number} for entry in written]


def _failure(entry: Entry) -> str | None:
    failed: str | None = entry["status"]["failure"] if "status" in entry else entry.get("failure")
    return failed
