"""Compute what the checks of the network show about the time of the attempts at one address."""

from collections.abc import Sequence
from dataclasses import dataclass

from probe.analysis.features.access_network import AccessNetwork
from probe.analysis.features.attempts import Attempts, answered, failed, is_local_fault
from probe.analysis.features.network.checks import NetworkCheck, near
from probe.analysis.features.udp_support import passes_by_datagram
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.rows import Observation
from probe.signatures.evidence_age import NETWORK_CHECK, NETWORK_FACTS, Span
from probe.targets.dialects import FAKED_BY_ANY_DEVICE
from probe.targets.target import Endpoint, family_of


@dataclass(frozen=True)
class NetworkThen:
    """Hold what the network was like when the attempts at one address failed, or ended."""

    unchecked: bool  # no check is near in time to a failed attempt
    lost: bool  # no neutral host of the family answered then, and one did in the preflight
    lossy: bool  # packets to neutral hosts were lost then
    unproven: bool  # no neutral host of the family proved its identity then, and one did in the preflight
    in_outage: bool  # a neutral host was not reached, and since then no flow to the address got an answer
    datagrams_lost: bool  # UDP passed in the preflight, and since a check then no datagram got an answer
    answer_unchecked: bool  # any device can give the answer, and no check for a sign-in page is near in time


def network_then(
    network: AccessNetwork, endpoint: Endpoint, address: str, done: Attempts, proofs: Verified
) -> NetworkThen:
    """Return what the checks near in time to the failed attempts show, or near to all attempts if none failed."""
    family, here = family_of(address), [attempt for attempt in done.target if not is_local_fault(attempt)]
    bad = [attempt for attempt in here if failed(attempt)]
    checks = near([check for check, _ in network.checks], _spans(bad), NETWORK_CHECK) if bad else []
    first = network.checks[0][0]
    later = [check for check in checks if check is not first]
    outages = [check for check, families in network.checks if family in families and _counts(check, bad, network)]
    return NetworkThen(
        unchecked=bool(bad) and not checks,
        lost=not first.lost(family) and any(check.lost(family) for check in later),
        lossy=any(check.lossy(family) for check in later),
        unproven=not first.unproven(family) and any(check.unproven(family) for check in later),
        in_outage=any(not _answered_since(check, proofs.probe.at(address)) for check in outages),
        datagrams_lost=endpoint.carrier == "udp" and any(_lost_datagrams(check, network, proofs) for check in later),
        answer_unchecked=endpoint.dialect in FAKED_BY_ANY_DEVICE
        and not near([check for check, _ in network.checks], _spans(here), NETWORK_FACTS),
    )


def _spans(attempts: list[Observation]) -> list[Span]:
    return [(attempt.t0, attempt.t) for attempt in attempts]


def _counts(check: NetworkCheck, failures: list[Observation], network: AccessNetwork) -> bool:
    """Return whether an outage in a check may explain the failures. That of the preflight has no limit of age."""
    return check is network.checks[0][0] or bool(near([check], _spans(failures), NETWORK_CHECK) and failures)


def _answered_since(check: NetworkCheck, rows: Sequence[Observation]) -> bool:
    """Return whether a flow to the address was answered after a check began."""
    return any(answered(row) and (check.began is None or row.t >= check.began) for row in rows)


def _lost_datagrams(check: NetworkCheck, network: AccessNetwork, proofs: Verified) -> bool:
    since = check.began or 0.0
    if check.facts.get("udp_public") is not False or network.checks[0][0].facts.get("udp_public") is not True:
        return False
    return not any(passes_by_datagram(row) and row.t >= since for row in proofs.probe.all)
