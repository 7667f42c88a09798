"""Compute the feature row of one endpoint at one address."""

from dataclasses import fields

from probe.analysis.features.access_network import AccessNetwork
from probe.analysis.features.attempts import (
    Attempts,
    answered_http,
    attempts_at,
    control_attempts,
    control_redirects,
    control_worked,
    controls_of,
    count_kind,
    failure_of,
    is_local_fault,
    layers_of,
    network_results,
    passes,
    redirects_away,
    succeeded,
    timely_controls,
    unfinished,
)
from probe.analysis.features.differentials import (
    CLOSED_KINDS,
    CLOSES,
    count_certificates,
    count_name,
    count_pages,
    count_resets,
    count_unlisted,
)
from probe.analysis.features.dns.resolver_answers import Answers, answers_in
from probe.analysis.features.mail import count_mail
from probe.analysis.features.network.slow_line import all_silent
from probe.analysis.features.network_then import NetworkThen, network_then
from probe.analysis.features.other_hellos import count_hellos
from probe.analysis.features.rows import AddressRow
from probe.analysis.features.udp_echo import echoed, silent
from probe.analysis.features.verified_addresses import Verified, quic_valid, tls_valid
from probe.analysis.observations.failure_kinds import CERTIFICATE, REFUSED, RESET, TIMEOUT, UNREACHABLE
from probe.analysis.observations.rows import FlatMeasurement, Observation
from probe.formats import failures as f
from probe.targets.target import Endpoint, family_of

_SILENCE = tuple(column.name for column in fields(AddressRow) if column.name.endswith(("_timeouts", "_silent")))


def address_row(
    endpoint: Endpoint, address: str, measurement: FlatMeasurement, proofs: Verified, network: AccessNetwork
) -> tuple[AddressRow, Attempts]:
    """Compute the row that the rules about an address read, and return it with the rows that it rests on."""
    done = attempts_at(endpoint, address, proofs)
    then = network_then(network, endpoint, address, done, proofs)
    row = _known_row(endpoint, address, done, proofs, network, then)
    _count_attempts(row, endpoint, done)
    _count_control(row, endpoint, address, done.target, proofs)
    _count_tcp(row, done.target)
    _count_tls(row, endpoint, done)
    _count_quic(row, endpoint, done)
    count_certificates(row, endpoint, done, proofs, network.neutral)
    _count_http(row, endpoint, done)
    if row.clear_text and row.by_name:
        count_pages(row, done, network.neutral)
    _count_payload(row, endpoint, done)
    if endpoint.facts.is_resolver:
        _count_answers(row, answers_in(network_results(done.target, "payload"), measurement, proofs))
    count_mail(row, endpoint, network_results(done.target, "mail"), done.control)
    _count_echoes(row, done)
    if row.successes and endpoint.facts.payload_names_no_server:
        row.address_proven |= proofs.in_verified_network(endpoint.host, address)
    count_name(row, endpoint, done, proofs, network.neutral)
    if not endpoint.is_literal and address in proofs.from_control_alone(endpoint.host):
        row.address_proven &= row.neutral_resets + row.neutral_timeouts + row.neutral_closes > 0
    count_unlisted(row, endpoint, done, network.neutral)
    count_resets(row, done)
    count_hellos(row, endpoint, done.hellos, network.neutral)
    silence_proves = not (network.drops or network.slow or row.in_outage or then.unproven)
    if not silence_proves or family_of(address) not in network.proven:
        _ignore_silence(row)
    return row, done


def _known_row(
    endpoint: Endpoint, address: str, done: Attempts, proofs: Verified, network: AccessNetwork, then: NetworkThen
) -> AddressRow:
    """Return the row with the columns that are no counts."""
    return AddressRow(
        family_works=_family_works(done, endpoint, address, network.families),
        interrupted=network.interrupted,
        address_proven=endpoint.is_literal or address in proofs.verified(endpoint.host),
        by_datagram=endpoint.carrier == "udp",
        datagrams_work=network.udp.works and not then.datagrams_lost,
        dns_by_datagram=network.udp.dns,
        udp_passed=network.udp.passed,
        dns_intercepted=network.dns_intercepted,
        payload_sealed="tls" in layers_of(endpoint),
        clear_text=endpoint.dialect == "http",
        by_name=not endpoint.is_literal,
        line_lossy=network.lossy or then.lossy,
        slow_silence=network.slow and all_silent(done.target),
        in_outage=then.in_outage,
        network_unchecked=then.unchecked,
        network_lost=then.lost,
        answer_unchecked=then.answer_unchecked,
    )


def _ignore_silence(row: AddressRow) -> None:
    """Set the counts of silence to 0, because packets are lost without interference. Other results stay.

    The access line loses them or is slow, or a part of the Internet is not reachable. In a family without a proven host
    all large packets may be lost, since answers to a connect are small.
    """
    for column in _SILENCE:
        setattr(row, column, 0)


def _family_works(done: Attempts, endpoint: Endpoint, address: str, families: frozenset[int]) -> bool:
    family = family_of(address)
    no_route = family == 6 and any(
        failure_of(row, layers_of(endpoint)[0]) == f.NETWORK_UNREACHABLE for row in done.target
    )
    return family in families and not no_route


