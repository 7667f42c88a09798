"""Flatten a verdict record into one row. Comparison, series and events count these rows."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from typing import Any

from probe.analysis.engines.sql_engine import Engine
from probe.analysis.observations.clock import true_start
from probe.analysis.observations.lenient_json import table, tables, text
from probe.analysis.observations.measurement_identity import claim, identity
from probe.analysis.verdicts.run_network import RunNetwork
from probe.analysis.verdicts.verdicts import Located, judge_each
from probe.formats import failures as f
from probe.formats.origin import origin_of
from probe.privacy.contributor_token import ANNOTATION, month_of

NO_ROUTE = frozenset({f.NETWORK_UNREACHABLE, f.HOST_UNREACHABLE})


@dataclass(frozen=True, slots=True)
class VerdictRow:
    """Hold one service in one measurement, with the columns of a store's table `verdicts`.

    `line_hash` is the identity of the measurement. `claim` is equal in measurements that contradict each other, because
    they name the same run, nettest, input, target and time. `measurement_start_time` is the recorded one.
    `corrected_start_time` and its `day` are corrected by the clock's error (`true_start`). Lists are joined by a space.
    No column is None: "" and 0 mean unknown. `ipv6_broken`: the probe has an IPv6 route, and no neutral host answered
    over it. `lab` is the scenario and `synthetic` the world, "" on a real network. `endpoints` and `media` are
    those of the record as JSON. `network_facts` is what the measurement says about its network (`RunNetwork.text`), in
    one row of each measurement. `platform` is the annotation. `probe_id` is OONI's pseudonym of a device in one
    network, or our contributor token of a device in one month. `throughput_ratio`, `cutoff` and the ends of their
    intervals are -1 if unknown.
    """

    line_hash: str
    measurement_start_time: str
    corrected_start_time: str
    day: str
    probe_cc: str
    probe_asn: str
    network: str
    target: str
    service: str
    state: str
    mechanisms: str
    anomalies: str
    proof: str
    valid: bool
    invalid_reason: str
    rule_id: str
    ruleset: str
    because: str
    attempts: int
    failures: int
    controls: int
    control_successes: int
    hop_ttl: int
    hop_address: str
    hop_asn: int
    hop_reason: str
    run_id: str
    software_name: str
    software_version: str
    ipv6_broken: bool
    measurement_file: str
    measurement_line: int
    lab: str
    synthetic: str
    endpoints: str = ""
    media: str = ""
    network_facts: str = ""
    layer: str = ""
    way: str = ""
    forged: str = ""
    cause_place: str = ""
    throughput_ratio: float = -1.0
    throughput_ratio_low: float = -1.0
    throughput_ratio_high: float = -1.0
    cutoff: float = -1.0
    cutoff_low: float = -1.0
    cutoff_high: float = -1.0
    platform: str = ""
    probe_id: str = ""
    claim: str = ""


COLUMNS: tuple[str, ...] = tuple(column.name for column in fields(VerdictRow))
TYPES: dict[str, type] = {column.name: type_ for column in fields(VerdictRow) if isinstance(type_ := column.type, type)}
LISTS = frozenset({"mechanisms", "anomalies"})
_WITH_INTERVAL = ("throughput_ratio", "cutoff")
_ENDS = {"": "estimate", "_low": "low", "_high": "high"}
FIGURES = tuple(f"{name}{end}" for name in _WITH_INTERVAL for end in _ENDS)
"""Columns of figures with an interval: the figure and both ends."""


def rows_of_each(measurements: Iterable[Located], engine: Engine | None = None) -> Iterator[VerdictRow]:
    """Judge measurements and iterate over their flattened records, none of one that cannot be judged."""
    for (_, _, measurement), records in judge_each(measurements, engine):
        yield from _rows(measurement, records)


def rows_of(measurement: dict[str, Any], *, file: str, number: int) -> Iterator[VerdictRow]:
    """Judge one measurement and iterate over its flattened records."""
    return rows_of_each([(file, number, measurement)])


def _rows(measurement: dict[str, Any], records: list[dict[str, Any]]) -> Iterator[VerdictRow]:
    if not records:
        return
    start = true_start(measurement)
    measured: dict[str, Any] = {
        "line_hash": identity(measurement).hex(),
        "claim": claim(measurement).hex(),
        "corrected_start_time": start,
        "day": start[:10],
        "network": text(measurement.get("probe_network_name")),
        "software_name": text(measurement.get("software_name")),
        "software_version": text(measurement.get("software_version")),
        "ipv6_broken": ipv6_broken(table(table(measurement.get("test_keys")).get("x_run"))),
        **device_columns(measurement),
        **origin_columns(measurement),
    }
    facts = network_text(measurement)
    for number, record in enumerate(records):
        yield VerdictRow(**measured, **_flat(record), network_facts="" if number else facts)


def network_text(measurement: dict[str, Any]) -> str:
    """Return what a measurement says about its network, as one text for `StoredNetwork`."""
    network = RunNetwork()
    network.add(measurement)
    return network.text()


def _flat(record: dict[str, Any]) -> dict[str, Any]:
    """Return the columns that come from the record itself."""
    hop = table(record["hop"])
    flat = {key: record[key] for key in COLUMNS if key in record}
    flat |= {
        key: text(record[key])
        for key in ("state", "cause_place", "proof", "invalid_reason", "layer", "way", "forged", "hop_reason")
    }
    flat |= {key: " ".join(record[key]) for key in LISTS}
    return flat | {
        "state": str(record["state"] or ""),
        "hop_ttl": hop.get("ttl") or 0,
        "hop_address": hop.get("address") or "",
        "hop_asn": hop.get("asn") or 0,
        **figure_columns(record, -1.0),
        "endpoints": json.dumps(record["endpoints"]),
        "media": json.dumps(record["media"]) if record["media"] else "",
    }


def figure_columns(record: dict[str, Any], without: float | None) -> dict[str, Any]:
    """Return the figures of a verdict record that have an interval, and the ends of it, as columns."""
    return {
        f"{name}{end}": table(record[name]).get(key, without) for name in _WITH_INTERVAL for end, key in _ENDS.items()
    }


def device_columns(measurement: dict[str, Any]) -> dict[str, str]:
    """Return the columns with the kind of device and its pseudonym, which is OONI's or our contributor token."""
    annotations = table(measurement.get("annotations"))
    token = text(annotations.get(ANNOTATION))
    return {
        "platform": text(annotations.get("platform")),
        "probe_id": text(measurement.get("probe_id")) or (token if month_of(token) else ""),
    }


def origin_columns(measurement: dict[str, Any]) -> dict[str, str]:
    """Return the columns `lab` and `synthetic` of a measurement."""
    return {name: text(value) for name, value in origin_of(measurement)._asdict().items()}


def ipv6_broken(run: dict[str, Any]) -> bool:
    """Return True if IPv6 has a route, and neutral hosts answer over IPv4 alone. `run` is the key `x_run`.

    Hosts in the country do not count. Where nothing abroad answers over IPv4 either, nothing is known of IPv6.
    """
    neutral = [host for host in tables(table(run.get("preflight")).get("neutral")) if host.get("home") is not True]
    tried = [text(host.get("failure")) for host in neutral if host.get("family") == 6]
    otherwise = any(not host.get("failure") for host in neutral if host.get("family") == 4)
    return otherwise and bool(tried) and all(tried) and not NO_ROUTE.issuperset(tried)
