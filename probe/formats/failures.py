"""List all failure strings (OONI df-007, and the errno names that OONI's code writes)."""

from typing import Final

UNKNOWN: Final = "unknown_failure"
STUN_ERROR: Final = f"{UNKNOWN}: stun: error"  # and the number of the error

TIMEOUT: Final = "generic_timeout_error"  # our own time limit
TIMED_OUT: Final = "timed_out"  # the kernel's ETIMEDOUT
RESET: Final = "connection_reset"
REFUSED: Final = "connection_refused"
ABORTED: Final = "connection_aborted"
EOF: Final = "eof_error"
INTERRUPTED: Final = "interrupted"
HOST_UNREACHABLE: Final = "host_unreachable"
NETWORK_UNREACHABLE: Final = "network_unreachable"

DNS_NXDOMAIN: Final = "dns_nxdomain_error"
DNS_NO_ANSWER: Final = "dns_no_answer"
DNS_REFUSED: Final = "dns_refused_error"
DNS_SERVFAIL: Final = "dns_servfail_error"
DNS_MISBEHAVING: Final = "dns_server_misbehaving"
DNS_WRONG_ID: Final = "dns_reply_with_wrong_query_id"

SSL_INVALID_CERTIFICATE: Final = "ssl_invalid_certificate"
SSL_INVALID_HOSTNAME: Final = "ssl_invalid_hostname"
SSL_UNKNOWN_AUTHORITY: Final = "ssl_unknown_authority"
SSL_FAILED_HANDSHAKE: Final = "ssl_failed_handshake"

QUIC_VERSION: Final = "quic_incompatible_version"

# OONI's pipeline recognises these texts (normalize_failure in https://github.com/ooni/data, read 2026-11-24).
NOT_TLS: Final = "unknown_failure: tls: first record does not look like a TLS handshake"
MTPROTO_WEB_SERVER: Final = "unknown_failure: mtproto: answer of a web server"  # or of a proxy in its place
_ALERTS: Final[dict[int, str]] = {  # texts of Go's crypto/tls/alert.go, which OONI's probe records
    10: "unexpected message",
    20: "bad record MAC",
    21: "decryption failed",
    22: "record overflow",
    30: "decompression failure",
    40: "handshake failure",
    42: "bad certificate",
    43: "unsupported certificate",
    44: "revoked certificate",
    45: "expired certificate",
    46: "unknown certificate",
    47: "illegal parameter",
    48: "unknown certificate authority",
    49: "access denied",
    50: "error decoding message",
    51: "error decrypting message",
    60: "export restriction",
    70: "protocol version not supported",
    71: "insufficient security level",
    80: "internal error",
    86: "inappropriate fallback",
    90: "user canceled",
    100: "no renegotiation",
    109: "missing extension",
    110: "unsupported extension",
    111: "certificate unobtainable",
    113: "bad certificate status response",
    114: "bad certificate hash value",
    115: "unknown PSK identity",
    116: "certificate required",
    120: "no application protocol",
    121: "encrypted client hello required",
}
ALERT_TEXTS: Final[dict[int, str]] = {
    **{number: f"unknown_failure: remote error: tls: {words}" for number, words in _ALERTS.items()},
    112: SSL_INVALID_HOSTNAME,
}

# Local failures, to which no received packet contributed. They support neither `ok` nor an accusing state.
FILES_EXHAUSTED: Final = "unknown_failure: too many open files"
BUG: Final = "unknown_failure: probe bug"
BUDGET: Final = "unknown_failure: trigger budget spent"
NO_QUIC: Final = "unknown_failure: quic is not installed"  # the extra [quic]: aioquic
NO_CALLS: Final = "unknown_failure: aiortc is not installed"  # the extra [calls]
NO_FINGERPRINT: Final = "unknown_failure: utls is not installed"  # the extra [fingerprint]
ECH_UNUSABLE: Final = "unknown_failure: key for ECH not usable"  # utls cannot read what DNS publishes
NOT_CONTACTED: Final = "unknown_failure: address not contacted"  # a test helper's guard refused it (P7)
HELPER_BUSY: Final = "unknown_failure: test helper has no place for a media flow"
SEGMENT_SIZE: Final = "unknown_failure: segment size not lowered"  # this system refuses the size that the path needs

LOCAL: Final = (
    FILES_EXHAUSTED,
    BUG,
    BUDGET,
    NO_QUIC,
    NO_FINGERPRINT,
    NO_CALLS,
    ECH_UNUSABLE,
    NOT_CONTACTED,
    HELPER_BUSY,
    SEGMENT_SIZE,
)

CUT_OFF: Final = frozenset({RESET, ABORTED, EOF, "network_reset", "unknown_failure: broken pipe"})
SILENT: Final = frozenset({TIMEOUT, TIMED_OUT})
CERTIFICATE_FAILURES: Final = frozenset({SSL_INVALID_CERTIFICATE, SSL_INVALID_HOSTNAME, SSL_UNKNOWN_AUTHORITY})


def is_local(failure: str | None) -> bool:
    """Return whether a failure is a local fault or an interruption, which is no evidence about the network."""
    if failure is None:
        return False
    return failure == INTERRUPTED or failure.startswith(LOCAL)
