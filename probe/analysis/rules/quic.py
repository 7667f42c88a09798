"""The rules about QUIC: a handshake that the server confirms, under a certificate valid for the name."""

from probe.analysis.rules.certificates import foreign_certificates
from probe.analysis.rules.name_differential import Way, closing, down, fails_here, follows_name, opening
from probe.analysis.rules.rule import Rule, State

_TIMEOUT = Way("timeouts", "timeout", "falls silent", "quic.timeout.sni", "quic.timeout.other", "quic.timeout")
_CLOSE = Way("closes", "close", "is refused or closed", "quic", "quic", "quic")

QUIC_RULES = (
    Rule(
        "quic_completes",
        "quic_successes > 0",
        State.OK,
        "The server confirms the handshake and its certificate belongs to the name.",
    ),
    *foreign_certificates("quic", supersedes=("quic_mitm", "quic_certificate_refused_here")),
    *opening("quic", "QUIC"),
    *follows_name("quic", _TIMEOUT),
    *follows_name("quic", _CLOSE),
    down("quic", "QUIC"),
    *fails_here("quic", _TIMEOUT),
    *fails_here("quic", _CLOSE),
    *closing("quic", "QUIC"),
)
