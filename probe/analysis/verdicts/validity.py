"""Decide from the checks of the network if a measurement is valid. Validity is independent of the state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probe.analysis.features.network.checks import checks_of
from probe.analysis.observations.lenient_json import seconds
from probe.analysis.observations.rows import PROBE, FlatMeasurement
from probe.signatures.unfit_networks import MOST_SKEW


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
