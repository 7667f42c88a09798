"""Define the rules about certificates that are refused here."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_REFUSED = "tls_successes = 0 AND tls_certificates > 0"
_OTHER_CERTIFICATE = (
    "((tls_other_at_control AND control_tls_successes > 0)"
    " OR (tls_name_proven_elsewhere > 0 AND control_tls_attempts = 0 AND tls_failure <> 'ssl_invalid_certificate')"
    " OR neutral_same_issuer > 0)"
)
"""The control or another address shows the right certificate, or a neutral host shows one of the same issuer."""

# Each rule looks at the issuer: a certificate that cannot be parsed never came with a complete handshake so far.

FOREIGN_CERTIFICATES = (
    Rule(
        "tls_same_certificate_at_control",
        "tls_certificates > 0 AND tls_same_as_control",
        State.INSUFFICIENT,
        because=(
            "The certificate that is refused here is accepted by the test helper, so this computer is at fault and "
            "not the network."
        ),
        plain=mark(
            "This computer refuses the proof of identity (certificate) of {host}, which a test helper accepts. The "
            "fault is here, so nothing can be concluded about {service}."
        ),
    ),
    Rule(
        "tls_mitm_by_local_authority",
        f"{_REFUSED} AND {_OTHER_CERTIFICATE} AND tls_trusted_by_machine",
        State.BLOCKED,
        mechanism="tls.mitm.ca_signed",
        because=(
            "The endpoint shows a certificate of an authority that only this computer trusts, and the right one "
            "elsewhere."
        ),
        plain=mark(
            "Connections to {host} are answered with another proof of identity (certificate), which only this computer "
            "trusts. Another device opens the encrypted connection and can read it. Access to {service} is blocked."
        ),
    ),
    Rule(
        "tls_mitm_self_signed",
        f"{_REFUSED} AND {_OTHER_CERTIFICATE} AND tls_self_signed",
        State.BLOCKED,
        mechanism="tls.mitm.self_signed",
        because="The endpoint shows a self-signed certificate here, and the right one elsewhere.",
        plain=mark(
            "Connections to {host} are answered with a false, self-made proof of identity (certificate). Another "
            "device answers in the place of the server. Access to {service} is blocked."
        ),
    ),
    Rule(
        "tls_mitm_by_other_authority",
        f"{_REFUSED} AND {_OTHER_CERTIFICATE} AND tls_issued_by_other",
        State.BLOCKED,
        mechanism="tls.mitm.ca_signed",
        because="The endpoint shows a certificate of another authority here, and the right one elsewhere.",
        plain=mark(
            "Connections to {host} are answered with a false proof of identity (certificate). Another device answers "
            "in the place of the server. Access to {service} is blocked."
        ),
        supersedes=("tls_mitm",),
    ),
)

# Nothing compares this certificate with another, because OONI's helpers show none.
REFUSED_CERTIFICATES = (
    Rule(
        "tls_certificate_refused_here",
        "tls_successes = 0 AND tls_certificates > 0 AND control_tls_successes > 0",
        State.LIKELY_BLOCKED,
        mechanism="tls.mitm",
        because="The certificate is refused here, and the test helper accepts the one that it receives.",
        plain=mark(
            "The proof of identity (certificate) of {host} is refused here. A test helper outside this network accepts "
            "the one that it gets. Access to {service} is probably blocked."
        ),
    ),
)
