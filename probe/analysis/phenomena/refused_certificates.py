"""Define the certificates that were refused, compared with those that the control and neutral hosts showed."""

from dataclasses import dataclass

from probe.analysis.observations.failure_kinds import CERTIFICATE
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.layer import QUIC, TLS, Layer
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import CONTROL, count, or_false, or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import KEY, SUBJECT, same_subject
from probe.formats import failures as f
from probe.messages import mark

_REFUSED_RANK = f"CASE WHEN quic_tested AND quic_failure_kind = '{CERTIFICATE}' THEN '1' ELSE '0' END"

_REFUSED = (
    f"((tls_tested AND tls_failure_kind = '{CERTIFICATE}') OR (quic_tested AND quic_failure_kind = '{CERTIFICATE}'))"
)

_LAST_REFUSED = (
    f"SELECT {KEY}, CAST(substr(max({_REFUSED_RANK} || place), 2) AS BIGINT) AS n FROM linked"
    f" WHERE role = 'target' AND {_REFUSED} GROUP BY {KEY}"
)
"""The last attempt whose certificate was refused."""

REFUSED_CERTIFICATES = Statement(
    "refused_certificate",
    "The certificate that was refused last. `stale`: it has expired.",
    SUBJECT,
    "SELECT k.m, k.endpoint, k.address, k.host AS name, k.tls_leaf AS leaf, k.tls_issuer AS issuer,"
    " k.tls_self_signed AS self_signed, k.tls_trusted_by_machine AS trusted_by_machine,"
    f" COALESCE(k.tls_failure = '{f.SSL_INVALID_CERTIFICATE}', FALSE)"
    f" OR COALESCE(k.quic_failure = '{f.SSL_INVALID_CERTIFICATE}', FALSE) AS stale"
    f" FROM ({_LAST_REFUSED}) r JOIN linked k ON {same_subject('k', 'r')} AND k.n = r.n AND k.role = 'target'",
)

_PROVEN = "(tls_shown OR quic_shown) AND tls_verified_name = r.name"

_SAME_LEAF = "(tls_leaf = r.leaf OR (r.stale AND tls_issuer = r.issuer))"
"""An expired certificate of the same issuer as the control's is not forged."""

_SHOWN = "tls_leaf <> ''"

_SAME_AS_CONTROL = f"{count(CONTROL, _PROVEN, _SHOWN, _SAME_LEAF)} > 0"

# OONI's helper reports no certificate. If it accepts one at this address, another one is refused here.
_AT_ADDRESS = "flow_address = k.address AND NOT r.stale"

_ACCEPTED = count("role = 'timely'", "r.leaf <> ''", _PROVEN, f"({_SHOWN} OR ({_AT_ADDRESS}))")

_OTHER_AT_CONTROL = f"{_ACCEPTED} > 0 AND NOT {_SAME_AS_CONTROL}"

_PROVEN_ELSEWHERE = (
    "SELECT r.m, r.endpoint, r.address, count(*) AS addresses FROM refused_certificate r"
    " JOIN trust v ON v.m = r.m AND v.name = r.name AND v.certified_here AND v.address <> r.address"
    " GROUP BY r.m, r.endpoint, r.address"
)
"""How many other addresses showed a certificate here that is valid for the name."""


@dataclass
class CertificateColumns:
    """Hold what is known of the refused certificate, over TCP or QUIC."""

    tls_trusted_by_machine: bool = column(
        False, "Only this computer's own roots trust the refused certificate.", or_false("r.trusted_by_machine")
    )
    tls_self_signed: bool = column(False, "The refused certificate is self-signed.", or_false("r.self_signed"))
    tls_issued_by_other: bool = column(
        False,
        "The refused certificate names an issuer other than itself.",
        or_false("r.issuer <> '' AND NOT r.self_signed"),
    )
    tls_same_as_control: bool = column(
        False, "The control accepts the refused certificate, or one of the same issuer.", _SAME_AS_CONTROL
    )
    tls_other_at_control: bool = column(
        False, "The control got another certificate, which is valid.", _OTHER_AT_CONTROL
    )
    tls_name_proven_elsewhere: int = column(
        0, "Other addresses with a certificate that is valid for the name here.", or_zero("p.addresses")
    )
    neutral_same_issuer: int = column(
        0,
        "Neutral hosts that show a certificate for the name of the same issuer.",
        count("role = 'neutral'", "at_working", "tls_bears_name", "r.issuer <> ''", "tls_issuer = r.issuer"),
    )


