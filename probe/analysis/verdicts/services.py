"""Compute one verdict per service from its endpoints' verdicts: state, counts and pass rate."""

from dataclasses import dataclass, field
from typing import Any

from probe.analysis.engines.engine import Engine
from probe.analysis.features.attempts import (
    control_attempts,
    control_worked,
    is_target_attempt,
    layers_of,
    passes,
    succeeded,
    unfinished,
)
from probe.analysis.features.rows import ServiceRow
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.failure_kinds import is_local
from probe.analysis.observations.index import endpoint_of
from probe.analysis.observations.lenient_json import texts
from probe.analysis.observations.rows import FlatMeasurement, Observation
from probe.analysis.rules.mechanisms import deepest
from probe.analysis.rules.rule import ACCUSING, Rule, State
from probe.analysis.rules.tables import RULES, tables_for
from probe.analysis.statistics.wilson import wilson
from probe.analysis.verdicts.endpoints import EndpointVerdict
from probe.formats.failures import BUG, NETWORK_UNREACHABLE
from probe.targets.dialects import deepest_proof, shallowest_proof

__all__ = ["Counts", "ServiceVerdict", "judge_services"]


@dataclass
class Counts:
    """Count a service's attempts in the first pass and its confirmation, and the helper's attempts."""

    attempts: int = 0
    failures: int = 0
    controls: int = 0
    control_successes: int = 0
    control_proofs: int = 0  # control successes at the topmost layer


@dataclass
class ServiceVerdict:
    """Hold the verdict on one service."""

    role: str
    rule: Rule
    state: State
    because: str
    endpoints: list[EndpointVerdict]
    counts: Counts
    mechanisms: list[str] = field(default_factory=list)
    anomalies: list[str] = field(default_factory=list)
    proof: str = ""
    pass_rate: dict[str, Any] | None = None


def judge_services(
    services: dict[str, dict[str, Any]],
    verdicts: dict[str, EndpointVerdict],
    measurement: FlatMeasurement,
    proofs: Verified,
    engine: Engine,
) -> list[ServiceVerdict]:
    """Judge every service of a measurement, sorted by role."""
    roles = sorted(services)
    by_role = {role: [verdicts[url] for url in urls_of(services[role])] for role in roles}
    counts = {role: _count(role, by_role[role], proofs, measurement.foreign) for role in roles}
    rows = [_service_row(role, services[role], by_role[role], counts[role], measurement, proofs) for role in roles]
    decided = engine.decide(rows, tables_for(ServiceRow), [(role,) for role in roles])
    return [
        _verdict(role, RULES[rules["service"]], by_role[role], counts[role], row)
        for role, rules, row in zip(roles, decided, rows, strict=True)
    ]


def urls_of(service: dict[str, Any]) -> list[str]:
    """Return the URLs of a service's endpoints without duplicates, in the measurement's order."""
    return list(dict.fromkeys(texts(service.get("endpoints"))))


def _service_row(
    role: str,
    service: dict[str, Any],
    verdicts: list[EndpointVerdict],
    counts: Counts,
    measurement: FlatMeasurement,
    proofs: Verified,
) -> ServiceRow:
    present = [verdict for verdict in verdicts if not verdict.absent]
    row = ServiceRow(
        any_suffices=service.get("works_if") == "any",
        endpoints=len(present),
        absent=len(verdicts) - len(present),
        absent_datagrams=sum(verdict.absent == "datagrams" for verdict in verdicts),
        bugs=_bugs(role, verdicts, measurement, proofs),
        retired=measurement.target.get("retired") is not None,
        unread=measurement.unread,
        control_successes=counts.control_proofs,
        untested=sum(verdict.untested for verdict in present),
    )
    for verdict in present:
        setattr(row, verdict.state, getattr(row, verdict.state) + 1)
    return row


def _bugs(role: str, verdicts: list[EndpointVerdict], measurement: FlatMeasurement, proofs: Verified) -> int:
    """Count the bugs that affected this service. A bug outside of transactions may have affected every service."""
    buggy = [row for row in proofs.probe.all if (row.failure or "").startswith(BUG)]
    if not buggy:
        return len(measurement.bugs)
    used = {number for verdict in verdicts for number in verdict.transactions}
    return sum(row.service == role or row.transaction_id in used for row in buggy)


