"""Classify transactions as attempts or differentials of an endpoint, and read what each of them shows."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from probe.analysis.features.allowlists import Unlisted, unlisted_of
from probe.analysis.features.mail import passes_mail
from probe.analysis.features.other_hellos import OtherHellos, other_hellos_of
from probe.analysis.features.udp_echo import EchoPair, echo_pair_of
from probe.analysis.features.verified_addresses import Verified, quic_valid, same_site, tls_valid
from probe.analysis.observations.failure_kinds import LOCAL, RESET, TIMEOUT, UNREACHABLE, is_local, kind_of
from probe.analysis.observations.rows import Observation
from probe.signatures.evidence_age import CONTROL_ATTEMPT, CONTROL_PAGE, in_time
from probe.targets.dialects import LAYERS
from probe.targets.target import Endpoint

NEUTRAL = "same_name_neutral_host"
LIMITED_TTL = frozenset({"path_sweep", "limited_payload"})


def is_target_attempt(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether the row is an attempt at the endpoint under its own name, as its entries confirm."""
    if row.endpoint != endpoint.url:
        return False
    kind = row.kind in {"first", "confirm"} or row.followup == "alternative_address"
    return kind and not _other_name(row, endpoint.host)


def is_innocuous(row: Observation, endpoint: Endpoint, address: str) -> bool:
    """Return whether the row sent an innocuous name to this address and port."""
    if row.kind != "innocuous" and row.followup != "other_name_same_address":
        return False
    here = row.address == address and row.port in {endpoint.port, 0}
    # A web server has TLS and QUIC at one port.
    same_transport = (row.quic_attempts > 0) == (endpoint.facts.name_layer == "quic")
    return here and same_transport and endpoint.host not in {row.sent_name, row.tls_name, row.http_host}


