"""Compute verdict records, one per service and measurement. The same measurement always gives the same records."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from probe.analysis.engines.engine import Engine, SQLiteEngine
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.lenient_json import moment, table, text, texts
from probe.analysis.observations.rows import FlatMeasurement, read_measurement
from probe.analysis.ooni_import import is_ooni, read_ooni
from probe.analysis.rules.tables import RULESET
from probe.analysis.verdicts.endpoints import EndpointVerdict, judge_endpoints
from probe.analysis.verdicts.hops import InterferingHop, hop_of, interfering_hops
from probe.analysis.verdicts.services import ServiceVerdict, judge_services, urls_of
from probe.analysis.verdicts.size_limits import is_too_large
from probe.analysis.verdicts.validity import Invalidity, invalidity_of
from probe.messages import mark

__all__ = [
    "RULESET",
    "flat_measurement_of",
    "judge_flat",
    "judge_measurement",
    "judge_measurements",
    "reason_unusable",
    "to_json",
]

TOO_LARGE = mark("This measurement has more services, endpoints or transactions than any run of the probe.")


def judge_measurement(
    measurement: dict[str, Any], *, file: str, number: int, engine: Engine | None = None
) -> list[dict[str, Any]]:
    """Compute a verdict record per service, sorted by service, with the keys of docs/contract.md in their order.

    `file` is the file name without folders, `number` the number of its line, from 1. Both go into the records. A
    measurement that cannot be judged gives no records. `reason_unusable` then gives the reason.
    """
    if reason_unusable(measurement) is not None:
        return []
    if engine is None:
        with SQLiteEngine() as own:
            return judge_measurement(measurement, file=file, number=number, engine=own)
    return judge_flat(flat_measurement_of(measurement), measurement, file=file, number=number, engine=engine)


def flat_measurement_of(measurement: dict[str, Any]) -> FlatMeasurement:
    """Flatten a measurement of our probe or of OONI, if `reason_unusable` gives no reason."""
    return read_ooni(measurement) if is_ooni(measurement) else read_measurement(measurement)


def judge_flat(
    facts: FlatMeasurement, head: dict[str, Any], *, file: str, number: int, engine: Engine
) -> list[dict[str, Any]]:
    """Compute the verdict records of a flattened measurement.

    `head` holds the measurement's time, country and network, and the test keys of hop searches (`hops.hop_evidence`).
    """
    invalid = invalidity_of(facts)
    services = _services(facts)
    proofs = Verified(facts)
    urls = list(dict.fromkeys(url for service in services.values() for url in urls_of(service)))
    endpoints = judge_endpoints(urls, facts, proofs, engine)
    verdicts = judge_services(services, endpoints, facts, proofs, engine)
    located = [] if invalid else interfering_hops(head)
    return [_record(verdict, head, facts, invalid, located, file, number) for verdict in verdicts]


def judge_measurements(measurements: Iterable[tuple[str, int, dict[str, Any]]]) -> Iterator[dict[str, Any]]:
    """Iterate over the verdict records of (file name, line number, measurement), computed with one engine."""
    with SQLiteEngine() as engine:
        for file, number, measurement in measurements:
            yield from judge_measurement(measurement, file=file, number=number, engine=engine)


def to_json(record: dict[str, Any]) -> str:
    """Return a record as one line of JSON without the newline. Equal records give equal bytes."""
    return json.dumps(record, separators=(", ", ": "), allow_nan=False)


def reason_unusable(measurement: object) -> str | None:
    """Return the sentence that says why a measurement cannot be judged, None if it can. `tr` translates it."""
    if is_ooni(table(measurement)):
        return None
    keys = table(table(measurement).get("test_keys"))
    if not keys:
        return mark("This line is no measurement: it has no test_keys.")
    if not table(table(keys.get("x_target")).get("services")):
        return mark("This measurement does not say which services it tested: test_keys.x_target.services is missing.")
    return TOO_LARGE if is_too_large(keys) else None


def _services(facts: FlatMeasurement) -> dict[str, dict[str, Any]]:
    """Return the services by role. The endpoints that answers redirected to are added, since the page may be there."""
    known = {text(role): table(service) for role, service in table(facts.target.get("services")).items()}
    for role, redirects in facts.redirects.items():
        if role in known:
            known[role] = known[role] | {"endpoints": [*texts(known[role].get("endpoints")), *redirects]}
    return known


def _record(
    verdict: ServiceVerdict,
    head: dict[str, Any],
    facts: FlatMeasurement,
    invalid: Invalidity | None,
    located: list[InterferingHop],
    file: str,
    number: int,
) -> dict[str, Any]:
    target = text(facts.target.get("name"))
    return {
        "measurement_start_time": moment(head.get("measurement_start_time")),
        "run_id": text(facts.run.get("run_id")),
        "probe_cc": text(head.get("probe_cc")),
        "probe_asn": text(head.get("probe_asn")),
        "target": target,
        "service": f"{target}/{verdict.role}",
        "state": None if invalid else str(verdict.state),
        "mechanisms": [] if invalid else verdict.mechanisms,
        "anomalies": verdict.anomalies,
        "proof": verdict.proof or None,
        "valid": invalid is None,
        "invalid_reason": invalid.reason if invalid else None,
        "rule_id": invalid.rule_id if invalid else verdict.rule.rule_id,
        "ruleset": RULESET,
        "because": invalid.because if invalid else verdict.because,
        "attempts": verdict.counts.attempts,
        "failures": verdict.counts.failures,
        "controls": verdict.counts.controls,
        "control_successes": verdict.counts.control_successes,
        "pass_rate": None if invalid else verdict.pass_rate,
        "throughput_ratio": None,
        "hop": hop_of(verdict.role, verdict.mechanisms, located),
        "endpoints": [_endpoint(endpoint, invalid, facts) for endpoint in verdict.endpoints],
        "measurement_file": file,
        "measurement_line": number,
    }


def _endpoint(verdict: EndpointVerdict, invalid: Invalidity | None, facts: FlatMeasurement) -> dict[str, Any]:
    return {
        "endpoint": verdict.url,
        "state": None if invalid else str(verdict.state),
        "mechanisms": [] if invalid else verdict.mechanisms,
        "proof": verdict.proof or None,
        "rule_id": invalid.rule_id if invalid else verdict.rule.rule_id,
        "transactions": [] if facts.foreign else verdict.transactions,
    }
