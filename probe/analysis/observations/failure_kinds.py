"""Sort failure strings into the few kinds that rules compare."""

from probe.formats import failures as f

RESET, TIMEOUT, CLOSED, REFUSED = "reset", "timeout", "closed", "refused"
CERTIFICATE, UNREACHABLE, OTHER, LOCAL = "certificate", "unreachable", "other", "local"

# Caused by this computer. No packet from the network is needed for any of them.
THIS_MACHINE = frozenset(
    {
        "network_down",
        "address_family_not_supported",
        "address_in_use",
        "address_not_available",
        "permission_denied",
        "invalid_argument",
        "no_buffer_space",
        "message_size",
        "not_connected",
        "protocol_not_supported",
        "unknown_failure: tcp_fast_open",
    }
)
CLOSING = (
    "unknown_failure: remote error: tls",
    f.NOT_TLS,
    "unknown_failure: tls",
    "unknown_failure: quic",
    f.QUIC_VERSION,
    "ssl_failed",
)
KINDS = {
    f.RESET: RESET,
    f.ABORTED: RESET,
    "network_reset": RESET,
    "unknown_failure: broken pipe": RESET,
    f.TIMEOUT: TIMEOUT,
    f.TIMED_OUT: TIMEOUT,
    f.EOF: CLOSED,
    f.REFUSED: REFUSED,
    f.HOST_UNREACHABLE: UNREACHABLE,
    f.NETWORK_UNREACHABLE: UNREACHABLE,
    f.SSL_INVALID_CERTIFICATE: CERTIFICATE,
    f.SSL_INVALID_HOSTNAME: CERTIFICATE,
    f.SSL_UNKNOWN_AUTHORITY: CERTIFICATE,
}
DNS_KINDS = {
    f.DNS_NXDOMAIN: "nxdomain",
    f.DNS_NO_ANSWER: "no_answer",
    f.DNS_REFUSED: "refused",
    f.DNS_SERVFAIL: "servfail",
    f.TIMEOUT: "timeout",
    f.TIMED_OUT: "timeout",
}


def kind_of(failure: str | None) -> str:
    """Return the kind of a failure, "" for success. TLS alerts and answers that are not TLS are `closed`."""
    if failure is None:
        return ""
    if is_local(failure):
        return LOCAL
    if failure.startswith(CLOSING):
        return CLOSED
    return KINDS.get(failure, OTHER)


def is_local(failure: str | None) -> bool:
    """Return True if the probe, an interruption or this computer caused the failure."""
    return failure is not None and (f.is_local(failure) or failure in THIS_MACHINE)


def dns_kind_of(failure: str | None) -> str:
    """Return how a lookup failed: nxdomain, no_answer, refused, servfail, timeout or other. "" is success."""
    return "" if failure is None else DNS_KINDS.get(failure, "other")