def _count_attempts(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    redirects = control_redirects(done)
    row.attempts = len(done.target)
    row.successes = sum(succeeded(attempt, endpoint, redirects) for attempt in done.target)
    row.unfinished = sum(unfinished(attempt, endpoint) for attempt in done.target)
    row.local_faults = sum(is_local_fault(attempt) for attempt in done.target)


def _count_control(
    row: AddressRow, endpoint: Endpoint, address: str, target: tuple[Observation, ...], proofs: Verified
) -> None:
    """Count the control's attempts by layer. An attempt that ends below a layer without failure is left out.

    A success that is too old to accuse is left out too.
    """
    controls, layers = control_attempts(endpoint, proofs), layers_of(endpoint)
    worked = {control.transaction_id for control in controls if control_worked(control, endpoint)}
    for layer, column in (("tcp", "control_tcp"), ("tls", "control_tls"), (layers[-1], "control")):
        near = controls_of(layer, endpoint, address, controls) if layer in layers else []
        rows = timely_controls(near, target, endpoint)
        setattr(row, f"{column}_attempts", len(rows))
        setattr(row, f"{column}_successes", sum(control.transaction_id in worked for control in rows))


def _last_failure(rows: list[Observation], layer: str) -> str | None:
    failed = [failure_of(row, layer) for row in rows if failure_of(row, layer) is not None]
    return failed[-1] if failed else None


def _count_tcp(row: AddressRow, target: tuple[Observation, ...]) -> None:
    tried = network_results(target, "tcp")
    row.tcp_attempts = len(tried)
    row.tcp_successes = sum(attempt.tcp_failure is None for attempt in tried)
    row.tcp_failure = _last_failure(tried, "tcp")
    row.tcp_timeouts = count_kind(tried, "tcp", TIMEOUT)
    row.tcp_refusals = count_kind(tried, "tcp", REFUSED)
    row.tcp_resets = count_kind(tried, "tcp", RESET)
    row.tcp_unreachables = count_kind(tried, "tcp", UNREACHABLE)


def _count_tls(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = network_results(done.target, "tls")
    if not tried:
        return
    row.tls_attempts = len(tried)
    row.tls_successes = sum(tls_valid(attempt, endpoint.host) for attempt in tried)
    row.tls_failure = _last_failure(tried, "tls")
    row.tls_resets = count_kind(tried, "tls", RESET)
    row.tls_timeouts = count_kind(tried, "tls", TIMEOUT)
    row.tls_closes = count_kind(tried, "tls", *CLOSED_KINDS)
    row.tls_certificates = count_kind(tried, "tls", CERTIFICATE)


def _count_quic(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = network_results(done.target, "quic")
    if not tried:
        return
    row.quic_attempts = len(tried)
    row.quic_successes = sum(quic_valid(attempt, endpoint.host) for attempt in tried)
    row.quic_failure = _last_failure(tried, "quic")
    row.quic_timeouts = count_kind(tried, "quic", TIMEOUT)
    row.quic_closes = count_kind(tried, "quic", *CLOSES["quic"])
    row.quic_certificates = count_kind(tried, "quic", CERTIFICATE)


def _count_http(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = network_results(done.target, "http")
    redirects = control_redirects(done)
    row.http_attempts = len(tried)
    row.http_successes = sum(answered_http(attempt) for attempt in tried)
    row.http_failure = _last_failure(tried, "http")
    row.http_resets = count_kind(tried, "http", RESET)
    row.http_timeouts = count_kind(tried, "http", TIMEOUT)
    row.http_closes = count_kind(tried, "http", *CLOSED_KINDS)
    row.http_blockpages = sum(bool(attempt.http_fingerprints) for attempt in tried)
    row.http_redirects = sum(redirects_away(attempt, endpoint, redirects) for attempt in tried)
    row.control_http_blockpages = sum(bool(control.http_fingerprints) for control in done.control)


def _count_payload(row: AddressRow, endpoint: Endpoint, done: Attempts) -> None:
    tried = network_results(done.target, "payload")
    row.payload_attempts = len(tried)
    row.payload_successes = sum(passes(attempt, "payload", endpoint) for attempt in tried)
    row.payload_failure = _last_failure(tried, "payload")
    row.payload_resets = count_kind(tried, "payload", RESET)
    row.payload_timeouts = count_kind(tried, "payload", TIMEOUT)
    row.payload_unreachables = count_kind(tried, "payload", REFUSED, UNREACHABLE)
    row.payload_answered = sum(attempt.payload_answered for attempt in tried)
    row.payload_rewritten = sum(attempt.payload_rewritten for attempt in tried)
    row.control_rewritten = sum(control.payload_rewritten for control in done.control)
    row.twin_passed = len(done.other_protocols)


def _count_answers(row: AddressRow, answers: Answers) -> None:
    row.answers_false, row.answers_trusted = answers.false, answers.trusted
    row.answers_bogons, row.answers_elsewhere = answers.bogons, answers.elsewhere
    row.answers_forged_first, row.answers_denied = answers.forged_first, answers.denied
    row.answers_refused, row.answers_broken = answers.refused, answers.broken


def _count_echoes(row: AddressRow, done: Attempts) -> None:
    row.same_echoed, row.same_silent = echoed(done.echo_pair.same), silent(done.echo_pair.same)
    row.other_echoed, row.other_silent = echoed(done.echo_pair.other), silent(done.echo_pair.other)
