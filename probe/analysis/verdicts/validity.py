"""Is this network fit to judge from? Preflight's facts → valid, or the reason why not: another axis than the state."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.lenient_json import seconds, table
from probe.analysis.observations.rows import PROBE, FlatMeasurement

_DAY = 86400.0


@dataclass(frozen=True)
class Invalidity:
    """One reason not to judge at all."""

    reason: str
    holds: Callable[[FlatMeasurement, dict[str, Any]], bool]
    because: str

    @property
    def rule_id(self) -> str:
        return f"invalid_{self.reason}"


# A portal, a wrong clock or an intercepting box also makes every neutral host fail: so `no_network` comes after them.
INVALIDITIES = (
    Invalidity(
        "captive_portal",
        lambda line, facts: bool(facts.get("portal")),
        "A captive portal stands between this computer and the internet.",
    ),
    Invalidity(
        "clock",
        lambda line, facts: abs(seconds(facts.get("clock_skew"))) > _DAY,
        "This computer's clock is more than a day off, so no certificate can be judged.",
    ),
    Invalidity(
        "vpn",
        lambda line, facts: facts.get("vpn") is True,
        "A VPN is in use, so this would be judged of another network.",
    ),
    Invalidity(
        "tls_interception",
        lambda line, facts: facts.get("tls_interception") == "all",
        "Something that this machine trusts opens every TLS connection, neutral ones too.",
    ),
    Invalidity(
        "no_network",
        lambda line, facts: facts.get("network") is False,
        "No neutral host could be reached: there is no usable network.",
    ),
    Invalidity(
        "probe_bug",
        lambda line, facts: bool(line.bugs) and not any(row.origin == PROBE for row in line.rows),
        "A bug of our own spoiled the whole measurement.",
    ),
)


def invalidity_of(line: FlatMeasurement) -> Invalidity | None:
    """The first reason not to judge the line; None if it is fit to be judged."""
    facts = table(line.run.get("preflight"))
    return next((reason for reason in INVALIDITIES if reason.holds(line, facts)), None)
