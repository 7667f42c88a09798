"""Change a measurement to test its verdict: remove one kind of evidence, or let attempts end in another way."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from probe.analysis.observations.entry_index import endpoint_of, host_of
from probe.analysis.observations.flat_measurement import FlatMeasurement
from probe.analysis.observations.lenient_json import table, tables
from probe.analysis.observations.observation import CONTROL, PROBE, Observation
from probe.formats import failures as f
from probe.formats.followups import pieces_of_evidence
from probe.messages import mark
from probe.targets.dialects import ENCRYPTED_RESOLVERS, LAYERS
from probe.targets.target import Endpoint, is_address


@dataclass(frozen=True)
class Known:
    """Hold what the pipeline found out about the measurement that is changed.

    `own` are the positions of attempts at an endpoint under its own name. `verified` are (name, address).
    """

    own: frozenset[int]
    verified: frozenset[tuple[str, str]]

    def attempts(self, measurement: FlatMeasurement) -> list[Observation]:
        """Return the probe's attempts at endpoints under their own names."""
        return [row for place, row in enumerate(measurement.rows) if place in self.own]


Change = Callable[[FlatMeasurement, Known], FlatMeasurement]
UNFIT = frozenset({"network", "portal", "clock_skew", "vpn", "tls_interception"})
"""Preflight facts that make a measurement invalid (validity.py)."""


def _without(chosen: Callable[[Observation], bool]) -> Change:
    return lambda measurement, known: replace(measurement, rows=[row for row in measurement.rows if not chosen(row)])


def _followups(*kinds: str) -> Change:
    return _without(lambda row: row.followup in kinds)


def _is_innocuous(row: Observation) -> bool:
    return row.kind == "innocuous" or row.followup == "other_name_same_address"


def _is_encrypted_lookup(row: Observation) -> bool:
    encrypted = any(query.engine in ENCRYPTED_RESOLVERS for query in row.queries)
    return row.origin == PROBE and encrypted and not row.endpoint


