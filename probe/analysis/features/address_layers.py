"""Declare the columns of an address row about TCP, TLS, QUIC and HTTP."""

from dataclasses import dataclass

from probe.analysis.features.column import column
from probe.analysis.features.link_counts import CONTROL, TARGET, closed, count, last_failure, or_false, or_zero


@dataclass
class LayerColumns:
    """Count the attempts by layer. Those that failed because of this computer are left out."""

    # TCP and TLS
    tcp_attempts: int = column(0, "Attempts that tried a TCP connect.", count(TARGET, "tcp_tested"))
    tcp_successes: int = column(0, "TCP connects that succeeded.", count(TARGET, "tcp_tested", "tcp_failure IS NULL"))
    tcp_failure: str | None = column(None, "Last failure of a TCP connect, NULL if none failed.", last_failure("tcp"))
    tcp_timeouts: int = column(
        0, "TCP connects that timed out.", count(TARGET, "tcp_tested", "tcp_failure_kind = 'timeout'")
    )
    tcp_refusals: int = column(
        0, "TCP connects that were refused.", count(TARGET, "tcp_tested", "tcp_failure_kind = 'refused'")
    )
    tcp_resets: int = column(
        0, "TCP connects that were reset.", count(TARGET, "tcp_tested", "tcp_failure_kind = 'reset'")
    )
    tcp_unreachables: int = column(
        0,
        "TCP connects that ended with an ICMP error.",
        count(TARGET, "tcp_tested", "tcp_failure_kind = 'unreachable'"),
    )
    tls_attempts: int = column(0, "Attempts that tried a TLS handshake.", count(TARGET, "tls_tested"))
    tls_successes: int = column(
        0,
        "TLS handshakes with a certificate that is valid for the name.",
        count(TARGET, "tls_tested", "tls_shown", "tls_verified_name = host"),
    )
    tls_failure: str | None = column(None, "Last failure of a TLS handshake, NULL if none failed.", last_failure("tls"))
    tls_resets: int = column(
        0, "TLS handshakes that were reset.", count(TARGET, "tls_tested", "tls_failure_kind = 'reset'")
    )
    tls_timeouts: int = column(
        0, "TLS handshakes that timed out.", count(TARGET, "tls_tested", "tls_failure_kind = 'timeout'")
    )
    tls_closes: int = column(
        0, "TLS handshakes that were closed or failed in another way.", count(TARGET, "tls_tested", closed("tls"))
    )
    tls_certificates: int = column(
        0,
        "TLS handshakes whose certificate was refused.",
        count(TARGET, "tls_tested", "tls_failure_kind = 'certificate'"),
    )
    # the refused certificate, over TCP or QUIC
    tls_trusted_by_machine: bool = column(
        False, "Only this computer's own roots trust the refused certificate.", or_false("r.tls_trusted_by_machine")
    )
    tls_self_signed: bool = column(False, "The refused certificate is self-signed.", or_false("r.tls_self_signed"))
    tls_issued_by_other: bool = column(
        False, "The refused certificate names an issuer other than itself.", or_false("r.issued_by_other")
    )
    tls_same_as_control: bool = column(
        False, "The control accepts the refused certificate, or one of the same issuer.", or_false("r.same_as_control")
    )
    tls_other_at_control: bool = column(
        False, "The control got another certificate, which is valid.", or_false("r.other_at_control")
    )
    tls_name_proven_elsewhere: int = column(
        0, "Other addresses with a certificate that is valid for the name here.", or_zero("p.addresses")
    )
    neutral_same_issuer: int = column(
        0, "Neutral hosts that show a certificate for the name of the same issuer.", or_zero("r.neutral_same_issuer")
    )
    # QUIC
    quic_attempts: int = column(0, "Attempts that tried a QUIC handshake.", count(TARGET, "quic_tested"))
    quic_successes: int = column(
        0,
        "Confirmed QUIC handshakes with a certificate that is valid for the name.",
        count(TARGET, "quic_tested", "quic_shown", "tls_verified_name = host"),
    )
    quic_failure: str | None = column(
        None, "Last failure of a QUIC handshake, NULL if none failed.", last_failure("quic")
    )
    quic_timeouts: int = column(
        0, "QUIC handshakes that timed out.", count(TARGET, "quic_tested", "quic_failure_kind = 'timeout'")
    )
    quic_closes: int = column(
        0, "QUIC handshakes that were closed or refused, by ICMP too.", count(TARGET, "quic_tested", closed("quic"))
    )
    quic_certificates: int = column(
        0,
        "QUIC handshakes whose certificate was refused.",
        count(TARGET, "quic_tested", "quic_failure_kind = 'certificate'"),
    )
    # HTTP
    http_attempts: int = column(0, "Attempts that sent an HTTP request.", count(TARGET, "http_tested"))
    http_successes: int = column(
        0, "HTTP requests that got a status line.", count(TARGET, "http_tested", "http_answered")
    )
    http_failure: str | None = column(
        None, "Last failure of an HTTP request, NULL if none failed.", last_failure("http")
    )
    http_resets: int = column(
        0, "HTTP requests that were reset.", count(TARGET, "http_tested", "http_failure_kind = 'reset'")
    )
    http_timeouts: int = column(
        0, "HTTP requests that timed out.", count(TARGET, "http_tested", "http_failure_kind = 'timeout'")
    )
    http_closes: int = column(
        0, "HTTP requests that were closed or failed in another way.", count(TARGET, "http_tested", closed("http"))
    )
    http_blockpages: int = column(
        0, "HTTP answers that are a known block page.", count(TARGET, "http_tested", "fingerprints > 0")
    )
    http_redirects: int = column(
        0,
        "HTTP answers that redirect to a domain that the control does not redirect to.",
        count(TARGET, "http_tested", "away"),
    )
    control_http_blockpages: int = column(
        0, "HTTP answers to the control that are a known block page.", count(CONTROL, "fingerprints > 0")
    )
    http_pages_elsewhere: int = column(
        0,
        "HTTP answers to all attempts that a neutral host sends too. The control and innocuous names get others.",
        or_zero("a.pages"),
    )
    http_redirects_elsewhere: int = column(
        0,
        "HTTP redirects of all attempts that a neutral host sends too. The control and innocuous names get others.",
        or_zero("a.redirects"),
    )
