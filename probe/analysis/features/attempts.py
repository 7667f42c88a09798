"""Which transactions are a target's own attempts, which its differentials, and what each of them shows."""

from collections.abc import Callable
from dataclasses import dataclass

from probe.analysis.features.allowlists import Unlisted, unlisted_of
from probe.analysis.features.mail import passes_mail
from probe.analysis.features.other_hellos import OtherHellos, other_hellos_of
from probe.analysis.features.udp_echo import Twins, twins_of
from probe.analysis.features.verified_addresses import Verified, quic_valid, same_site, tls_valid
from probe.analysis.observations.failure_kinds import RESET, TIMEOUT, is_local, kind_of
from probe.analysis.observations.rows import Observation
from probe.targets.dialects import LAYERS
from probe.targets.target import Endpoint

NEUTRAL = "same_name_neutral_host"


def is_target_attempt(row: Observation, endpoint: Endpoint) -> bool:
    """Say whether the row tried the endpoint itself, under its own name: what a record says the wire must not deny."""
    if row.endpoint != endpoint.url:
        return False
    kind = row.kind in {"first", "confirm"} or row.followup == "alternative_address"
    return kind and not _other_name(row, endpoint.host)


def is_innocuous(row: Observation, endpoint: Endpoint, address: str) -> bool:
    """Say whether the row sent a harmless name to this very address and port."""
    if row.kind != "innocuous" and row.followup != "other_name_same_address":
        return False
    here = row.address == address and row.port in {endpoint.port, 0}
    alike = (row.quic_attempts > 0) == (endpoint.facts.name_layer == "quic")  # a web server has both at one port
    return here and alike and endpoint.host not in {row.sent_name, row.tls_name, row.http_host}


def is_neutral(row: Observation, endpoint: Endpoint) -> bool:
    """Say whether the row sent the target's name to a neutral host, over the layer that carries it."""
    if row.followup != NEUTRAL:
        return False
    names = {row.sent_name, row.tls_name, row.http_host} - {""}
    reached = row.tcp_failure is not None or _carrier_of_name(row) == endpoint.facts.name_layer
    return names == {endpoint.host} and reached


def _carrier_of_name(row: Observation) -> str:
    """The layer at which the row showed its name first."""
    if row.quic_attempts > 0:
        return "quic"
    return "tls" if row.tls_attempts > 0 else "http"


def _other_name(row: Observation, host: str) -> bool:
    """Whether any name that the row carried is not the host's."""
    return bool({row.sent_name, row.tls_name, row.http_host} - {"", host, f"[{host}]"})


def succeeded(row: Observation, endpoint: Endpoint, elsewhere: frozenset[str] = frozenset()) -> bool:
    """Say whether the row passed every layer that the endpoint needs. `elsewhere` are hosts it may redirect to."""
    if not all(passes(row, layer, endpoint) for layer in layers_of(endpoint)):
        return False
    if endpoint.dialect == "http":
        return not row.http_fingerprints and not redirects_away(row, endpoint, elsewhere)
    return True


def unfinished(row: Observation, endpoint: Endpoint) -> bool:
    """Say whether nothing failed and the topmost layer was never tried, as in tests of OONI's that only connect."""
    failed = row.failure is not None or any(failure_of(row, layer) is not None for layer in layers_of(endpoint))
    return not failed and not tried(row, layers_of(endpoint)[-1])


def layers_of(endpoint: Endpoint) -> tuple[str, ...]:
    """The layers that the endpoint needs, lowest first."""
    return endpoint.facts.layers


def passes(row: Observation, layer: str, endpoint: Endpoint) -> bool:
    """Say whether the row got at a layer what that layer calls a success."""
    return _PASSES[layer](row, endpoint)


def answered_http(row: Observation) -> bool:
    """Say whether a status line came."""
    return row.http_attempts > 0 and row.http_failure is None and row.http_code > 0


def redirects_away(row: Observation, endpoint: Endpoint, elsewhere: frozenset[str]) -> bool:
    """Say whether the answer points to a domain that is neither the endpoint's nor one the control was sent to."""
    to = row.http_redirect_host
    return bool(to) and not any(same_site(to, host) for host in {endpoint.host, *elsewhere})


def proof_of(row: Observation, endpoint: Endpoint) -> str:
    """The deepest layer that succeeded, as a record's `proof` names it; "" for none."""
    found = ""
    for layer in layers_of(endpoint):
        if not passes(row, layer, endpoint):
            break
        found = endpoint.facts.proof_at(layer)
    return found


def failure_of(row: Observation, layer: str) -> str | None:
    """The row's failure at a layer."""
    failed: str | None = getattr(row, f"{layer}_failure")
    return failed


def tried(row: Observation, layer: str) -> bool:
    """Say whether the row tried a layer."""
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
    """Everything that was done about one endpoint at one address."""

    target: tuple[Observation, ...]
    innocuous: tuple[Observation, ...]
    neutral: tuple[Observation, ...]
    twins: tuple[Observation, ...]
    echoes: Twins
    unlisted: Unlisted
    hellos: OtherHellos
    control: tuple[Observation, ...]

    def transactions(self) -> set[int]:
        """The probe's transactions among them."""
        compared = (*self.innocuous, *self.neutral, *self.twins, *self.echoes.rows(), *self.unlisted.rows())
        return {row.transaction_id for row in (*self.target, *compared, *self.hellos.rows())}


