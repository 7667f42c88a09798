"""Make the verdict records of a batch of measurements from the tables of the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.analysis.engines.engine import Engine
from probe.analysis.observations.lenient_json import moment, text
from probe.analysis.observations.media.row import MediaRow
from probe.analysis.observations.rows import FlatMeasurement
from probe.analysis.observations.transfers.row import TransferRow
from probe.analysis.pipeline.conclusions.media_figures import USABLE_FINDINGS, Finding, media_figures
from probe.analysis.pipeline.conclusions.transfer_figures import USABLE_PAIRS, TransferFinding, transfer_figures
from probe.analysis.rules.tables import RULES, RULESET
from probe.analysis.statistics.wilson import wilson
from probe.analysis.verdicts.hops.located import search_results
from probe.analysis.verdicts.hops.reasons import hop_reason
from probe.analysis.verdicts.hops.results import SearchResult, hop_of
from probe.analysis.verdicts.validity import Invalidity, invalidity_of
from probe.targets.dialects import PROOF_DEPTH

Record = dict[str, Any]
Key = tuple[int, str]
"""Number of a measurement, and the URL of an endpoint or the role of a service."""

_PROOFS = (None, *PROOF_DEPTH)
_SERVICES = (
    "SELECT m, role, state, rule_id, because, proof_depth, attempts, failures, controls, control_successes,"
    " pass_successes, pass_trials FROM service_verdict ORDER BY m, role"
)
_ENDPOINTS = (
    "SELECT x.m, x.role, x.endpoint, v.state, v.proof_depth, v.rule_id FROM service_endpoint x"
    " JOIN endpoint_verdict v ON v.m = x.m AND v.endpoint = x.endpoint ORDER BY x.m, x.role, x.position"
)

_CUTOFFS = "SELECT m, role, low, high, alike FROM service_cutoff ORDER BY m, role"


@dataclass(frozen=True)
class Head:
    """Hold what the records of a measurement have in common. `searches` are the results of its hop searches.

    `run` is the key `x_run`. `media` are the figures of its pairs of media flows, and `transfers` those of its pairs of
    transfers.
    """

    start_time: str
    run_id: str
    probe_cc: str
    probe_asn: str
    target: str
    is_foreign: bool
    invalid: Invalidity | None
    searches: tuple[SearchResult, ...]
    run: Record
    media: tuple[MediaRow, ...]
    transfers: tuple[TransferRow, ...]
    file: str
    number: int


def head_of(facts: FlatMeasurement, head: dict[str, Any], *, file: str, number: int) -> Head:
    """Return the head of a flattened measurement.

    `head` holds the measurement's time, country and network, and the test keys of hop searches (`hops.hop_evidence`).
    """
    invalid = invalidity_of(facts)
    return Head(
        moment(head.get("measurement_start_time")),
        text(facts.run.get("run_id")),
        text(head.get("probe_cc")),
        text(head.get("probe_asn")),
        text(facts.target.get("name")),
        facts.foreign,
        invalid,
        () if invalid else tuple(search_results(head)),
        facts.run,
        () if invalid else facts.media,
        () if invalid else facts.transfers,
        file,
        number,
    )


def records_of(engine: Engine, heads: Sequence[Head]) -> list[list[Record]]:
    """Return the verdict records of each measurement, sorted by service. `heads` has the batch's order."""
    found: list[list[Record]] = [[] for _ in heads]
    mechanisms = _lists(engine, "role_mechanism", "role", "mechanism")
    anomalies = _lists(engine, "role_anomaly", "role", "mechanism")
    endpoints, findings, pairs = _endpoints(engine, heads), _findings(engine, heads), _pairs(engine, heads)
    cutoffs = {(m, role): (low, high, count) for m, role, low, high, count in engine.rows(_CUTOFFS)}
    for m, role, *columns in engine.rows(_SERVICES):
        key = m, role
        lists = _words(mechanisms.get(key)), _words(anomalies.get(key)), endpoints.get(key, [])
        figures = media_figures(heads[m].media, findings.get(key, ()), RULES[columns[1]].mechanism)
        ratio = transfer_figures(heads[m].transfers, role, pairs.get(key, ()))
        cutoff = _cutoff(cutoffs.get(key)) if "flow.cutoff.time" in [*lists[0], *lists[1]] else None
        record = _record(heads[m], role, columns, *lists)
        found[m].append(record | {"throughput_ratio": ratio, "cutoff": cutoff, "media": figures})
    return found


def _cutoff(found: tuple[float, float, int] | None) -> Record | None:
    """Return the age at which connections were cut off, None without any."""
    if found is None:
        return None
    (low, high), connections = sorted(found[:2]), found[2]
    middle = round((low + high) / 2, 1)
    return {"estimate": middle, "low": round(low, 1), "high": round(high, 1), "connections": connections}


