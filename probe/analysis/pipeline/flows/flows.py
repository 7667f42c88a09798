"""Compute the columns of a flow: what one observation shows, by itself and about its own endpoint."""

from probe.analysis.observations.failure_kinds import CERTIFICATE, LOCAL, OTHER, RESET, TIMEOUT, UNREACHABLE
from probe.analysis.pipeline.expressions import kind_of
from probe.analysis.pipeline.inputs import OBSERVATION
from probe.analysis.pipeline.statement import Statement
from probe.targets.dialects import LAYERS

_ROW = ", ".join(f"o.{name}" for name in OBSERVATION.columns)
_KINDS = ", ".join(
    f"{kind_of(f'o.{prefix}failure')} AS {prefix}failure_kind"
    for prefix in ("", *(f"{layer}_" for layer in LAYERS), "random_", "echo_")
)

ENDED = Statement(
    "ended_observation",
    "Each observation with the kinds of its failures.",
    ("m", "n"),
    f"SELECT {_ROW}, {_KINDS} FROM observation o",
    kept=False,
)

LIMITED_TTL = "('path_sweep', 'limited_payload')"
_NEEDED = ("tcp", "tls", "quic", "http", "mail", "payload")
_LOCAL_FAULT = " OR ".join(f"o.{prefix}failure_kind = '{LOCAL}'" for prefix in ("", *(f"{one}_" for one in LAYERS)))
_ANY_FAILURE = " OR ".join(f"o.{prefix}failure IS NOT NULL" for prefix in ("", *(f"{one}_" for one in LAYERS)))
_FAILED_AS_NEEDED = "o.failure IS NOT NULL OR " + " OR ".join(
    f"(e.needs_{layer} AND o.{layer}_failure IS NOT NULL)" for layer in _NEEDED
)

_ABOUT_ROW = {
    "local_fault": _LOCAL_FAULT,
    "has_failed": _ANY_FAILURE,
    "tls_shown": "o.tls_attempts > 0 AND o.tls_failure IS NULL AND o.tls_completed AND o.tls_verified_name <> ''",
    "quic_shown": "o.quic_attempts > 0 AND o.quic_failure IS NULL AND o.tls_completed AND o.tls_verified_name <> ''",
    "http_answered": "o.http_attempts > 0 AND o.http_failure IS NULL AND o.http_code > 0",
    "refused_certificate": f"o.tls_failure_kind = '{CERTIFICATE}' OR o.quic_failure_kind = '{CERTIFICATE}'",
    "failed_as_needed": _FAILED_AS_NEEDED,
    "tried_all": " AND ".join(f"(NOT e.needs_{layer} OR o.{layer}_attempts > 0)" for layer in _NEEDED),
    "tried_any": " OR ".join(f"(e.needs_{layer} AND o.{layer}_attempts > 0)" for layer in _NEEDED),
    "own_name": " AND ".join(
        f"o.{column} IN ('', e.host, e.bracketed)" for column in ("sent_name", "tls_name", "http_host")
    ),
    **{
        f"{layer}_tested": f"o.{layer}_attempts > 0 AND o.{layer}_failure_kind <> '{LOCAL}'"
        f" AND o.failure_kind <> '{LOCAL}'"
        for layer in LAYERS
    },
}
"""Conditions about a row `o` of ended_observation with its endpoint `e`, whose columns are NULL for none."""

CHECKED = Statement(
    "checked_observation",
    "Each observation with what it shows by itself.",
    ("m", "n"),
    "SELECT o.*, e.endpoint IS NOT NULL AS has_endpoint, COALESCE(e.host, '') AS endpoint_host, "
    + ", ".join(f"COALESCE({condition}, FALSE) AS {name}" for name, condition in _ABOUT_ROW.items())
    + " FROM ended_observation o LEFT JOIN endpoint_fact e ON e.endpoint = o.endpoint",
    kept=False,
)

_PASSES = {
    "tcp": "o.tcp_attempts > 0 AND o.tcp_failure IS NULL",
    "tls": "o.tls_shown AND o.tls_verified_name = e.host",
    "quic": "o.quic_shown AND o.tls_verified_name = e.host",
    "http": "o.http_answered",
    "mail": "o.mail_attempts > 0 AND o.mail_failure IS NULL AND o.mail_protocol = e.proof"
    " AND (NOT e.starttls OR (o.mail_offer = 'offered' AND o.mail_accepted))",
    "payload": "o.payload_proven AND o.payload_kind = e.proof",
}
_PASSED = ", ".join(f"COALESCE({condition}, FALSE) AS passes_{layer}" for layer, condition in _PASSES.items())

PASSED = Statement(
    "passed_observation",
    "Each observation with the layers that it passed, as its own endpoint needs them.",
    ("m", "n"),
    f"SELECT o.*, {_PASSED} FROM checked_observation o LEFT JOIN endpoint_fact e ON e.endpoint = o.endpoint",
    kept=False,
)


def _passes(layer_column: str) -> str:
    cases = " ".join(f"WHEN '{layer}' THEN o.passes_{layer}" for layer in _NEEDED)
    return f"(CASE {layer_column} {cases} ELSE FALSE END)"


