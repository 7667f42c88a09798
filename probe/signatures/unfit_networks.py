"""Define which networks are unfit to measure from, alike for the probe and the analysis."""

from collections.abc import Mapping
from typing import Any, Literal

Unfit = Literal["clock", "vpn", "tls_interception"]
MOST_SKEW = 86400.0  # seconds that the clock may be wrong, because certificates are valid for days


def unfit_for_targets(facts: Mapping[str, Any]) -> Unfit | None:
    """Return why a run would send the targets' names in vain, from the preflight facts. None if it would not.

    The order is that of the invalid reasons (docs/contract.md, 7.1).
    """
    if abs(facts.get("clock_skew") or 0.0) > MOST_SKEW:
        return "clock"
    if facts.get("vpn"):
        return "vpn"
    return "tls_interception" if facts.get("tls_interception") == "all" else None
