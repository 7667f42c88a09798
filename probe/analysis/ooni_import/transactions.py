"""Build test keys in our form, with transactions and their entries."""

from collections import defaultdict
from typing import Any

from probe.analysis.ooni_import.entries import Entry
from probe.targets.target import Endpoint, family_of


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
