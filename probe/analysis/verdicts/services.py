"""Endpoints' verdicts → one verdict per service: state, counts, and the rate at which it works."""

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
    """How often a service was tried in the first pass and its confirmation, and by the helper."""

    attempts: int = 0
    failures: int = 0
    controls: int = 0
    control_successes: int = 0
    control_proofs: int = 0  # of these: to the topmost layer


@dataclass
class ServiceVerdict:
    """What is said of one service."""

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
    line: FlatMeasurement,
    proofs: Verified,
    engine: Engine,
) -> list[ServiceVerdict]:
    """Judge every service of a line, sorted by role."""
    roles = sorted(services)
    mine = {role: [verdicts[url] for url in urls_of(services[role])] for role in roles}
    counts = {role: _count(role, mine[role], proofs, line.foreign) for role in roles}
    rows = [_service_row(role, services[role], mine[role], counts[role], line, proofs) for role in roles]
    said = engine.decide(rows, tables_for(ServiceRow))
    return [
        _verdict(role, RULES[rules["service"]], mine[role], counts[role], row)
        for role, rules, row in zip(roles, said, rows, strict=True)
    ]


def urls_of(service: dict[str, Any]) -> list[str]:
    """The URLs of a service's endpoints, each once, as the line has them."""
    return list(dict.fromkeys(texts(service.get("endpoints"))))


def _service_row(
    role: str,
    service: dict[str, Any],
    verdicts: list[EndpointVerdict],
    counts: Counts,
    line: FlatMeasurement,
    proofs: Verified,
) -> ServiceRow:
    present = [verdict for verdict in verdicts if not verdict.absent]
    row = ServiceRow(
        any_suffices=service.get("works_if") == "any",
        endpoints=len(present),
        absent=len(verdicts) - len(present),
        absent_datagrams=sum(verdict.absent == "datagrams" for verdict in verdicts),
        bugs=_bugs(role, verdicts, line, proofs),
        retired=line.target.get("retired") is not None,
        unread=line.unread,
        control_successes=counts.control_proofs,
    )
    for verdict in present:
        setattr(row, verdict.state, getattr(row, verdict.state) + 1)
    return row


def _bugs(role: str, verdicts: list[EndpointVerdict], line: FlatMeasurement, proofs: Verified) -> int:
    """Bugs that touched this service; one that no transaction names may have touched any of them."""
    buggy = [row for row in proofs.probe.all if (row.failure or "").startswith(BUG)]
    if not buggy:
        return len(line.bugs)
    used = {number for verdict in verdicts for number in verdict.transactions}
    return sum(row.service == role or row.transaction_id in used for row in buggy)


def _count(role: str, verdicts: list[EndpointVerdict], proofs: Verified, foreign: bool) -> Counts:
    """Count attempts. Some names OONI only looks up: `foreign` says that an answer is then all that was wanted."""
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
            if row.transaction_id not in seen and not _is_ours(row):
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
    """Where no address was tried, the question to the system's library was the attempt."""
    return [
        row
        for row in proofs.probe.all
        if row.kind == "lookup"
        and any(query.hostname == host and query.resolver == "system" for query in row.queries)
        and not any(query.engine == "udp" for query in row.queries)
    ]


def _is_ours(row: Observation) -> bool:
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
    """The deepest layer that succeeded: of all needed endpoints where all work, of the deciding one elsewhere.

    Where one endpoint is enough, the best of them; no endpoint decides alone that a service works in part.
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
    """The share that works: of the endpoints where one would do, of the addresses of the endpoint that decided else.

    None where each works for some programs: nobody counts those.
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