def is_neutral(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether the row sent the target's name to a neutral host, over the layer that carries it."""
    if row.followup != NEUTRAL:
        return False
    names = {row.sent_name, row.tls_name, row.http_host} - {""}
    reached = row.tcp_failure is not None or _carrier_of_name(row) == endpoint.facts.name_layer
    return names == {endpoint.host} and reached


def _carrier_of_name(row: Observation) -> str:
    """Return the first layer that carried the row's name."""
    if row.quic_attempts > 0:
        return "quic"
    return "tls" if row.tls_attempts > 0 else "http"


def _other_name(row: Observation, host: str) -> bool:
    """Return whether the row carried another name than the host's."""
    return bool({row.sent_name, row.tls_name, row.http_host} - {"", host, f"[{host}]"})


def succeeded(row: Observation, endpoint: Endpoint, elsewhere: frozenset[str] = frozenset()) -> bool:
    """Return whether the row passed every layer that the endpoint needs. `elsewhere` are hosts it may redirect to."""
    if not all(passes(row, layer, endpoint) for layer in layers_of(endpoint)):
        return False
    if endpoint.dialect == "http":
        return not row.http_fingerprints and not redirects_away(row, endpoint, elsewhere)
    return True


def unfinished(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether nothing failed and the topmost layer was not tried, as in OONI's connect-only tests."""
    failed = row.failure is not None or any(failure_of(row, layer) is not None for layer in layers_of(endpoint))
    return not failed and not tried(row, layers_of(endpoint)[-1])


def layers_of(endpoint: Endpoint) -> tuple[str, ...]:
    """Return the layers that the endpoint needs, lowest first."""
    return endpoint.facts.layers


def passes(row: Observation, layer: str, endpoint: Endpoint) -> bool:
    """Return whether the row succeeded at a layer."""
    return _PASSES[layer](row, endpoint)


def answered_http(row: Observation) -> bool:
    """Return whether a status line was received."""
    return row.http_attempts > 0 and row.http_failure is None and row.http_code > 0


def answered(row: Observation) -> bool:
    """Return whether any answer came from the row's address, a reset or an alert included.

    Flows with a limited TTL are left out, since routers on the path answer them.
    """
    if row.followup in LIMITED_TTL:
        return False
    connected = row.tcp_attempts > 0 and row.tcp_failure is None
    if row.failure is None or connected or row.tls_answered or row.payload_answered:
        return True
    return kind_of(row.failure) not in {TIMEOUT, UNREACHABLE, LOCAL}


def redirects_away(row: Observation, endpoint: Endpoint, elsewhere: frozenset[str]) -> bool:
    """Return whether the answer redirects to a domain that is neither the endpoint's nor in `elsewhere`."""
    to = row.http_redirect_host
    return bool(to) and not any(same_site(to, host) for host in {endpoint.host, *elsewhere})


def proof_of(row: Observation, endpoint: Endpoint) -> str:
    """Return the deepest layer that succeeded, as `proof` in the verdict record, or "" for none."""
    found = ""
    for layer in layers_of(endpoint):
        if not passes(row, layer, endpoint):
            break
        found = endpoint.facts.proof_at(layer)
    return found


def failure_of(row: Observation, layer: str) -> str | None:
    """Return the row's failure at a layer, None for success."""
    failed: str | None = getattr(row, f"{layer}_failure")
    return failed


def tried(row: Observation, layer: str) -> bool:
    """Return whether the row tried a layer."""
    return bool(getattr(row, f"{layer}_attempts"))


_PASSES: dict[str, Callable[[Observation, Endpoint], bool]] = {
    "tcp": lambda row, endpoint: row.tcp_attempts > 0 and row.tcp_failure is None,
    "tls": lambda row, endpoint: tls_valid(row, endpoint.host),
    "quic": lambda row, endpoint: quic_valid(row, endpoint.host),
    "http": lambda row, endpoint: answered_http(row),
    "mail": passes_mail,
    "payload": lambda row, endpoint: row.payload_proven and row.payload_kind == endpoint.facts.proof,
}


@dataclass(frozen=True)
class Attempts:
    """Hold the attempts, differentials and control attempts of one endpoint at one address."""

    target: tuple[Observation, ...]
    innocuous: tuple[Observation, ...]
    neutral: tuple[Observation, ...]
    other_protocols: tuple[Observation, ...]  # answered at the same address and port, or the same one inside TLS
    echo_pair: EchoPair
    unlisted: Unlisted
    hellos: OtherHellos
    control: tuple[Observation, ...]
    timely: tuple[Observation, ...]  # the control's attempts without the successes that are too old to accuse

    def transactions(self) -> set[int]:
        """Return the numbers of the probe's transactions among them."""
        followups = (*self.echo_pair.rows(), *self.unlisted.rows(), *self.hellos.rows())
        compared = (*self.innocuous, *self.neutral, *self.other_protocols, *followups)
        return {row.transaction_id for row in (*self.target, *compared)}


def addresses_of(endpoint: Endpoint, proofs: Verified) -> list[str]:
    """Return the addresses at which the endpoint was tried, in the order of the first attempt."""
    tried = proofs.probe.of_endpoint(endpoint.url)
    return list(dict.fromkeys(row.address for row in tried if is_target_attempt(row, endpoint) and row.address))


def attempts_at(endpoint: Endpoint, address: str, proofs: Verified) -> Attempts:
    """Collect the attempts at one address, with their differentials and the control's attempts."""
    here, by_name = proofs.probe.at(address), not endpoint.is_literal
    to_neutral = proofs.probe.followups(NEUTRAL)
    target = tuple(
        row
        for row in proofs.probe.of_endpoint(endpoint.url)
        if row.address == address and is_target_attempt(row, endpoint) and not maybe_residual(row, proofs)
    )
    control = tuple(_nearest(control_attempts(endpoint, proofs), address))
    return Attempts(
        target=target,
        innocuous=tuple(row for row in here if by_name and is_innocuous(row, endpoint, address)),
        neutral=tuple(row for row in to_neutral if by_name and is_neutral(row, endpoint)),
        other_protocols=tuple(row for row in here if _is_other_protocol(row, endpoint, address)),
        echo_pair=echo_pair_of(endpoint, address, proofs),
        unlisted=unlisted_of(endpoint, address, proofs),
        hellos=other_hellos_of(endpoint, address, target, proofs),
        control=control,
        timely=tuple(timely_controls(control, target, endpoint)),
    )


def maybe_residual(row: Observation, proofs: Verified) -> bool:
    """Return whether a failed flow without a name may be residual censorship caused by a name on another port.

    A flow with a name to the same address was reset or timed out, and its residual window is open (P8). The failure
    is then no evidence of a block or of a server that is down.
    """
    if not row.in_residual or row.sent_name or row.kind not in {"first", "confirm"} or row.failure is None:
        return False
    named = (other for other in proofs.probe.at(row.address) if other.port != row.port)
    return any(other.sent_name and kind_of(other.failure) in {RESET, TIMEOUT} for other in named)


def _is_other_protocol(row: Observation, endpoint: Endpoint, address: str) -> bool:
    """Return whether another protocol was answered at the same address and port, or the same protocol inside TLS."""
    if layers_of(endpoint)[-2:] != ("tcp", "payload") or row.kind not in {"first", "confirm"}:
        return False
    if row.address != address or row.endpoint == endpoint.url or row.quic_attempts > 0:
        return False
    if row.port == endpoint.port and (answered_http(row) or (row.tls_answered and row.tls_attempts > 0)):
        return True
    return row.tls_attempts > 0 and row.payload_proven and row.payload_kind == endpoint.facts.proof


def _nearest(rows: list[Observation], address: str) -> list[Observation]:
    """Return the control's attempts at the same address if it made any, else at the same endpoint."""
    return [row for row in rows if row.address == address] or rows


def control_attempts(endpoint: Endpoint, proofs: Verified) -> list[Observation]:
    """Return the control's attempts at an endpoint that count."""
    return [
        row
        for row in proofs.counted.of_endpoint(endpoint.url)
        if not is_local(row.failure) and (any(tried(row, layer) for layer in layers_of(endpoint)) or row.failure)
    ]


def controls_of(layer: str, endpoint: Endpoint, address: str, controls: list[Observation]) -> list[Observation]:
    """Return the control's attempts that say something about one layer, at the same address if it made any."""
    return _nearest([row for row in controls if _is_about(row, layer, endpoint)], address)


def _is_about(row: Observation, layer: str, endpoint: Endpoint) -> bool:
    return tried(row, layer) or (bool(row.address) and not is_partial(row, endpoint))


def is_partial(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether a control's attempt ended without failure before the topmost layer, as OONI's helper does."""
    layers = layers_of(endpoint)
    failed = row.failure is not None or any(failure_of(row, layer) is not None for layer in layers)
    return not failed and not all(tried(row, layer) for layer in layers)


def control_worked(row: Observation, endpoint: Endpoint) -> bool:
    """Return whether a control's attempt succeeded at the topmost layer, or at all layers that its helper tests."""
    if is_partial(row, endpoint):
        return all(passes(row, layer, endpoint) for layer in layers_of(endpoint) if tried(row, layer))
    return succeeded(row, endpoint, frozenset({row.http_redirect_host}))


def timely_controls(
    controls: Iterable[Observation], target: Sequence[Observation], endpoint: Endpoint
) -> list[Observation]:
    """Return the control's attempts without successes that are too old, or too new, for the attempts here.

    A server may have gone down after an old success. If nothing failed here, only pages and redirects are compared.
    """
    here = [attempt for attempt in target if not is_local_fault(attempt)]
    bad = [attempt for attempt in here if failed(attempt)]
    spans = [(attempt.t0, attempt.t) for attempt in bad or here]
    limit = CONTROL_ATTEMPT if bad else CONTROL_PAGE
    return [row for row in controls if not control_worked(row, endpoint) or in_time(row.began, spans, limit)]


def failed(attempt: Observation) -> bool:
    """Return whether an attempt failed at any layer."""
    return attempt.failure is not None or any(failure_of(attempt, layer) is not None for layer in LAYERS)


def count_kind(rows: tuple[Observation, ...] | list[Observation], layer: str, *kinds: str) -> int:
    """Count the rows that failed at a layer in one of these ways."""
    return sum(kind_of(failure_of(row, layer)) in kinds for row in rows)


def control_redirects(done: Attempts) -> frozenset[str]:
    """Return the hosts that the control was redirected to. A redirect to one of them is no interference."""
    return frozenset(control.http_redirect_host for control in done.control) - {""}


def is_local_fault(attempt: Observation) -> bool:
    """Return whether the attempt failed at any layer because of this computer or of the probe."""
    return is_local(attempt.failure) or any(is_local(failure_of(attempt, layer)) for layer in LAYERS)


def network_results(rows: tuple[Observation, ...], layer: str) -> list[Observation]:
    """Return the rows that tried a layer and did not fail because of this computer."""
    return [
        row
        for row in rows
        if getattr(row, f"{layer}_attempts") > 0 and not is_local(failure_of(row, layer)) and not is_local(row.failure)
    ]
