"""Remove what was tested of a measurement: one flow, all flows to one endpoint, or all flows of one service."""

from collections import Counter
from typing import Any, NamedTuple

from tests.support.measurements.ablation import without_transactions

Measurement = dict[str, Any]
OWN = frozenset({"first", "confirm"})


class Removal(NamedTuple):
    """Hold what is removed from a measurement, in words, and the numbers of its transactions."""

    what: str
    transactions: frozenset[int]

    def of(self, measurement: Measurement) -> Measurement:
        """Return the measurement without these transactions."""
        return without_transactions(measurement, sorted(self.transactions))


def removals(measurement: Measurement) -> list[Removal]:
    """Return each removal of a measurement once: services, then endpoints, then single attempts."""
    records = measurement["test_keys"]["x_transactions"]
    found: dict[frozenset[int], Removal] = {}
    addresses = _addresses(records)
    for key in ("service", "endpoint", "transaction_id"):
        for value in dict.fromkeys(record[key] for record in records if record[key] and _may_lack(record, key)):
            numbers = frozenset(record["transaction_id"] for record in records if record[key] == value)
            if key != "transaction_id" or not _is_one_of_several(records, numbers, addresses):
                found.setdefault(numbers, Removal(f"{key} {value}", numbers))
    return list(found.values())


def _may_lack(record: dict[str, Any], key: str) -> bool:
    """Return whether a run may lack it and be in order. It has follow-ups only where it also has the attempts."""
    return key != "transaction_id" or record["kind"] in OWN


def _addresses(records: list[dict[str, Any]]) -> dict[str, Counter[str]]:
    """Return how often each address of an endpoint was tried."""
    found: dict[str, Counter[str]] = {}
    for record in records:
        if record["kind"] in OWN:
            found.setdefault(record["endpoint"], Counter())[record["address"]] += 1
    return found


def _is_one_of_several(
    records: list[dict[str, Any]], numbers: frozenset[int], addresses: dict[str, Counter[str]]
) -> bool:
    """Return whether it is one of at most two attempts at one of an endpoint's addresses.

    How many addresses of a name are tried depends on the answers, so that nothing shows that one is missing. A single
    failure at an address is not confirmed, and the endpoint then has the state of its other addresses.
    """
    (record,) = (record for record in records if record["transaction_id"] in numbers)
    tried = addresses[record["endpoint"]]
    return tried[record["address"]] <= 2 and len(tried) > 1
