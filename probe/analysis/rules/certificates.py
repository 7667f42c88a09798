"""The rules about a certificate that is refused here: over TCP and inside QUIC it is the same forgery."""

from probe.analysis.rules.name_differential import controls
from probe.analysis.rules.rule import Rule, State


def foreign_certificates(layer: str, *, supersedes: tuple[str, ...]) -> tuple[Rule, ...]:
    """The rules that accuse by a certificate, after the one that knows a fault of ours when it sees one.

    All know who issued it: of one that cannot be read so far no step has ever got a whole handshake.
    """
    return (
        Rule(
            f"{layer}_same_certificate_at_control",
            f"{layer}_certificates > 0 AND tls_same_as_control",
            State.INSUFFICIENT,
            "The certificate that is refused here convinces the test helper: a fault of ours, not of the network.",
        ),
        _mitm(
            layer,
            "_by_local_authority",
            "tls_trusted_by_machine",
            "a certificate of an authority that only this machine trusts",
            "tls.mitm.ca_signed",
        ),
        _mitm(layer, "_self_signed", "tls_self_signed", "a self-signed certificate", "tls.mitm.self_signed"),
        _mitm(
            layer,
            "_by_other_authority",
            "tls_issued_by_other",
            "a certificate that another authority issued",
            "tls.mitm.ca_signed",
            supersedes,
        ),
    )


CERTIFICATE_REFUSED = Rule(
    "tls_certificate_refused_here",
    "tls_successes = 0 AND tls_certificates > 0 AND control_tls_successes > 0",
    State.LIKELY_BLOCKED,
    "The certificate is refused here; the test helper accepts what it is shown.",
    "tls.mitm",
)
"""A certificate that nothing compares with another. Helpers of OONI's show none; over QUIC they vouch for no page."""


def _mitm(layer: str, which: str, also: str, whose: str, mechanism: str, supersedes: tuple[str, ...] = ()) -> Rule:
    unasked, helper_succeeds = f"{controls(layer)}_attempts = 0", f"{controls(layer)}_successes > 0"
    elsewhere = f"tls_name_proven_elsewhere > 0 AND {unasked} AND {layer}_failure <> 'ssl_invalid_certificate'"
    return Rule(
        f"{layer}_mitm{which}",
        f"{layer}_successes = 0 AND {layer}_certificates > 0 AND ((tls_other_at_control AND {helper_succeeds})"
        f" OR ({elsewhere}) OR neutral_same_issuer > 0) AND {also}",
        State.BLOCKED,
        f"The endpoint shows {whose} here, and the right one where nobody interferes.",
        mechanism,
        supersedes=supersedes,
    )
