"""What else was tried at an address, and the same elsewhere: what comparing gives, as columns of an AddressRow."""

from probe.analysis.features.allowlists import answered, failed_before
from probe.analysis.features.allowlists import silent as random_silent
from probe.analysis.features.attempts import (
    Attempts,
    answered_http,
    count_kind,
    failure_of,
    is_own_fault,
    is_target_attempt,
    led_to,
    of_the_network,
    succeeded,
)
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
"""What counts as an end in words; QUIC has no connection below it that could have been refused before."""


def count_certificates(
    row: AddressRow, endpoint: Endpoint, done: Attempts, proofs: Verified, neutral: frozenset[str]
) -> None:
    """Compare a certificate that was refused with those that the control and neutral hosts showed."""
    refused = [
        attempt
        for layer in ("tls", "quic")
        for attempt in of_the_network(done.target, layer)
        if kind_of(failure_of(attempt, layer)) == CERTIFICATE
    ]
    if refused:
        _describe_certificate(row, endpoint, refused[-1], done)
        row.tls_name_proven_elsewhere = len(proofs.certified_here(endpoint.host) - {refused[-1].address})
        row.neutral_same_issuer = sum(
            other.address in neutral and _same_forger(other, refused[-1]) for other in done.neutral
        )


def _same_forger(neutral: Observation, refused: Observation) -> bool:
    """Whether a neutral host, asked for the name, shows a certificate in that name, of the same issuer."""
    return neutral.tls_bears_name and bool(refused.tls_issuer) and neutral.tls_issuer == refused.tls_issuer


def _describe_certificate(row: AddressRow, endpoint: Endpoint, refused: Observation, done: Attempts) -> None:
    row.tls_trusted_by_machine = refused.tls_trusted_by_machine
    row.tls_self_signed = refused.tls_self_signed
    row.tls_issued_by_other = bool(refused.tls_issuer) and not refused.tls_self_signed
    proven = [
        control for control in done.control if tls_valid(control, endpoint.host) or quic_valid(control, endpoint.host)
    ]
    valid = [control for control in proven if control.tls_leaf]
    # An old one of the same issuer is no forger's.
    stale = f.SSL_INVALID_CERTIFICATE in {refused.tls_failure, refused.quic_failure}
    row.tls_same_as_control = any(
        refused.tls_leaf == control.tls_leaf or (stale and refused.tls_issuer == control.tls_issuer)
        for control in valid
    )
    # A helper of OONI's shows no certificate; one that convinces it at this very address is not what is refused here.
    unseen = any(not control.tls_leaf and control.address == refused.address for control in proven) and not stale
    row.tls_other_at_control = bool((valid or unseen) and refused.tls_leaf) and not row.tls_same_as_control


def count_pages(row: AddressRow, done: Attempts, proven: frozenset[str]) -> None:
    """Count answers that a neutral host gives to the name too: a page of the service's is nowhere but at the service.

    Without one that the control got there is nothing to tell a forged page from a web server's usual one.
    """
    honest = [control for control in done.control if answered_http(control)]
    there = [other for other in done.neutral if other.address in proven and answered_http(other)]
    here = [attempt for attempt in done.target if answered_http(attempt)]
    pages = {other.http_page for other in there} - {control.http_page for control in honest} - {""}
    hosts = {other.http_redirect_host for other in there} - {control.http_redirect_host for control in honest} - {""}
    if honest:
        row.http_pages_elsewhere = sum(attempt.http_page in pages for attempt in here)
        row.http_redirects_elsewhere = sum(attempt.http_redirect_host in hosts for attempt in here)