def _count(role: str, verdicts: list[EndpointVerdict], proofs: Verified, foreign: bool) -> Counts:
    """Count attempts. OONI only looks some names up, so in a `foreign` measurement an answer is a success."""
    counts, seen = Counts(), set[int]()
    for verdict in verdicts:
        endpoint = endpoint_of(verdict.url)
        if endpoint is None:
            continue
        tried = [
            (row, succeeded(row, endpoint) or unfinished(row, endpoint))
            for row in proofs.probe.of_endpoint(endpoint.url)
            if row.kind in {"first", "confirm"} and is_target_attempt(row, endpoint)
        ] or [(row, foreign and row.failure is None) for row in _failed_lookups(endpoint.host, proofs)]
        for row, fine in tried:
            if row.transaction_id not in seen and not _is_local(row):
                seen.add(row.transaction_id)
                counts.attempts += 1
                counts.failures += not fine
        controls = control_attempts(endpoint, proofs)
        counts.controls += len(controls)
        worked = [row for row in controls if control_worked(row, endpoint)]
        counts.control_successes += len(worked)
        counts.control_proofs += sum(passes(row, layers_of(endpoint)[-1], endpoint) for row in worked)
    return counts


def _failed_lookups(host: str, proofs: Verified) -> list[Observation]:
    """Return the system resolver's lookups of a host. They are the attempts if no address was tried."""
    return [
        row
        for row in proofs.probe.all
        if row.kind == "lookup"
        and any(query.hostname == host and query.resolver == "system" for query in row.queries)
        and not any(query.engine == "udp" for query in row.queries)
    ]


def _is_local(row: Observation) -> bool:
    """Return True if this computer caused the failure, for example because it has no IPv6."""
    failures = (row.failure, row.tcp_failure, row.quic_failure, row.payload_failure)
    no_ipv6 = row.family == 6 and NETWORK_UNREACHABLE in failures[1:]
    return no_ipv6 or any(map(is_local, failures))


def _verdict(role: str, rule: Rule, verdicts: list[EndpointVerdict], counts: Counts, row: ServiceRow) -> ServiceVerdict:
    present = [verdict for verdict in verdicts if not verdict.absent]
    deciding = [verdict for verdict in present if verdict.state == rule.state]
    shown = deciding[0].rule if rule.defers and deciding else rule
    accused = {name for verdict in present if verdict.state in ACCUSING for name in verdict.mechanisms}
    return ServiceVerdict(
        role,
        shown,
        rule.state,
        shown.because,
        verdicts,
        counts,
        mechanisms=deepest(accused) if rule.state in ACCUSING else [],
        anomalies=sorted({name for verdict in present for name in verdict.anomalies}),
        proof=_proof(row, deciding or present),
        pass_rate=_pass_rate(present, deciding, row, counts) if rule.state == State.DEGRADED else None,
    )


def _proof(row: ServiceRow, deciding: list[EndpointVerdict]) -> str:
    """Return the deepest layer that succeeded at every needed endpoint, or at the deciding one if one is not ok.

    If one endpoint is enough, the best endpoint counts, since no endpoint alone decides that a service is degraded.
    """
    proofs = [verdict.proof for verdict in deciding]
    states = {verdict.state for verdict in deciding}
    if row.any_suffices and states != {State.OK} and len(states) > 1:
        return deepest_proof(proofs)
    if not proofs or deciding[0].state != State.OK:
        return proofs[0] if proofs else ""
    return deepest_proof(proofs) if row.any_suffices else shallowest_proof(proofs)


def _pass_rate(
    present: list[EndpointVerdict], deciding: list[EndpointVerdict], row: ServiceRow, counts: Counts
) -> dict[str, Any] | None:
    """Return the share of working endpoints if one is enough, else the share of working addresses of the deciding one.

    None if nothing works. This is so if an endpoint works for some client programs only, which are not counted.
    """
    if deciding and not (row.any_suffices and row.ok):
        good, n = deciding[0].working, deciding[0].judged
    else:
        good, n = row.ok, len(present)
    if not good:
        return None
    low, high = wilson(good, n)
    twin = round(counts.control_successes / counts.controls, 2) if counts.controls else None
    return {"estimate": round(good / n, 2), "low": round(low, 2), "high": round(high, 2), "n": n, "twin": twin}
