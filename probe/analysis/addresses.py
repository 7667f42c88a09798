"""One endpoint at one address: attempts, differentials and control → one AddressRow."""

from probe.analysis.answers import RESOLVING, Answers, answers_in
from probe.analysis.attempts import (
    Attempts,
    answered_http,
    attempts_at,
    control_attempts,
    control_worked,
    controls_of,
    count_kind,
    failure_of,
    is_target_attempt,
    layers_of,
    passes,
    redirects_away,
    succeeded,
    unfinished,
)
from probe.analysis.dialects import LAYERS, name_layer, proves_no_name
from probe.analysis.echoes import echoed, silent
from probe.analysis.kinds import CERTIFICATE, CLOSED, OTHER, REFUSED, RESET, TIMEOUT, UNREACHABLE, is_local, kind_of
from probe.analysis.mail import count_mail
from probe.analysis.observations import Line, Observation
from probe.analysis.proofs import Proofs, quic_valid, tls_valid
from probe.analysis.rows import AddressRow
from probe.analysis.surroundings import Surroundings
from probe.analysis.unlisted import answered, failed_before
from probe.analysis.unlisted import silent as random_silent
from probe.formats import failures as f
from probe.targets import Endpoint

_CLOSED = (CLOSED, OTHER)
_CLOSES = {"quic": (CLOSED, OTHER, REFUSED, UNREACHABLE, RESET)}
"""What counts as an end in words; QUIC has no connection below it that could have been refused before."""


def address_row(
    endpoint: Endpoint, address: str, line: Line, proofs: Proofs, around: Surroundings
) -> tuple[AddressRow, Attempts]:
    """Work out everything that the rules about one address read."""
    done = attempts_at(endpoint, address, proofs)
    row = AddressRow(
        family_works=_family_works(done, endpoint, address, around.families),
        interrupted=around.interrupted,
        address_proven=endpoint.is_literal or address in proofs.genuine(endpoint.host),
        by_datagram=endpoint.carrier == "udp",
        datagrams_work=around.datagrams.works,
        dns_by_datagram=around.datagrams.dns,
        udp_passed=around.datagrams.passed,
        dns_intercepted=around.dns_intercepted,
        payload_sealed="tls" in layers_of(endpoint),
        clear_text=endpoint.dialect == "http",
        by_name=not endpoint.is_literal,
        line_lossy=around.lossy,
    )
    _count_attempts(row, endpoint, done)
    _count_control(row, endpoint, address, proofs)
    _count_tcp(row, done.target)
    _count_tls(row, endpoint, done)
    _count_quic(row, endpoint, done)
    _count_certificates(row, endpoint, done, proofs, around.neutral)
    _count_http(row, endpoint, done)
    if row.clear_text and row.by_name:
        _count_pages(row, done, around.neutral)
    _count_payload(row, endpoint, done)
    if endpoint.dialect in RESOLVING:
        _count_answers(row, answers_in(_of_the_network(done.target, "payload"), line, proofs))
    count_mail(row, endpoint, _of_the_network(done.target, "mail"), done.control)
    _count_echoes(row, done)
    if row.successes and proves_no_name(endpoint):
        row.address_proven |= proofs.vouched_for(endpoint.host, address)
    _count_name(row, endpoint, done, proofs, around.neutral)
    _count_unlisted(row, endpoint, done, around.neutral)
    _count_resets(row, done)
    row.browser_passed = done.hellos.browser_passed(endpoint.host)
    row.browser_resets, row.browser_timeouts = done.hellos.browser_died(RESET), done.hellos.browser_died(TIMEOUT)
    row.other_size_passed = done.hellos.other_size_passed()
    return row, done


def _family_works(done: Attempts, endpoint: Endpoint, address: str, families: frozenset[int]) -> bool:
    family = 6 if ":" in address else 4
    no_route = family == 6 and any(
        failure_of(row, layers_of(endpoint)[0]) == f.NETWORK_UNREACHABLE for row in done.target
    )
    return family in families and not no_route