def addresses_of(endpoint: Endpoint, proofs: Verified) -> list[str]:
    """Every address that the endpoint was tried at, in the order of the first attempt."""
    tried = proofs.probe.of_endpoint(endpoint.url)
    return list(dict.fromkeys(row.address for row in tried if is_target_attempt(row, endpoint) and row.address))


def attempts_at(endpoint: Endpoint, address: str, proofs: Verified) -> Attempts:
    """Gather the attempts at one address, with the differentials and the control that belong to it."""
    here, by_name = proofs.probe.at(address), not endpoint.is_literal
    to_neutral = proofs.probe.followups(NEUTRAL)
    target = tuple(
        row
        for row in proofs.probe.of_endpoint(endpoint.url)
        if row.address == address and is_target_attempt(row, endpoint) and not in_shadow(row, proofs)
    )
    return Attempts(
        target=target,
        innocuous=tuple(row for row in here if by_name and is_innocuous(row, endpoint, address)),
        neutral=tuple(row for row in to_neutral if by_name and is_neutral(row, endpoint)),
        twins=tuple(row for row in here if _is_twin(row, endpoint, address)),
        echoes=twins_of(endpoint, address, proofs),
        unlisted=unlisted_of(endpoint, address, proofs),
        hellos=other_hellos_of(endpoint, address, target, proofs),
        control=tuple(_nearest(control_attempts(endpoint, proofs), address)),
    )


def in_shadow(row: Observation, proofs: Verified) -> bool:
    """Say whether a flow that shows no name may have failed for the name that another one showed.

    It was acted on, at another port of the same address, and the window is open (law 8): then this failure is no
    evidence, neither of a block nor of a server that is down.
    """
    if not row.in_residual or row.sent_name or row.kind not in {"first", "confirm"} or row.failure is None:
        return False
    named = (other for other in proofs.probe.at(row.address) if other.port != row.port)
    return any(other.sent_name and kind_of(other.failure) in {RESET, TIMEOUT} for other in named)


def _is_twin(row: Observation, endpoint: Endpoint, address: str) -> bool:
    """Another protocol, same address and port, that got its answer; or the same one, at the same address inside TLS."""
    if layers_of(endpoint)[-2:] != ("tcp", "payload") or row.kind not in {"first", "confirm"}:
        return False
    if row.address != address or row.endpoint == endpoint.url or row.quic_attempts > 0:
        return False
    if row.port == endpoint.port and (answered_http(row) or (row.tls_answered and row.tls_attempts > 0)):
        return True
    return row.tls_attempts > 0 and row.payload_proven and row.payload_kind == endpoint.facts.proof


def _nearest(rows: list[Observation], address: str) -> list[Observation]:
    """The control's attempts at the very same address if it made any, else at the same endpoint."""
    return [row for row in rows if row.address == address] or rows


def control_attempts(endpoint: Endpoint, proofs: Verified) -> list[Observation]:
    """The control's attempts at an endpoint that count."""
    return [
        row
        for row in proofs.counted.of_endpoint(endpoint.url)
        if not is_local(row.failure) and (any(tried(row, layer) for layer in layers_of(endpoint)) or row.failure)
    ]


def controls_of(layer: str, endpoint: Endpoint, address: str, controls: list[Observation]) -> list[Observation]:
    """Of the control's attempts at an endpoint those that tell of one layer, at the very same address if any are."""
    return _nearest([row for row in controls if _tells_of(row, layer, endpoint)], address)


def _tells_of(row: Observation, layer: str, endpoint: Endpoint) -> bool:
    return tried(row, layer) or (bool(row.address) and not is_partial(row, endpoint))


def is_partial(row: Observation, endpoint: Endpoint) -> bool:
    """Say whether a control's attempt stopped where it had not failed: a helper of OONI's knows no further layer."""
    layers = layers_of(endpoint)
    failed = row.failure is not None or any(failure_of(row, layer) is not None for layer in layers)
    return not failed and not all(tried(row, layer) for layer in layers)


def control_worked(row: Observation, endpoint: Endpoint) -> bool:
    """Say whether a control's attempt came to its own end: to the topmost layer, or as far as that helper ever goes."""
    if is_partial(row, endpoint):
        return all(passes(row, layer, endpoint) for layer in layers_of(endpoint) if tried(row, layer))
    return succeeded(row, endpoint, frozenset({row.http_redirect_host}))


def count_kind(rows: tuple[Observation, ...] | list[Observation], layer: str, *kinds: str) -> int:
    """How many rows failed at a layer in one of these ways."""
    return sum(kind_of(failure_of(row, layer)) in kinds for row in rows)


def led_to(done: Attempts) -> frozenset[str]:
    """The hosts that the control was sent to: who is sent there here too is led nowhere else."""
    return frozenset(control.http_redirect_host for control in done.control) - {""}


def is_own_fault(attempt: Observation) -> bool:
    """Say whether a fault of this machine, or of ours, is in it at any layer."""
    return is_local(attempt.failure) or any(is_local(failure_of(attempt, layer)) for layer in LAYERS)


def of_the_network(rows: tuple[Observation, ...], layer: str) -> list[Observation]:
    """The rows that tried a layer without a fault of ours in it."""
    return [
        row
        for row in rows
        if getattr(row, f"{layer}_attempts") > 0 and not is_local(failure_of(row, layer)) and not is_local(row.failure)
    ]
