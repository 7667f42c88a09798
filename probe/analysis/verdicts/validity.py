"""Decide if a measurement can be judged in time, and from the checks of the network if it is valid.

Validity is independent of the state.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import chain
from typing import Any

from probe.analysis.features.network_check_columns import checks_of
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import seconds, table, tables, text, texts
from probe.analysis.observations.observation import PROBE
from probe.signatures.unfit_networks import MOST_SKEW
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


@dataclass(frozen=True)
class Invalidity:
    """Hold one reason for which a measurement is invalid, with its condition and its sentence."""

    reason: str
    holds: Callable[[FlatMeasurement, dict[str, Any]], bool]  # of a measurement and the facts of one check
    because: str

    @property
    def rule_id(self) -> str:
        return f"invalid_{self.reason}"


# `no_network` comes after the portal, the clock and the interception, since these make every neutral host fail too.
INVALIDITIES = (
    Invalidity(
        "captive_portal",
        lambda measurement, facts: bool(facts.get("portal")),
        "A captive portal intercepts all traffic of this network.",
    ),
    Invalidity(
        "clock",
        lambda measurement, facts: abs(seconds(facts.get("clock_skew"))) > MOST_SKEW,
        "This computer's clock is wrong by more than a day, so the dates of certificates cannot be checked.",
    ),
    Invalidity(
        "vpn",
        lambda measurement, facts: facts.get("vpn") is True,
        "A VPN is active, so the measurement describes the VPN's network.",
    ),
    Invalidity(
        "network_changed",
        lambda measurement, facts: "network" in texts(facts.get("changes")),
        "This computer moved to another network during the run, so the measurement describes neither of them.",
    ),
    Invalidity(
        "computer_slept",
        lambda measurement, facts: "sleep" in texts(facts.get("changes")),
        "This computer slept during the measurement, so answers may have been missed.",
    ),
    Invalidity(
        "tls_interception",
        lambda measurement, facts: facts.get("tls_interception") == "all",
        "Every TLS connection, also to neutral hosts, is intercepted with a certificate that this computer trusts.",
    ),
    Invalidity(
        "no_network",
        lambda measurement, facts: facts.get("network") is False,
        "No neutral host could be reached, so there is no usable network.",
    ),
    Invalidity(
        "probe_bug",
        lambda measurement, facts: bool(measurement.bugs) and not any(row.origin == PROBE for row in measurement.rows),
        "A bug in the probe ended the measurement before its first transaction.",
    ),
)


def invalidity_of(measurement: FlatMeasurement) -> Invalidity | None:
    """Return the first reason for which the measurement is invalid, None if it is valid."""
    checks = [check.facts for check in checks_of(measurement)]
    return next((each for each in INVALIDITIES if any(each.holds(measurement, facts) for facts in checks)), None)
