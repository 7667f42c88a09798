"""Compute the columns about differentials: other names, neutral hosts, certificates, pages and raw resets."""

from probe.analysis.features.allowlists import answered, failed_before
from probe.analysis.features.allowlists import silent as random_silent
from probe.analysis.features.attempts import (
    Attempts,
    answered_http,
    control_redirects,
    count_kind,
    failure_of,
    is_local_fault,
    is_target_attempt,
    network_results,
    succeeded,
)
from probe.analysis.features.network.checks import NeutralHosts
from probe.analysis.features.rows import AddressRow
from probe.analysis.features.verified_addresses import Verified, quic_valid, tls_valid
from probe.analysis.observations.failure_kinds import (
    CERTIFICATE,
    CLOSED,
    OTHER,
    REFUSED,
    RESET,
    TIMEOUT,
    UNREACHABLE,
    kind_of,
)
from probe.analysis.observations.rows import Observation
from probe.formats import failures as f
from probe.targets.target import Endpoint

CLOSED_KINDS = (CLOSED, OTHER)
CLOSES = {"quic": (*CLOSED_KINDS, REFUSED, UNREACHABLE, RESET)}
"""Kinds of failure that count as closed, per layer. QUIC has no lower connection that could be refused before."""


def count_certificates(
    row: AddressRow, endpoint: Endpoint, done: Attempts, proofs: Verified, neutral: NeutralHosts
) -> None:
    """Compare a certificate that was refused with those that the control and neutral hosts showed."""
    refused = [
        attempt
        for layer in ("tls", "quic")
        for attempt in network_results(done.target, layer)
        if kind_of(failure_of(attempt, layer)) == CERTIFICATE
    ]
    if refused:
        _describe_certificate(row, endpoint, refused[-1], done)
        row.tls_name_proven_elsewhere = len(proofs.certified_here(endpoint.host) - {refused[-1].address})
        row.neutral_same_issuer = sum(
            neutral.worked(other) and _same_issuer(other, refused[-1]) for other in done.neutral
        )


def _same_issuer(neutral: Observation, refused: Observation) -> bool:
    """Return whether a neutral host shows a certificate for the name from the same issuer."""
    return neutral.tls_bears_name and bool(refused.tls_issuer) and neutral.tls_issuer == refused.tls_issuer


def _describe_certificate(row: AddressRow, endpoint: Endpoint, refused: Observation, done: Attempts) -> None:
    row.tls_trusted_by_machine = refused.tls_trusted_by_machine
    row.tls_self_signed = refused.tls_self_signed
    row.tls_issued_by_other = bool(refused.tls_issuer) and not refused.tls_self_signed
    valid = [control for control in _proven(done.control, endpoint) if control.tls_leaf]
    timely = _proven(done.timely, endpoint)
    # An expired certificate of the same issuer is not forged.
    stale = f.SSL_INVALID_CERTIFICATE in {refused.tls_failure, refused.quic_failure}
    row.tls_same_as_control = any(
        refused.tls_leaf == control.tls_leaf or (stale and refused.tls_issuer == control.tls_issuer)
        for control in valid
    )
    # OONI's helper reports no certificate. If it accepts one at this address, another one is refused here.
    unseen = any(not control.tls_leaf and control.address == refused.address for control in timely) and not stale
    other = unseen or any(control.tls_leaf for control in timely)
    row.tls_other_at_control = other and bool(refused.tls_leaf) and not row.tls_same_as_control


def _proven(controls: tuple[Observation, ...], endpoint: Endpoint) -> list[Observation]:
    """Return the control's attempts at which the server proved the endpoint's name."""
    return [row for row in controls if tls_valid(row, endpoint.host) or quic_valid(row, endpoint.host)]


def count_pages(row: AddressRow, done: Attempts, hosts: NeutralHosts) -> None:
    """Count answers that a neutral host gives to the name too. Only a forger can send the same page from there.

    Without an answer to the control a forged page cannot be distinguished from a web server's default page.
    """
    at_control = [control for control in done.control if answered_http(control)]
    there = [other for other in done.neutral if hosts.worked(other) and answered_http(other)]
    here = [attempt for attempt in done.target if answered_http(attempt)]
    pages = {other.http_page for other in there} - {control.http_page for control in at_control} - {""}
    elsewhere = {other.http_redirect_host for other in there} - {""}
    elsewhere -= {control.http_redirect_host for control in at_control}
    if any(map(answered_http, done.timely)):
        row.http_pages_elsewhere = sum(attempt.http_page in pages for attempt in here)
        row.http_redirects_elsewhere = sum(attempt.http_redirect_host in elsewhere for attempt in here)