def _findings(engine: Engine, heads: Sequence[Head]) -> dict[Key, list[Finding]]:
    """Return what the usable pairs of media flows show, by service."""
    found: dict[Key, list[Finding]] = {}
    if any(head.media for head in heads):
        for m, role, *columns in engine.rows(USABLE_FINDINGS):
            found.setdefault((m, role), []).append(Finding(*columns))
    return found


def _pairs(engine: Engine, heads: Sequence[Head]) -> dict[Key, list[TransferFinding]]:
    """Return what the usable pairs of transfers show, by service."""
    found: dict[Key, list[TransferFinding]] = {}
    if any(head.transfers for head in heads):
        for m, role, pair, limited in engine.rows(USABLE_PAIRS):
            found.setdefault((m, role), []).append(TransferFinding(pair, bool(limited)))
    return found


def _lists(engine: Engine, table: str, key: str, value: str) -> dict[Key, str]:
    """Return the values of a table by measurement and key, joined with spaces. One row each keeps them few."""
    query = f"SELECT m, {key}, {engine.joined(value)} FROM {table} GROUP BY m, {key}"
    return {(m, name): words for m, name, words in engine.rows(query)}


def _words(joined: str | None) -> list[str]:
    return sorted(joined.split(" ")) if joined else []


def _numbers(joined: str | None) -> list[int]:
    return sorted(map(int, joined.split(" "))) if joined else []


def _endpoints(engine: Engine, heads: Sequence[Head]) -> dict[Key, list[Record]]:
    """Return the endpoints of each service, in the order of the target."""
    mechanisms = _lists(engine, "endpoint_mechanism", "endpoint", "mechanism")
    transactions = _lists(engine, "endpoint_transaction", "endpoint", "transaction_id")
    found: dict[Key, list[Record]] = {}
    for m, role, url, state, depth, rule_id in engine.rows(_ENDPOINTS):
        invalid = heads[m].invalid
        record = {
            "endpoint": url,
            "state": None if invalid else state,
            "mechanisms": [] if invalid else _words(mechanisms.get((m, url))),
            "proof": _PROOFS[depth],
            "rule_id": invalid.rule_id if invalid else rule_id,
            "transactions": [] if heads[m].is_foreign else _numbers(transactions.get((m, url))),
        }
        found.setdefault((m, role), []).append(record)
    return found


def _over_quic_alone(endpoints: Sequence[Record]) -> set[str]:
    """Return the mechanisms that only endpoints over QUIC have."""
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for each in endpoints:
        found[each["endpoint"].startswith("quic://")].update(each["mechanisms"])
    return found[True] - found[False]


def _record(
    head: Head, role: str, columns: list[Any], mechanisms: list[str], anomalies: list[str], endpoints: list[Record]
) -> Record:
    """Return the record of one service, with the keys of docs/contract.md in their order."""
    state, rule_id, because, depth, attempts, failures, controls, control_successes, passed, trials = columns
    invalid = head.invalid
    hop = hop_of(role, mechanisms, head.searches) if head.searches else None
    unlocated = bool(mechanisms) and hop is None and invalid is None
    over_quic = _over_quic_alone(endpoints) if unlocated else ()
    reason = hop_reason(role, mechanisms, head.searches, head.run, over_quic) if unlocated else None
    return {
        "measurement_start_time": head.start_time,
        "run_id": head.run_id,
        "probe_cc": head.probe_cc,
        "probe_asn": head.probe_asn,
        "target": head.target,
        "service": f"{head.target}/{role}",
        "state": None if invalid else state,
        "mechanisms": [] if invalid else mechanisms,
        "anomalies": anomalies,
        "proof": _PROOFS[depth],
        "valid": invalid is None,
        "invalid_reason": invalid.reason if invalid else None,
        "rule_id": invalid.rule_id if invalid else rule_id,
        "ruleset": RULESET,
        "because": invalid.because if invalid else because,
        "attempts": attempts,
        "failures": failures,
        "controls": controls,
        "control_successes": control_successes,
        "pass_rate": None if invalid else _pass_rate(passed, trials, controls, control_successes),
        "throughput_ratio": None,
        "cutoff": None,
        "media": None,
        "hop": hop,
        "hop_reason": reason,
        "endpoints": endpoints,
        "measurement_file": head.file,
        "measurement_line": head.number,
    }


def _pass_rate(successes: int, trials: int, controls: int, control_successes: int) -> Record | None:
    """Return the share that works with its Wilson interval, None if nothing works or no share was counted.

    Nothing works if an endpoint works for some client programs only, which are not counted.
    """
    if not successes:
        return None
    low, high = wilson(successes, trials)
    twin = round(control_successes / controls, 2) if controls else None
    share = round(successes / trials, 2)
    return {"estimate": share, "low": round(low, 2), "high": round(high, 2), "n": trials, "twin": twin}