_PROOF_DEPTH = (
    f"CASE WHEN e.endpoint IS NULL OR NOT {_passes('e.first_layer')} THEN 0"
    f" WHEN NOT {_passes('e.second_layer')} THEN e.first_depth"
    f" WHEN NOT {_passes('e.third_layer')} THEN e.second_depth ELSE e.third_depth END"
)
_PASSES_ALL = " AND ".join(f"(NOT e.needs_{layer} OR o.passes_{layer})" for layer in _NEEDED)
_PASSES_TRIED = " AND ".join(
    f"(NOT e.needs_{layer} OR o.{layer}_attempts = 0 OR o.passes_{layer})" for layer in _NEEDED
)
_PARTIAL = "NOT o.failed_as_needed AND NOT o.tried_all"
_CONTROL_FAMILY = (
    "CASE o.family WHEN 4 THEN g.control_ipv4 WHEN 6 THEN g.control_ipv6"
    " WHEN 0 THEN g.control_ipv4 OR g.control_ipv6 ELSE FALSE END"
)
_OF_OWN = "(o.kind IN ('first', 'confirm') OR o.followup = 'alternative_address')"
_ANSWERED = (
    f"o.followup NOT IN {LIMITED_TTL} AND (o.failure IS NULL OR (o.tcp_attempts > 0 AND o.tcp_failure IS NULL)"
    f" OR o.tls_answered OR o.payload_answered OR o.failure_kind NOT IN ('{TIMEOUT}', '{UNREACHABLE}', '{LOCAL}'))"
)

_ABOUT_ENDPOINT = {
    "own": f"{_OF_OWN} AND o.own_name AND e.endpoint IS NOT NULL",
    "passes_all": f"{_PASSES_ALL} AND e.endpoint IS NOT NULL",
    "partial": f"{_PARTIAL} AND e.endpoint IS NOT NULL",
    "unfinished": "NOT o.failed_as_needed AND e.endpoint IS NOT NULL AND CASE e.top_layer "
    + " ".join(f"WHEN '{layer}' THEN o.{layer}_attempts = 0" for layer in _NEEDED)
    + " ELSE FALSE END",
    "works": f"CASE WHEN {_PARTIAL} THEN {_PASSES_TRIED}"
    f" ELSE {_PASSES_ALL} AND (NOT e.is_http OR o.fingerprints = 0) END",
    "passes_top": _passes("e.top_layer"),
    "tried_top": "CASE e.top_layer "
    + " ".join(f"WHEN '{layer}' THEN o.{layer}_attempts > 0" for layer in _NEEDED)
    + " ELSE FALSE END",
    "redirects_elsewhere": "o.http_redirect_site <> '' AND o.http_redirect_site <> e.host_site",
    "answered": _ANSWERED,
    "answered_tls": "o.tls_attempts > 0 AND (o.tls_answered OR o.tls_failure IS NULL)",
    "answered_quic": "o.quic_attempts > 0 AND o.quic_failure IS NULL",
    "answered_http": "o.http_answered AND o.fingerprints = 0",
    "counts_at_control": f"o.origin = 'control' AND {_CONTROL_FAMILY}"
    " AND (g.control_udp OR u.answered > 0 OR NOT COALESCE(e.by_datagram, FALSE))",
    "proves_name": "o.payload_proven AND e.payload_authenticates",
    "passed_by_datagram": "o.echo_echoed OR (e.by_datagram AND NOT e.is_resolver AND (o.payload_answered"
    f" OR (o.quic_attempts > 0 AND o.tls_answered) OR {_passes('e.first_layer')}))",
}
"""Conditions about a row `o` with its endpoint `e`, its measurement `g` and the control's datagrams `u`."""

CONTROL_DATAGRAMS = Statement(
    "control_datagrams",
    "How many datagrams of the control got an answer.",
    ("m",),
    "SELECT o.m, count(*) AS answered FROM passed_observation o JOIN endpoint_fact e ON e.endpoint = o.endpoint"
    " WHERE o.origin = 'control' AND e.by_datagram AND (o.payload_proven OR"
    " (o.quic_attempts > 0 AND o.quic_failure IS NULL)) GROUP BY o.m",
)

RESIDUAL_CAUSES = Statement(
    "residual_cause",
    "Addresses at which a flow with a name was reset or timed out, with the lowest and the highest of its ports.",
    ("m", "address"),
    "SELECT m, address, min(port) AS lowest_port, max(port) AS highest_port FROM ended_observation"
    f" WHERE origin = 'probe' AND sent_name <> '' AND failure_kind IN ('{RESET}', '{TIMEOUT}') GROUP BY m, address",
)

# What a server says in its own protocol is no residual censorship, and neither is a certificate.
_MAYBE_RESIDUAL = (
    "o.in_residual AND o.sent_name = '' AND o.kind IN ('first', 'confirm')"
    f" AND o.failure_kind NOT IN ('', '{OTHER}', '{CERTIFICATE}')"
    " AND (r.lowest_port <> o.port OR r.highest_port <> o.port)"
)

FLOWS = Statement(
    "flow",
    "Each observation with everything that it shows by itself and about its own endpoint.",
    ("m", "n"),
    "SELECT o.*, "
    + ", ".join(f"COALESCE({condition}, FALSE) AS {name}" for name, condition in _ABOUT_ENDPOINT.items())
    + f", COALESCE({_MAYBE_RESIDUAL}, FALSE) AS maybe_residual, {_PROOF_DEPTH} AS proof_depth"
    " FROM passed_observation o JOIN measurement g ON g.m = o.m"
    " LEFT JOIN endpoint_fact e ON e.endpoint = o.endpoint"
    " LEFT JOIN control_datagrams u ON u.m = o.m"
    " LEFT JOIN residual_cause r ON r.m = o.m AND r.address = o.address",
    joined_by=(("m", "endpoint"), ("m", "address"), ("m", "followup")),
)

FLOW_STATEMENTS = (ENDED, CHECKED, PASSED, CONTROL_DATAGRAMS, RESIDUAL_CAUSES, FLOWS)