def count_name(row: AddressRow, endpoint: Endpoint, done: Attempts, proofs: Verified, proven: frozenset[str]) -> None:
    """Compare what happens to the name with what happens to harmless ones, at the layer that carries it."""
    layer = endpoint.facts.name_layer
    if not layer:
        return
    neutral = [other for other in of_the_network(done.neutral, layer) if other.address in proven]
    genuine = proofs.genuine(endpoint.host) if not endpoint.is_literal else {attempt.address for attempt in done.target}
    tried = proofs.probe.of_endpoint(endpoint.url)
    named = [attempt for attempt in tried if is_target_attempt(attempt, endpoint) and attempt.address in genuine]
    sent = [*of_the_network(tuple(named), layer), *neutral]
    row.name_attempts = len(named)
    row.name_failures = sum(
        not succeeded(attempt, endpoint, led_to(done)) and not is_own_fault(attempt) for attempt in named
    )
    row.name_resets = count_kind(sent, layer, RESET)
    row.name_timeouts = count_kind(sent, layer, TIMEOUT)
    row.name_closes = count_kind(sent, layer, *CLOSES.get(layer, CLOSED_KINDS)) - _alerts(neutral, layer)
    row.neutral_proven = bool(neutral)
    row.neutral_passed = sum(_answered(other, layer) for other in neutral)
    row.neutral_unreachable = sum(other.tcp_failure is not None for other in of_the_network(done.neutral, "tcp"))
    row.neutral_resets = count_kind(neutral, layer, RESET)
    row.neutral_timeouts = count_kind(neutral, layer, TIMEOUT)
    row.neutral_closes = count_kind(neutral, layer, *CLOSES.get(layer, CLOSED_KINDS)) - _alerts(neutral, layer)
    row.innocuous_passed = sum(_answered(other, layer) for other in done.innocuous)
    row.innocuous_failed = sum(
        not _answered(other, layer) and not other.in_residual and not is_own_fault(other) for other in done.innocuous
    )


def count_resets(row: AddressRow, done: Attempts) -> None:
    """Count resets by what the packets themselves show of their sender."""
    drew = [attempt for attempt in done.target if attempt.resets_unlike > 0]
    row.resets_unlike = sum(kind_of(attempt.failure) == RESET for attempt in drew)
    row.resets_outlived = sum(attempt.failure is None for attempt in drew)
    row.harmless_resets = sum(other.resets_unlike > 0 for other in done.innocuous)


def count_hellos(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    """Count what became of the name in other hellos than ours."""
    row.browser_passed = done.hellos.browser_passed(endpoint.host)
    row.browser_resets, row.browser_timeouts = done.hellos.browser_died(RESET), done.hellos.browser_died(TIMEOUT)
    row.other_size_passed = done.hellos.other_size_passed()


def count_unlisted(row: AddressRow, endpoint: Endpoint, done: Attempts, proven: frozenset[str]) -> None:
    """Count what is on no list, at proven neutral hosts only; a name counts where a listed one passes afterwards."""
    random = tuple(other for other in done.unlisted.random if other.address in proven)
    row.random_silent, row.random_answered = random_silent(random), answered(random)
    if layer := endpoint.facts.name_layer:
        here, there = _dead(done.unlisted.here, layer), _dead(done.unlisted.at_neutral, layer)
        own = [other for other in done.unlisted.own_at_neutral if _answered(other, layer) and other.address in proven]
        row.nonexistent_failed = failed_before(here, layer, [i for i in done.innocuous if _answered(i, layer)])
        row.nonexistent_neutral_failed = failed_before(there, layer, own)


def _dead(rows: tuple[Observation, ...], layer: str) -> tuple[Observation, ...]:
    return tuple(row for row in rows if not _answered(row, layer))


def _answered(row: Observation, layer: str) -> bool:
    """Whether the other side answered: any TLS record, an alert included; any status line, block pages aside.

    Over QUIC one packet is no answer yet: some networks let the first one pass. The step says whether the server did.
    """
    if layer == "quic":
        return row.quic_attempts > 0 and row.quic_failure is None
    if layer == "tls":
        return row.tls_attempts > 0 and (row.tls_answered or row.tls_failure is None)
    return answered_http(row) and not row.http_fingerprints


def _alerts(rows: list[Observation], layer: str) -> int:
    """Neutral hosts that answered with an alert: they merely do not know the name."""
    return sum(row.tls_answered and kind_of(failure_of(row, layer)) in {CLOSED, OTHER} for row in rows)
