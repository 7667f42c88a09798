"""Test keys as our own probe would have written them, under construction: transactions, and the entries in them."""

from collections import defaultdict
from typing import Any

from probe.analysis.ooni_import.entries import Entry
from probe.targets.target import Endpoint


class Converted:
    """What is read off a line of OONI's; ids count from 1 in the order of adding."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._lists: dict[str, list[Entry]] = defaultdict(list)

    @property
    def keys(self) -> dict[str, Any]:
        """The test keys so far, as observations.py reads them."""
        return {"x_transactions": self._records, "x_endpoints": dict(self._lists)}

    def lookups(self, queries: list[Entry]) -> None:
        """DNS questions; those for one name to one resolver are one lookup, which any answer makes a success."""
        together: dict[tuple[str, str, str], list[Entry]] = defaultdict(list)
        for query in queries:
            together[query["hostname"], query["engine"], query["resolver_address"]].append(query)
        for (host, engine, resolver), asked in together.items():
            failed = None if any(query["failure"] is None for query in asked) else asked[0]["failure"]
            own = resolver == "system"  # what went to another resolver is a follow-up, in our words
            about = {"kind": "lookup" if own else "followup", "followup": "" if own else f"resolver_{engine}"}
            self._add(about | {"hostname": host, "failure": failed}, queries=asked)

    def attempt(self, endpoint: Endpoint, role: str, address: str, **entries: Entry | None) -> None:
        """One attempt at an endpoint, with the entry of each layer by the name of its list."""
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
                "family": 6 if ":" in address else 4,
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
    said: str | None = entry["status"]["failure"] if "status" in entry else entry.get("failure")
    return said
