"""The rules about one address: can it be judged, then TCP, then TLS; each layer only where the one below is fine."""

from probe.analysis.rules.certificates import CERTIFICATE_REFUSED, foreign_certificates
from probe.analysis.rules.client_hellos import browsers_only, depends_on_hello, turned_away
from probe.analysis.rules.forged_resets import BY_ANOTHER, OUTLIVED
from probe.analysis.rules.name_differential import Way, closing, down, fails_here, follows_name, opening
from probe.analysis.rules.rule import Rule, State

_TWICE = "tcp_successes = 0 AND tcp_attempts >= 2 AND control_tcp_successes > 0"


def _tcp_here(rule_id: str, columns: str, words: str, mechanism: str) -> Rule:
    return Rule(
        rule_id,
        f"{_TWICE} AND {columns} >= 2 AND neutral_unreachable = 0",
        State.LIKELY_BLOCKED,
        f"The address {words} here, twice; the test helper connects to the endpoint.",
        mechanism,
    )


ADDRESS_RULES = (
    Rule(
        "address_family_absent",
        "NOT family_works",
        State.INSUFFICIENT,
        "This network has no working connection of the address's family.",
    ),
    Rule(
        "address_datagrams_absent",
        "by_datagram AND NOT datagrams_work",
        State.INSUFFICIENT,
        "This network lets no datagram pass, so nothing can be said about what is reached over UDP.",
    ),
    Rule("address_not_tried", "attempts = 0", State.INSUFFICIENT, "The address was never tried."),
    Rule(
        "address_local_fault",
        "local_faults >= attempts",
        State.INSUFFICIENT,
        "Interrupted, or a fault of our own, before anything was learned.",
    ),
    Rule(
        "address_interrupted",
        "NOT address_proven AND successes = 0 AND unfinished < attempts AND interrupted",
        State.INSUFFICIENT,
        "It does not work, and the run was interrupted before anything proved the address to be the service's own.",
    ),
    Rule(
        "address_unproven_fails",
        "NOT address_proven AND successes = 0 AND unfinished < attempts",
        State.IMPAIRED,
        "It does not work, and nothing proves that the address is the service's own.",
    ),
    Rule("address_proven", "address_proven", State.OK, "The address is proven to be the service's own."),
    Rule(
        "address_unproven",
        "TRUE",
        State.INSUFFICIENT,
        "Something answers, and nothing proves that the address is the service's own.",
    ),
)

TCP_RULES = (
    Rule("tcp_connects", "tcp_successes > 0", State.OK, "The connection is made."),
    *opening("tcp", "the connection"),
    down("tcp", "Connecting"),
    _tcp_here("tcp_timeout_here", "tcp_timeouts", "is silent", "tcp.timeout"),
    _tcp_here("tcp_refused_here", "tcp_refusals", "refuses", "tcp.refused"),
    _tcp_here("tcp_reset_here", "tcp_resets", "resets", "tcp.reset"),
    _tcp_here("tcp_unreachable_here", "tcp_unreachables", "is reported unreachable", "ip.unreachable"),
    Rule(
        "tcp_fails_here",
        f"{_TWICE} AND neutral_unreachable = 0 AND tcp_timeouts + tcp_refusals + tcp_resets + tcp_unreachables > 0",
        State.LIKELY_BLOCKED,
        "Connecting fails here, in different ways; the test helper connects to the endpoint.",
        "tcp",
    ),
    *closing("tcp", "Connecting"),
)

_RESET = Way("resets", "reset", "is reset", "tls.reset.sni", "tls.reset.other", "tls.reset")
_TIMEOUT = Way("timeouts", "timeout", "falls silent", "tls.timeout.sni", "tls.timeout.other", "tls.timeout")
_CLOSE = Way("closes", "close", "is closed", "tls", "tls", "tls")

TLS_RULES = (
    browsers_only(_RESET),
    browsers_only(_TIMEOUT),
    OUTLIVED,
    Rule(
        "tls_completes",
        "tls_successes > 0",
        State.OK,
        "The handshake completes and the certificate belongs to the name.",
    ),
    *foreign_certificates("tls", supersedes=("tls_mitm",)),
    *opening("tls", "TLS"),
    *depends_on_hello(_RESET),
    *depends_on_hello(_TIMEOUT),
    turned_away(),
    *follows_name("tls", _RESET),
    *follows_name("tls", _TIMEOUT),
    *follows_name("tls", _CLOSE),
    down("tls", "TLS"),
    CERTIFICATE_REFUSED,
    *fails_here("tls", _RESET),
    *fails_here("tls", _TIMEOUT),
    *fails_here("tls", _CLOSE),
    BY_ANOTHER,
    *closing("tls", "TLS"),
)
