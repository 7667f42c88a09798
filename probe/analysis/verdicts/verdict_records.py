"""Make the verdict records of a batch of measurements from the tables of the pipeline."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from probe.analysis.engines.sql_engine import Engine
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import moment, network_number, text
from probe.analysis.observations.media_figures import MediaRow
from probe.analysis.observations.transfer_row import TransferRow
from probe.analysis.phenomena import in_order
from probe.analysis.phenomena.phenomenon import Judged
from probe.analysis.phenomena.throughput import endpoint_throughput
from probe.analysis.rules.variant import VARIANT
from probe.analysis.ruleset.tables import RULES, RULESET
from probe.analysis.statistics.shares import wilson
from probe.analysis.verdicts.captured_endpoints import seen_in_capture
from probe.analysis.verdicts.cause_places import cause_place_of
from probe.analysis.verdicts.hop_searches import SearchResult, hop_of
from probe.analysis.verdicts.located_hops import hop_reason, search_results
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

_FIGURES = tuple(each.figures for each in in_order() if each.figures is not None)


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
        network_number(head.get("probe_asn")),
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
    endpoints, rows = _endpoints(engine, heads), {each.key: _rows(engine, each.select) for each in _FIGURES}
    for m, role, *columns in engine.rows(_SERVICES):
        key, head = (m, role), heads[m]
        lists = _words(mechanisms.get(key)), _words(anomalies.get(key)), endpoints.get(key, [])
        judged = Judged(role, RULES[columns[1]].mechanism, [*lists[0], *lists[1]], head.media, head.transfers, ())
        figures = {each.key: each.of(judged._replace(rows=rows[each.key].get(key, ()))) for each in _FIGURES}
        found[m].append(_record(head, role, columns, *lists) | figures)
    return found


def _rows(engine: Engine, select: str) -> dict[Key, list[tuple[Any, ...]]]:
    """Return the further columns of a SELECT by measurement and service."""
    found: dict[Key, list[tuple[Any, ...]]] = {}
    for m, role, *columns in engine.rows(select):
        found.setdefault((m, role), []).append(tuple(columns))
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
    for m, role, url, state, depth, key in engine.rows(_ENDPOINTS):
        invalid = heads[m].invalid
        record = {
            "endpoint": url,
            "state": None if invalid else state,
            "mechanisms": [] if invalid else _words(mechanisms.get((m, url))),
            "proof": _PROOFS[depth],
            **_variant(invalid, key),
            "transactions": [] if heads[m].is_foreign else _numbers(transactions.get((m, url))),
        } | seen_in_capture(heads[m].run, url)
        if (compared := endpoint_throughput(heads[m].transfers, role, url)) is not None:
            record["throughput"] = compared
        found.setdefault((m, role), []).append(record)
    return found


def _variant(invalid: Invalidity | None, key: str) -> Record:
    """Return the id of the kind that decides, and what varies within it: layer, way of failing and what was forged."""
    if invalid:
        return {**dict.fromkeys(VARIANT), "rule_id": invalid.rule_id}
    return {name: getattr(RULES[key], name) or None for name in VARIANT}


def _over_quic_alone(endpoints: Sequence[Record]) -> set[str]:
    found: dict[bool, set[str]] = {True: set(), False: set()}
    for each in endpoints:
        found[each["endpoint"].startswith("quic://")].update(each["mechanisms"])
    return found[True] - found[False]


def _record(
    head: Head, role: str, columns: list[Any], mechanisms: list[str], anomalies: list[str], endpoints: list[Record]
) -> Record:
    """Return the record of one service, with the keys of docs/contract.md in their order."""
    state, key, because, depth, attempts, failures, controls, control_successes, passed, trials = columns
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
        "cause_place": None if invalid else cause_place_of(RULES[key], state, hop, head.probe_asn),
        "mechanisms": [] if invalid else mechanisms,
        "anomalies": anomalies,
        "proof": _PROOFS[depth],
        "valid": invalid is None,
        "invalid_reason": invalid.reason if invalid else None,
        **_variant(invalid, key),
        "ruleset": RULESET,
        "because": invalid.because if invalid else because,
        "attempts": attempts,
        "failures": failures,
        "controls": controls,
        "control_successes": control_successes,
        "pass_rate": None if invalid else _pass_rate(passed, trials, controls, control_successes),
        **dict.fromkeys(each.key for each in _FIGURES),
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