def _count_attempts(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    redirects = _led_to(done)
    row.attempts = len(done.target)
    row.successes = sum(succeeded(attempt, endpoint, redirects) for attempt in done.target)
    row.unfinished = sum(unfinished(attempt, endpoint) for attempt in done.target)
    row.local_faults = sum(_is_local(attempt) for attempt in done.target)


def _led_to(done: Attempts) -> frozenset[str]:
    """The hosts that the control was sent to: who is sent there here too is led nowhere else."""
    return frozenset(control.http_redirect_host for control in done.control) - {""}


def _count_control(row: AddressRow, endpoint: Endpoint, address: str, proofs: Proofs) -> None:
    """Count the control's attempts by layer: one that ends below a layer, and did not fail, tells nothing of it."""
    controls, layers = control_attempts(endpoint, proofs), layers_of(endpoint)
    worked = {control.transaction_id for control in controls if control_worked(control, endpoint)}
    for layer, column in (("tcp", "control_tcp"), ("tls", "control_tls"), (layers[-1], "control")):
        rows = controls_of(layer, endpoint, address, controls) if layer in layers else []
        setattr(row, f"{column}_attempts", len(rows))
        setattr(row, f"{column}_successes", sum(control.transaction_id in worked for control in rows))


def _is_local(attempt: Observation) -> bool:
    return is_local(attempt.failure) or any(is_local(failure_of(attempt, layer)) for layer in LAYERS)


def _of_the_network(rows: tuple[Observation, ...], layer: str) -> list[Observation]:
    """The rows that tried a layer without a fault of ours in it."""
    return [
        row
        for row in rows
        if getattr(row, f"{layer}_attempts") > 0 and not is_local(failure_of(row, layer)) and not is_local(row.failure)
    ]


def _last_failure(rows: list[Observation], layer: str) -> str | None:
    failed = [failure_of(row, layer) for row in rows if failure_of(row, layer) is not None]
    return failed[-1] if failed else None


def _count_tcp(row: AddressRow, target: tuple[Observation, ...]) -> None:
    tried = _of_the_network(target, "tcp")
    row.tcp_attempts = len(tried)
    row.tcp_successes = sum(attempt.tcp_failure is None for attempt in tried)
    row.tcp_failure = _last_failure(tried, "tcp")
    row.tcp_timeouts = count_kind(tried, "tcp", TIMEOUT)
    row.tcp_refusals = count_kind(tried, "tcp", REFUSED)
    row.tcp_resets = count_kind(tried, "tcp", RESET)
    row.tcp_unreachables = count_kind(tried, "tcp", UNREACHABLE)


def _count_tls(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = _of_the_network(done.target, "tls")
    if not tried:
        return
    row.tls_attempts = len(tried)
    row.tls_successes = sum(tls_valid(attempt, endpoint.host) for attempt in tried)
    row.tls_failure = _last_failure(tried, "tls")
    row.tls_resets = count_kind(tried, "tls", RESET)
    row.tls_timeouts = count_kind(tried, "tls", TIMEOUT)
    row.tls_closes = count_kind(tried, "tls", CLOSED, OTHER)
    row.tls_certificates = count_kind(tried, "tls", CERTIFICATE)


def _count_quic(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = _of_the_network(done.target, "quic")
    if not tried:
        return
    row.quic_attempts = len(tried)
    row.quic_successes = sum(quic_valid(attempt, endpoint.host) for attempt in tried)
    row.quic_failure = _last_failure(tried, "quic")
    row.quic_timeouts = count_kind(tried, "quic", TIMEOUT)
    row.quic_closes = count_kind(tried, "quic", *_CLOSES["quic"])
    row.quic_certificates = count_kind(tried, "quic", CERTIFICATE)


def _count_certificates(
    row: AddressRow, endpoint: Endpoint, done: Attempts, proofs: Proofs, neutral: frozenset[str]
) -> None:
    """Compare a certificate that was refused with those that the control and neutral hosts showed."""
    refused = [
        attempt
        for layer in ("tls", "quic")
        for attempt in _of_the_network(done.target, layer)
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


def _count_http(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = _of_the_network(done.target, "http")
    redirects = _led_to(done)
    row.http_attempts = len(tried)
    row.http_successes = sum(answered_http(attempt) for attempt in tried)
    row.http_failure = _last_failure(tried, "http")
    row.http_resets = count_kind(tried, "http", RESET)
    row.http_timeouts = count_kind(tried, "http", TIMEOUT)
    row.http_closes = count_kind(tried, "http", CLOSED, OTHER)
    row.http_blockpages = sum(bool(attempt.http_fingerprints) for attempt in tried)
    row.http_redirects = sum(redirects_away(attempt, endpoint, redirects) for attempt in tried)
    row.control_http_blockpages = sum(bool(control.http_fingerprints) for control in done.control)


def _count_pages(row: AddressRow, done: Attempts, proven: frozenset[str]) -> None:
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


def _count_payload(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = _of_the_network(done.target, "payload")
    row.payload_attempts = len(tried)
    row.payload_successes = sum(passes(attempt, "payload", endpoint) for attempt in tried)
    row.payload_failure = _last_failure(tried, "payload")
    row.payload_resets = count_kind(tried, "payload", RESET)
    row.payload_timeouts = count_kind(tried, "payload", TIMEOUT)
    row.payload_unreachables = count_kind(tried, "payload", REFUSED, UNREACHABLE)
    row.payload_answered = sum(attempt.payload_answered for attempt in tried)
    row.payload_rewritten = sum(attempt.payload_rewritten for attempt in tried)
    row.control_rewritten = sum(control.payload_rewritten for control in done.control)
    row.twin_passed = len(done.twins)


def _count_answers(row: AddressRow, answers: Answers) -> None:
    row.answers_false, row.answers_trusted = answers.false, answers.trusted
    row.answers_bogons, row.answers_elsewhere = answers.bogons, answers.elsewhere
    row.answers_forged_first, row.answers_denied = answers.forged_first, answers.denied
    row.answers_refused, row.answers_broken = answers.refused, answers.broken


def _count_echoes(row: AddressRow, done: Attempts) -> None:
    row.same_echoed, row.same_silent = echoed(done.echoes.same), silent(done.echoes.same)
    row.other_echoed, row.other_silent = echoed(done.echoes.other), silent(done.echoes.other)


def _count_name(row: AddressRow, endpoint: Endpoint, done: Attempts, proofs: Proofs, proven: frozenset[str]) -> None:
    """Compare what happens to the name with what happens to harmless ones, at the layer that carries it."""
    layer = name_layer(endpoint)
    if not layer:
        return
    neutral = [other for other in _of_the_network(done.neutral, layer) if other.address in proven]
    genuine = proofs.genuine(endpoint.host) if not endpoint.is_literal else {attempt.address for attempt in done.target}
    tried = proofs.probe.of_endpoint(endpoint.url)
    named = [attempt for attempt in tried if is_target_attempt(attempt, endpoint) and attempt.address in genuine]
    sent = [*_of_the_network(tuple(named), layer), *neutral]
    row.name_attempts = len(named)
    row.name_failures = sum(
        not succeeded(attempt, endpoint, _led_to(done)) and not _is_local(attempt) for attempt in named
    )
    row.name_resets = count_kind(sent, layer, RESET)
    row.name_timeouts = count_kind(sent, layer, TIMEOUT)
    row.name_closes = count_kind(sent, layer, *_CLOSES.get(layer, _CLOSED)) - _alerts(neutral, layer)
    row.neutral_proven = bool(neutral)
    row.neutral_passed = sum(_answered(other, layer) for other in neutral)
    row.neutral_unreachable = sum(other.tcp_failure is not None for other in _of_the_network(done.neutral, "tcp"))
    row.neutral_resets = count_kind(neutral, layer, RESET)
    row.neutral_timeouts = count_kind(neutral, layer, TIMEOUT)
    row.neutral_closes = count_kind(neutral, layer, *_CLOSES.get(layer, _CLOSED)) - _alerts(neutral, layer)
    row.innocuous_passed = sum(_answered(other, layer) for other in done.innocuous)
    row.innocuous_failed = sum(
        not _answered(other, layer) and not other.in_residual and not _is_local(other) for other in done.innocuous
    )


def _count_resets(row: AddressRow, done: Attempts) -> None:
    """Count resets by what the packets themselves show of their sender."""
    drew = [attempt for attempt in done.target if attempt.resets_unlike > 0]
    row.resets_unlike = sum(kind_of(attempt.failure) == RESET for attempt in drew)
    row.resets_outlived = sum(attempt.failure is None for attempt in drew)
    row.harmless_resets = sum(other.resets_unlike > 0 for other in done.innocuous)


def _count_unlisted(row: AddressRow, endpoint: Endpoint, done: Attempts, proven: frozenset[str]) -> None:
    """Count what is on no list, at proven neutral hosts only; a name counts where a listed one passes afterwards."""
    random = tuple(other for other in done.unlisted.random if other.address in proven)
    row.random_silent, row.random_answered = random_silent(random), answered(random)
    if layer := name_layer(endpoint):
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