def _without_second_answers(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    """Keep the first answer to each query, and remove the others."""
    rows = [
        row._replace(queries=tuple(one._replace(datagrams=one.datagrams[:1]) for one in row.queries))
        for row in measurement.rows
    ]
    return replace(measurement, rows=rows)


REMOVALS: dict[str, Change] = {
    mark("the confirmations"): _without(lambda row: row.kind == "confirm"),
    mark("the innocuous names at the same address"): _without(_is_innocuous),
    **{words: _followups(*kinds) for words, kinds in pieces_of_evidence().items()},
    mark("the encrypted resolvers"): _without(_is_encrypted_lookup),
    mark("the second answers to one query"): _without_second_answers,
    mark("the SIP requests with limited TTL"): _without(lambda row: row.sip_answered_at + row.sip_passed_at > 0),
    mark("the control"): _without(lambda row: row.origin == CONTROL),
}
"""Functions that remove one kind of evidence, by its name. Of the hop search only answers to SIP decide a verdict."""


def _fit_network(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    """Remove every fact about the network that makes a measurement invalid."""

    def fit(facts: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in facts.items() if key not in UNFIT}

    run = measurement.run
    later = {"network_checks": [fit(check) for check in tables(run.get("network_checks"))]}
    return replace(measurement, run=run | {"preflight": fit(table(run.get("preflight")))} | later)


def _all_timed_out(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    """Let every attempt time out at its last layer, if all attempts worked."""
    if any(row.failure is not None for row in known.attempts(measurement)):
        return measurement

    def silent(place: int, row: Observation) -> Observation:
        endpoint = endpoint_of(row.endpoint)
        if endpoint is None or place not in known.own:
            return row
        ended: dict[str, Any] = {"failure": f.TIMEOUT, f"{endpoint.facts.layers[-1]}_failure": f.TIMEOUT}
        return row._replace(payload_proven=False, payload_answered=False, http_code=0, **ended)

    return replace(measurement, rows=[silent(place, row) for place, row in enumerate(measurement.rows)])


def _confirmations_worked(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    return replace(measurement, rows=[_worked(row) if row.kind == "confirm" else row for row in measurement.rows])


def _innocuous_failed(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    """Let every innocuous flow end like the attempt at the same address, outside of a residual window."""
    attempts = known.attempts(measurement)
    failed = {(row.address, row.endpoint): row for row in attempts if row.failure is not None}

    def fail_alike(row: Observation) -> Observation:
        attempt = failed.get((row.address, row.endpoint))
        if attempt is None or not _is_innocuous(row):
            return row
        return row._replace(in_residual=False, **_ending_of(attempt))

    return replace(measurement, rows=list(map(fail_alike, measurement.rows)))


def _helper_failed(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    """Let the helper's attempts and lookups fail like the probe's, also those that it did not make."""
    failed = [row for row in known.attempts(measurement) if row.failure is not None]
    names = [
        row for row in measurement.rows if row.kind == "lookup" and row.address == "system" and row.failure is not None
    ]
    return _with_control(measurement, failed + names, lambda row: row)


def _helper_worked(measurement: FlatMeasurement, known: Known) -> FlatMeasurement:
    """Let the helper succeed at every endpoint where it did not, at the service's verified addresses."""
    reached = {row.endpoint for row in measurement.rows if row.origin == CONTROL and row.failure is None}
    attempts = [row for row in known.attempts(measurement) if row.endpoint not in reached]
    verified = [row for row in attempts if is_address(host_of(row)) or (host_of(row), row.address) in known.verified]
    return _with_control(measurement, verified, _worked)


ALTERNATIVES: dict[str, Change] = {
    mark("the network had passed the checks before the measurement"): _fit_network,
    mark("the attempts had timed out"): _all_timed_out,
    mark("the confirmations had worked"): _confirmations_worked,
    mark("the innocuous names had failed too"): _innocuous_failed,
    mark("the test helper had failed too"): _helper_failed,
    mark("the test helper had reached the service"): _helper_worked,
}
"""Functions that let attempts end in another way, by the words for it."""


def _with_control(
    measurement: FlatMeasurement, copied: list[Observation], change: Callable[[Observation], Observation]
) -> FlatMeasurement:
    """Replace the control's rows of the same endpoints and names by changed copies of the probe's rows."""
    replaced = {(row.endpoint, row.hostname) for row in copied}
    kept = [row for row in measurement.rows if row.origin != CONTROL or (row.endpoint, row.hostname) not in replaced]
    control = [change(row)._replace(origin=CONTROL, kind="first", followup="") for row in copied]
    families = {4: True, 6: True}
    return replace(measurement, rows=kept + control, control_failed=False, control_families=families, control_udp=True)


def _ending_of(row: Observation) -> dict[str, Any]:
    """Return the columns that say how an attempt ended, of every layer."""
    layers = {
        f"{layer}_{what}": getattr(row, f"{layer}_{what}") for layer in LAYERS for what in ("attempts", "failure")
    }
    return {"failure": row.failure, "tls_answered": row.tls_answered, "http_code": row.http_code, **layers}


def _worked(row: Observation) -> Observation:
    """Return the attempt with a success at every layer that its endpoint needs."""
    endpoint = endpoint_of(row.endpoint)
    failures = () if endpoint is None else (getattr(row, f"{layer}_failure") for layer in endpoint.facts.layers)
    if endpoint is None or (row.failure is None and all(failure is None for failure in failures)):
        return row
    return row._replace(failure=None, in_residual=False, resets_unlike=0, device_print="", **_success_at(endpoint))


def _success_at(endpoint: Endpoint) -> dict[str, Any]:
    shown = {"tls_name": endpoint.host, "tls_verified_name": endpoint.host, "tls_answered": True, "tls_completed": True}
    proof = endpoint.facts.proof
    by_layer: dict[str, dict[str, Any]] = {
        "tls": shown | {"tls_leaf": ""},
        "quic": shown,
        "http": {"http_code": 200, "http_fingerprints": (), "http_redirect_host": ""},
        "payload": {"payload_proven": True, "payload_kind": proof, "payload_answered": True},
        "mail": {"mail_protocol": proof, "mail_offer": "offered", "mail_accepted": True, "mail_refused": False},
    }
    columns: dict[str, Any] = {}
    for layer in endpoint.facts.layers:
        columns |= {f"{layer}_attempts": 1, f"{layer}_failure": None, **by_layer.get(layer, {})}
    return columns
