"""What a line would hold had something been otherwise: evidence taken away, or an attempt that ended in another way."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from probe.analysis.features.attempts import failure_of, is_target_attempt, layers_of
from probe.analysis.features.verified_addresses import Verified
from probe.analysis.observations.index import endpoint_of, host_of
from probe.analysis.observations.lenient_json import table
from probe.analysis.observations.rows import CONTROL, PROBE, FlatMeasurement, Observation
from probe.formats import failures as f
from probe.formats.followups import pieces_of_evidence
from probe.targets.dialects import ENCRYPTED_RESOLVERS, LAYERS
from probe.targets.target import Endpoint, is_address

Change = Callable[[FlatMeasurement], FlatMeasurement]
UNFIT = frozenset({"network", "portal", "clock_skew", "vpn", "tls_interception"})
"""What preflight may find that makes a line useless (validity.py)."""


def _without(chosen: Callable[[Observation], bool]) -> Change:
    return lambda line: replace(line, rows=[row for row in line.rows if not chosen(row)])


def _followups(*kinds: str) -> Change:
    return _without(lambda row: row.followup in kinds)


def _asked_encrypted(row: Observation) -> bool:
    return (
        row.origin == PROBE and any(query.engine in ENCRYPTED_RESOLVERS for query in row.queries) and not row.endpoint
    )


def _without_second_answers(line: FlatMeasurement) -> FlatMeasurement:
    """Of each question the answer that was used, and none that came beside it."""
    rows = [
        row._replace(queries=tuple(one._replace(datagrams=one.datagrams[:1]) for one in row.queries))
        for row in line.rows
    ]
    return replace(line, rows=rows)


REMOVALS: dict[str, Change] = {
    "the repeats": _without(lambda row: row.kind == "confirm"),
    "harmless names there": _without(lambda row: row.kind == "innocuous" or row.followup == "other_name_same_address"),
    **{words: _followups(*kinds) for words, kinds in pieces_of_evidence().items()},
    "encrypted resolvers": _without(_asked_encrypted),
    "second answers to one question": _without_second_answers,
    "the helper": _without(lambda row: row.origin == CONTROL),
}
"""Evidence in words → the line without it. Where something happens is no part of a verdict's grounds."""


def _fit_network(line: FlatMeasurement) -> FlatMeasurement:
    """Preflight found nothing that makes a line useless."""
    facts = {key: value for key, value in table(line.run.get("preflight")).items() if key not in UNFIT}
    return replace(line, run={**line.run, "preflight": facts})


def _fell_silent(line: FlatMeasurement) -> FlatMeasurement:
    """Where all attempts worked, each draws silence at the last layer instead."""
    if any(row.failure is not None for row in line.rows if _is_own(row)):
        return line

    def silent(row: Observation) -> Observation:
        endpoint = endpoint_of(row.endpoint)
        if endpoint is None or not _is_own(row):
            return row
        ended: dict[str, Any] = {"failure": f.TIMEOUT, f"{layers_of(endpoint)[-1]}_failure": f.TIMEOUT}
        return row._replace(payload_proven=False, payload_answered=False, http_code=0, **ended)

    return replace(line, rows=list(map(silent, line.rows)))


def _repeats_worked(line: FlatMeasurement) -> FlatMeasurement:
    return replace(line, rows=[_worked(row) if row.kind == "confirm" else row for row in line.rows])


def _innocuous_failed(line: FlatMeasurement) -> FlatMeasurement:
    """Every harmless flow ends as the target's own at the same place did, and no earlier trigger excuses it."""
    failed = {(row.address, row.endpoint): row for row in line.rows if _is_own(row) and row.failure is not None}

    def like_ours(row: Observation) -> Observation:
        ours = failed.get((row.address, row.endpoint))
        harmless = row.kind == "innocuous" or row.followup == "other_name_same_address"
        return row if ours is None or not harmless else row._replace(in_residual=False, **_ending_of(ours))

    return replace(line, rows=list(map(like_ours, line.rows)))


def _helper_failed(line: FlatMeasurement) -> FlatMeasurement:
    """The helper's attempts, or those it never made, end as ours did; it finds no more names than we."""
    ours = [row for row in line.rows if _is_own(row) and row.failure is not None]
    names = [row for row in line.rows if row.kind == "lookup" and row.address == "system" and row.failure is not None]
    return _with_control(line, ours + names, lambda row: row)


def _helper_worked(line: FlatMeasurement) -> FlatMeasurement:
    """The helper gets its answer wherever we tried and it got none, at addresses that are the service's own."""
    proofs, reached = (
        Verified(line),
        {row.endpoint for row in line.rows if row.origin == CONTROL and row.failure is None},
    )
    ours = [row for row in line.rows if _is_own(row) and row.endpoint not in reached]
    own = [row for row in ours if is_address(host_of(row)) or row.address in proofs.verified(host_of(row))]
    return _with_control(line, own, _worked)


ALTERNATIVES: dict[str, Change] = {
    "preflight found nothing amiss": _fit_network,
    "what worked drawn no answer": _fell_silent,
    "the repeats worked": _repeats_worked,
    "harmless names failed too": _innocuous_failed,
    "the helper failed too": _helper_failed,
    "the helper got through": _helper_worked,
}
"""What might have happened, in words → the line that would have told of it."""


def _is_own(row: Observation) -> bool:
    endpoint = endpoint_of(row.endpoint)
    return row.origin == PROBE and endpoint is not None and is_target_attempt(row, endpoint)


def _with_control(
    line: FlatMeasurement, ours: list[Observation], as_seen: Callable[[Observation], Observation]
) -> FlatMeasurement:
    """The line with rows of the helper's in place of those that it has about the same endpoints and names."""
    told = {(row.endpoint, row.hostname) for row in ours}
    kept = [row for row in line.rows if row.origin != CONTROL or (row.endpoint, row.hostname) not in told]
    seen = [as_seen(row)._replace(origin=CONTROL, kind="first", followup="") for row in ours]
    families = {4: True, 6: True}
    return replace(line, rows=kept + seen, control_failed=False, control_families=families, control_udp=True)


def _ending_of(row: Observation) -> dict[str, Any]:
    """How an attempt ended, layer by layer, as columns."""
    layers = {
        f"{layer}_{what}": getattr(row, f"{layer}_{what}") for layer in LAYERS for what in ("attempts", "failure")
    }
    return {"failure": row.failure, "tls_answered": row.tls_answered, "http_code": row.http_code, **layers}


def _worked(row: Observation) -> Observation:
    """The attempt, had it passed every layer that its endpoint needs."""
    endpoint = endpoint_of(row.endpoint)
    if endpoint is None or (row.failure is None and all(failure_of(row, at) is None for at in layers_of(endpoint))):
        return row
    return row._replace(failure=None, in_residual=False, resets_unlike=0, **_success_at(endpoint))


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
    for layer in layers_of(endpoint):
        columns |= {f"{layer}_attempts": 1, f"{layer}_failure": None, **by_layer.get(layer, {})}
    return columns
