"""Limit the size of a measurement, because a file can contain one that takes hours to judge."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Any

from probe.analysis.observations.lenient_json import table, tables, text
from probe.targets.target_error import MOST_ENDPOINTS, MOST_SERVICES

MOST_TRANSACTIONS = 10_000  # of the probe and the control together. The largest run in the lab has 500
MOST_COMPARISONS = 500_000  # of an address with the transactions of its endpoint. The largest run needs 72,000


def is_too_large(test_keys: dict[str, Any]) -> bool:
    """Return True if a measurement of our probe has more services, endpoints or transactions than any run writes."""
    services = table(table(test_keys.get("x_target")).get("services"))
    listed = [table(service).get("endpoints") for service in services.values()]
    listed += table(test_keys.get("x_redirects")).values()
    control = table(table(test_keys.get("x_control")).get("test_keys"))
    made = [test_keys.get("x_transactions"), control.get("x_transactions")]
    if len(services) > MOST_SERVICES or _length(listed) > MOST_ENDPOINTS or _length(made) > MOST_TRANSACTIONS:
        return True
    return _comparisons(chain.from_iterable(map(tables, made))) > MOST_COMPARISONS


def _comparisons(transactions: Iterable[dict[str, Any]]) -> int:
    """Return how often the features compare an address with a transaction. Follow-ups count for every address."""
    made, followups = Counter[str](), 0
    addresses: dict[str, set[str]] = defaultdict(set)
    for each in transactions:
        endpoint = text(each.get("endpoint"))
        made[endpoint] += 1
        followups += each.get("followup") is not None
        addresses[endpoint].add(text(each.get("address")))
    return sum((made[endpoint] + followups) * len(found) for endpoint, found in addresses.items())


def _length(lists: Iterable[Any]) -> int:
    return sum(len(each) for each in lists if isinstance(each, list))
