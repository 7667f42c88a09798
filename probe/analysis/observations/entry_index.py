"""Index the rows of one side (probe or control), since every endpoint and name selects its own from hundreds."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache
from typing import TypeVar

from probe.analysis.observations.observation import Observation, Query
from probe.targets.target import Endpoint, parse_endpoint

Asked = tuple[Observation, Query]
_T = TypeVar("_T")


@lru_cache(maxsize=4096)
def endpoint_of(url: str) -> Endpoint | None:
    """Parse an endpoint's URL, None if it is invalid (a results file can contain anything)."""
    try:
        return parse_endpoint(url)
    except ValueError:
        return None


def host_of(row: Observation) -> str:
    """Return the host of the row's endpoint, "" if it has none."""
    endpoint = endpoint_of(row.endpoint)
    return endpoint.host if endpoint else ""


class Rows:
    """Hold rows in the measurement's order, which every answer keeps. An index is built at its first use."""

    def __init__(self, rows: Iterable[Observation]) -> None:
        self.all = list(rows)

    def of_endpoint(self, url: str) -> Sequence[Observation]:
        return self._by_endpoint.get(url, ())

    def of_host(self, name: str) -> Sequence[Observation]:
        return self._by_host.get(name, ())

    def at(self, address: str) -> Sequence[Observation]:
        return self._by_address.get(address, ())

    def followups(self, kind: str) -> Sequence[Observation]:
        """Return the rows of one kind of follow-up. "" selects the rows that are no follow-up."""
        return self._by_followup.get(kind, ())

    def verified(self, name: str) -> Sequence[Observation]:
        """Return the rows whose certificate was checked for this name, whether it was valid or not."""
        return self._by_verified_name.get(name, ())

    def asked(self, name: str) -> Sequence[Asked]:
        """Return the DNS queries for a name, each with its row."""
        return self._by_name.get(name, ())

    @cached_property
    def _by_endpoint(self) -> dict[str, list[Observation]]:
        return _grouped(self.all, lambda row: row.endpoint)

    @cached_property
    def _by_host(self) -> dict[str, list[Observation]]:
        return _grouped(self.all, host_of)

    @cached_property
    def _by_address(self) -> dict[str, list[Observation]]:
        return _grouped(self.all, lambda row: row.address)

    @cached_property
    def _by_followup(self) -> dict[str, list[Observation]]:
        return _grouped(self.all, lambda row: row.followup)

    @cached_property
    def _by_verified_name(self) -> dict[str, list[Observation]]:
        return _grouped(self.all, lambda row: row.tls_verified_name)

    @cached_property
    def _by_name(self) -> dict[str, list[Asked]]:
        return _grouped(((row, query) for row in self.all for query in row.queries), lambda asked: asked[1].hostname)


def _grouped(items: Iterable[_T], key: Callable[[_T], str]) -> dict[str, list[_T]]:
    groups: dict[str, list[_T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return dict(groups)
