"""Say where the cause of a verdict is: at the user, at the provider, beyond it, or at the service."""

from collections.abc import Mapping
from typing import Any

from probe.analysis.rules.rule import CausePlace, Rule, State


def cause_place_of(rule: Rule, state: str, hop: Mapping[str, Any] | None, probe_asn: str) -> CausePlace | None:
    """Return the place of the cause of a service's verdict. None for a service that works or was not tested.

    `rule` is the rule that decides. If it says nothing about the place, a located hop does: its network is that of the
    user (`probe_asn`) or another one. A service that fails from the control too has its cause at the service.
    """
    if state in {State.OK, State.INSUFFICIENT}:
        return None
    if rule.cause_place is not None:
        return rule.cause_place
    if state == State.DOWN:
        return CausePlace.SERVICE
    network = (hop or {}).get("asn")
    if not network or not probe_asn or probe_asn == "AS0":
        return CausePlace.UNKNOWN
    return CausePlace.ACCESS_PROVIDER if f"AS{network}" == probe_asn else CausePlace.BEYOND
