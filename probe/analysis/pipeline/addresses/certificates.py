"""Compare a certificate that was refused with those that the control and neutral hosts showed."""

from probe.analysis.observations.failure_kinds import CERTIFICATE
from probe.analysis.pipeline.addresses.linked import KEY
from probe.analysis.pipeline.addresses.subjects import SUBJECT, same_subject
from probe.analysis.pipeline.statement import Statement
from probe.formats import failures as f

_REFUSED_RANK = f"CASE WHEN quic_tested AND quic_failure_kind = '{CERTIFICATE}' THEN '1' ELSE '0' END"
_REFUSED = (
    f"((tls_tested AND tls_failure_kind = '{CERTIFICATE}') OR (quic_tested AND quic_failure_kind = '{CERTIFICATE}'))"
)

LAST_REFUSED = Statement(
    "last_refused",
    "The last attempt whose certificate was refused.",
    SUBJECT,
    f"SELECT {KEY}, CAST(substr(max({_REFUSED_RANK} || place), 2) AS BIGINT) AS n FROM linked"
    f" WHERE role = 'target' AND {_REFUSED} GROUP BY {KEY}",
)

REFUSED_CERTIFICATES = Statement(
    "refused_certificate",
    "The certificate that was refused last. An expired certificate of the same issuer as the control's is not forged.",
    SUBJECT,
    "SELECT k.m, k.endpoint, k.address, k.n, k.host, k.tls_leaf, k.tls_issuer, k.tls_self_signed,"
    " k.tls_trusted_by_machine,"
    f" COALESCE(k.tls_failure = '{f.SSL_INVALID_CERTIFICATE}', FALSE)"
    f" OR COALESCE(k.quic_failure = '{f.SSL_INVALID_CERTIFICATE}', FALSE) AS stale"
    f" FROM last_refused r JOIN linked k ON {same_subject('k', 'r')} AND k.n = r.n AND k.role = 'target'",
)

_PROVEN = "(k.tls_shown OR k.quic_shown) AND k.tls_verified_name = r.host"
_SAME_LEAF = "(k.tls_leaf = r.tls_leaf OR (r.stale AND k.tls_issuer = r.tls_issuer))"
_SAME = f"count(*) FILTER (WHERE k.role = 'control' AND {_PROVEN} AND k.tls_leaf <> '' AND {_SAME_LEAF}) > 0"

COMPARED_CERTIFICATES = Statement(
    "compared_certificate",
    "The refused certificate beside those of the control and of neutral hosts. OONI's helper reports no certificate: if"
    " it accepts one at this address, another one is refused here.",
    SUBJECT,
    "SELECT r.m, r.endpoint, r.address, r.tls_trusted_by_machine, r.tls_self_signed,"
    " r.tls_issuer <> '' AND NOT r.tls_self_signed AS issued_by_other,"
    f" {_SAME} AS same_as_control,"
    f" r.tls_leaf <> '' AND NOT ({_SAME})"
    f" AND count(*) FILTER (WHERE k.role = 'timely' AND {_PROVEN} AND (k.tls_leaf <> ''"
    " OR (k.flow_address = r.address AND NOT r.stale))) > 0 AS other_at_control,"
    " count(*) FILTER (WHERE k.role = 'neutral' AND k.at_working AND k.tls_bears_name AND r.tls_issuer <> ''"
    " AND k.tls_issuer = r.tls_issuer) AS neutral_same_issuer"
    f" FROM refused_certificate r JOIN linked k ON {same_subject('k', 'r')}"
    " GROUP BY r.m, r.endpoint, r.address, r.tls_trusted_by_machine, r.tls_self_signed, r.tls_issuer, r.tls_leaf,"
    " r.stale",
)

PROVEN_ELSEWHERE = Statement(
    "proven_elsewhere",
    "How many other addresses showed a certificate here that is valid for the name.",
    SUBJECT,
    "SELECT r.m, r.endpoint, r.address, count(*) AS addresses FROM refused_certificate r"
    " JOIN trust v ON v.m = r.m AND v.name = r.host AND v.certified_here AND v.address <> r.address"
    " GROUP BY r.m, r.endpoint, r.address",
)

CERTIFICATE_STATEMENTS = (LAST_REFUSED, REFUSED_CERTIFICATES, COMPARED_CERTIFICATES, PROVEN_ELSEWHERE)