# Each rule looks at the issuer: a certificate that cannot be parsed never came with a complete handshake so far.

_SAME_AT_CONTROL = Kind(
    "same_certificate_at_control",
    State.INSUFFICIENT,
    because=(
        "The certificate that is refused here is accepted by the test helper, so this computer is at fault and not the "
        "network."
    ),
    plain=mark(
        "This computer refuses the proof of identity (certificate) of {host}, which a test helper accepts. The fault "
        "is here, so nothing can be concluded about {service}."
    ),
)
_BY_LOCAL_AUTHORITY = Kind(
    "mitm_by_local_authority",
    State.BLOCKED,
    because=(
        "The endpoint shows a certificate of an authority that only this computer trusts, and the right one elsewhere."
    ),
    plain=mark(
        "Connections to {host} are answered with another proof of identity (certificate), which only this computer "
        "trusts. Another device opens the encrypted connection and can read it. Access to {service} is blocked."
    ),
)
_SELF_SIGNED = Kind(
    "mitm_self_signed",
    State.BLOCKED,
    because="The endpoint shows a self-signed certificate here, and the right one elsewhere.",
    plain=mark(
        "Connections to {host} are answered with a false, self-made proof of identity (certificate). Another device "
        "answers in the place of the server. Access to {service} is blocked."
    ),
)
_BY_OTHER_AUTHORITY = Kind(
    "mitm_by_other_authority",
    State.BLOCKED,
    because="The endpoint shows a certificate of another authority here, and the right one elsewhere.",
    plain=mark(
        "Connections to {host} are answered with a false proof of identity (certificate). Another device answers in "
        "the place of the server. Access to {service} is blocked."
    ),
)


def _foreign(layer: Layer) -> tuple[Rule, ...]:
    """Return the rules about certificates that are the right ones elsewhere, or of a neutral host's issuer."""
    refused = f"{layer.failed} AND {layer.columns}_certificates > 0"
    other = (
        f"((tls_other_at_control AND {layer.controlled})"
        f" OR (tls_name_proven_elsewhere > 0 AND {layer.control}_attempts = 0"
        f" AND {layer.columns}_failure <> 'ssl_invalid_certificate')"
        " OR neutral_same_issuer > 0)"
    )
    return (
        _SAME_AT_CONTROL.rule(f"{layer.columns}_certificates > 0 AND tls_same_as_control", layer=layer.name),
        *(
            kind.rule(f"{refused} AND {other} AND {issuer}", layer=layer.name, mechanism=mechanism)
            for kind, issuer, mechanism in (
                (_BY_LOCAL_AUTHORITY, "tls_trusted_by_machine", "tls.mitm.ca_signed"),
                (_SELF_SIGNED, "tls_self_signed", "tls.mitm.self_signed"),
                (_BY_OTHER_AUTHORITY, "tls_issued_by_other", "tls.mitm.ca_signed"),
            )
        ),
    )


FOREIGN_IN_TLS, FOREIGN_IN_QUIC = _foreign(TLS), _foreign(QUIC)

# Nothing compares this certificate with another, because OONI's helpers show none.
REFUSED_CERTIFICATE = Rule(
    "tls_certificate_refused_here",
    "tls_successes = 0 AND tls_certificates > 0 AND control_tls_successes > 0",
    State.LIKELY_BLOCKED,
    mechanism="tls.mitm",
    because="The certificate is refused here, and the test helper accepts the one that it receives.",
    plain=mark(
        "The proof of identity (certificate) of {host} is refused here. A test helper outside this network accepts "
        "the one that it gets. Access to {service} is probably blocked."
    ),
)

REFUSED_CERTIFICATES_SEEN = Phenomenon(
    "refused_certificates",
    "Another certificate is shown in the place of the right one.",
    address=RowPart(
        CertificateColumns,
        {"p": f"({_PROVEN_ELSEWHERE})"},
        (REFUSED_CERTIFICATES,),
        compared={"r": "refused_certificate"},
    ),
    mechanisms={
        "tls.mitm.self_signed": "A self-signed certificate is shown in the place of the right one.",
        "tls.mitm.ca_signed": "A certificate of another authority is shown in the place of the right one.",
    },
    app_words={"tls.mitm": mark("Certificates are forged.")},
)