def count_name(row: AddressRow, endpoint: Endpoint, done: Attempts, proofs: Verified, hosts: NeutralHosts) -> None:
    """Compare the target's name with innocuous ones, at the layer that carries it."""
    layer = endpoint.facts.name_layer
    if not layer:
        return
    neutral = [other for other in network_results(done.neutral, layer) if hosts.worked(other)]
    at_address = {attempt.address for attempt in done.target}
    verified = at_address if endpoint.is_literal else proofs.verified(endpoint.host)
    tried = proofs.probe.of_endpoint(endpoint.url)
    named = [attempt for attempt in tried if is_target_attempt(attempt, endpoint) and attempt.address in verified]
    sent = [*network_results(tuple(named), layer), *neutral]
    row.name_attempts = len(named)
    row.name_failures = sum(
        not succeeded(attempt, endpoint, control_redirects(done)) and not is_local_fault(attempt) for attempt in named
    )
    row.name_resets = count_kind(sent, layer, RESET)
    row.name_timeouts = count_kind(sent, layer, TIMEOUT)
    row.name_closes = count_kind(sent, layer, *CLOSES.get(layer, CLOSED_KINDS)) - _alerts(neutral, layer)
    row.neutral_proven = bool(neutral)
    row.neutral_passed = sum(_answered(other, layer) for other in neutral)
    row.neutral_unreachable = sum(other.tcp_failure is not None for other in network_results(done.neutral, "tcp"))
    row.neutral_resets = count_kind(neutral, layer, RESET)
    row.neutral_timeouts = count_kind(neutral, layer, TIMEOUT)
    row.neutral_closes = count_kind(neutral, layer, *CLOSES.get(layer, CLOSED_KINDS)) - _alerts(neutral, layer)
    row.innocuous_passed = sum(_answered(other, layer) for other in done.innocuous)
    row.innocuous_failed = sum(
        not _answered(other, layer) and not other.in_residual and not is_local_fault(other) for other in done.innocuous
    )


def count_resets(row: AddressRow, done: Attempts) -> None:
    """Count resets whose raw packets show another sender than the server."""
    with_foreign_reset = [attempt for attempt in done.target if attempt.resets_unlike > 0]
    row.resets_unlike = sum(kind_of(attempt.failure) == RESET for attempt in with_foreign_reset)
    row.resets_outlived = sum(attempt.failure is None for attempt in with_foreign_reset)
    row.harmless_resets = sum(other.resets_unlike > 0 for other in done.innocuous)


def count_unlisted(row: AddressRow, endpoint: Endpoint, done: Attempts, hosts: NeutralHosts) -> None:
    """Count the flows with unlisted traffic that failed before listed traffic passed, at working neutral hosts only."""
    random = tuple(other for other in done.unlisted.random if hosts.worked(other))
    row.random_silent, row.random_answered = random_silent(random), answered(random)
    if layer := endpoint.facts.name_layer:
        here, there = _unanswered(done.unlisted.here, layer), _unanswered(done.unlisted.at_neutral, layer)
        own = [other for other in done.unlisted.own_at_neutral if _answered(other, layer) and hosts.worked(other)]
        row.nonexistent_failed = failed_before(here, layer, [i for i in done.innocuous if _answered(i, layer)])
        row.nonexistent_neutral_failed = failed_before(there, layer, own)


def _unanswered(rows: tuple[Observation, ...], layer: str) -> tuple[Observation, ...]:
    return tuple(row for row in rows if not _answered(row, layer))


def _answered(row: Observation, layer: str) -> bool:
    """Return whether the server answered: any TLS record, alerts included, or a status line without a block page.

    One QUIC packet is no answer, because some networks let the first one pass. Only a completed step counts.
    """
    if layer == "quic":
        return row.quic_attempts > 0 and row.quic_failure is None
    if layer == "tls":
        return row.tls_attempts > 0 and (row.tls_answered or row.tls_failure is None)
    return answered_http(row) and not row.http_fingerprints


def _alerts(rows: list[Observation], layer: str) -> int:
    """Count the neutral hosts that answered with an alert, because they do not know the name."""
    return sum(row.tls_answered and kind_of(failure_of(row, layer)) in {CLOSED, OTHER} for row in rows)
