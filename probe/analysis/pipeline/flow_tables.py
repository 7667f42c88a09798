"""Compute the columns of a flow: what one observation shows, by itself and about its own endpoint, and all together."""

from probe.analysis.observations.failure_kinds import CERTIFICATE, LOCAL, OTHER, RESET, TIMEOUT, UNREACHABLE
from probe.analysis.pipeline.input_tables import OBSERVATION
from probe.analysis.sql.expressions import LIMITED_TTL, kind_of, near, quoted
from probe.analysis.sql.statement import Statement
from probe.signatures.evidence_age import NEUTRAL_PROOF
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

_NEEDED = ("tcp", "tls", "quic", "http", "mail", "payload")
_LOCAL_FAULT = " OR ".join(f"o.{prefix}failure_kind = '{LOCAL}'" for prefix in ("", *(f"{one}_" for one in LAYERS)))
_ANY_FAILURE = " OR ".join(f"o.{prefix}failure IS NOT NULL" for prefix in ("", *(f"{one}_" for one in LAYERS)))
_FAILED_AS_NEEDED = "o.failure IS NOT NULL OR " + " OR ".join(
    f"(e.needs_{layer} AND o.{layer}_failure IS NOT NULL)" for layer in _NEEDED
)

_SHOWN_BY_TLS, _SHOWN_BY_QUIC = (
    f"o.{layer}_attempts > 0 AND o.{layer}_failure IS NULL AND o.tls_completed AND o.tls_verified_name <> ''"
    for layer in ("tls", "quic")
)
_HTTP_ANSWERED = "o.http_attempts > 0 AND o.http_failure IS NULL AND o.http_code > 0"

_ABOUT_ROW = {
    "local_fault": _LOCAL_FAULT,
    "has_failed": _ANY_FAILURE,
    "tls_shown": _SHOWN_BY_TLS,
    "quic_shown": _SHOWN_BY_QUIC,
    "http_answered": _HTTP_ANSWERED,
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
    "passes_tcp": "o.tcp_attempts > 0 AND o.tcp_failure IS NULL",
    "passes_tls": f"{_SHOWN_BY_TLS} AND o.tls_verified_name = e.host",
    "passes_quic": f"{_SHOWN_BY_QUIC} AND o.tls_verified_name = e.host",
    "passes_http": _HTTP_ANSWERED,
    "passes_mail": "o.mail_attempts > 0 AND o.mail_failure IS NULL AND o.mail_protocol = e.proof"
    " AND (NOT e.starttls OR (o.mail_offer = 'offered' AND o.mail_accepted))",
    "passes_payload": "o.payload_proven AND o.payload_kind = e.proof",
}
"""Conditions about a row `o` of ended_observation with its endpoint `e`, whose columns are NULL for none."""

CHECKED = Statement(
    "checked_observation",
    "Each observation with what it shows by itself, and the layers that it passed as its own endpoint needs them.",
    ("m", "n"),
    "SELECT o.*, e.endpoint IS NOT NULL AS has_endpoint, COALESCE(e.host, '') AS endpoint_host, "
    + ", ".join(f"COALESCE({condition}, FALSE) AS {name}" for name, condition in _ABOUT_ROW.items())
    + " FROM ended_observation o LEFT JOIN endpoint_fact e ON e.endpoint = o.endpoint",
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

_CONTROL_DATAGRAMS = (
    "SELECT o.m, count(*) AS answered FROM checked_observation o JOIN endpoint_fact e ON e.endpoint = o.endpoint"
    " WHERE o.origin = 'control' AND e.by_datagram AND (o.payload_proven OR"
    " (o.quic_attempts > 0 AND o.quic_failure IS NULL)) GROUP BY o.m"
)
"""How many datagrams of the control got an answer."""

_RESIDUAL_CAUSE = (
    "SELECT m, address, min(port) AS lowest_port, max(port) AS highest_port FROM ended_observation"
    f" WHERE origin = 'probe' AND sent_name <> '' AND failure_kind IN ('{RESET}', '{TIMEOUT}') GROUP BY m, address"
)
"""Addresses at which a flow with a name was reset or timed out, with the lowest and the highest of its ports."""

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
    " FROM checked_observation o JOIN measurement g ON g.m = o.m"
    " LEFT JOIN endpoint_fact e ON e.endpoint = o.endpoint"
    f" LEFT JOIN ({_CONTROL_DATAGRAMS}) u ON u.m = o.m"
    f" LEFT JOIN ({_RESIDUAL_CAUSE}) r ON r.m = o.m AND r.address = o.address",
    joined_by=(("m", "endpoint"), ("m", "address"), ("m", "followup")),
)

FLOW_STATEMENTS = (ENDED, CHECKED, FLOWS)


SYN_REPEATED = 0.9  # seconds, because kernels repeat a SYN after one second (RFC 6298, section 2.1)
CONNECTS_PER_REPEATED = 12  # with 4 % loss each way, one SYN in twelve is sent again

TO_NEUTRAL = quoted(
    (
        "same_name_neutral_host",
        "neutral_name_neutral_host",
        "nonexistent_name_neutral_host",
        "random_bytes_neutral_host",
        "neutral_browser_hello",
        "neutral_browser_hello_without_ech",
        "neutral_hello_with_ech",
        "hello_with_ech_neutral_host",
    )
)
"""The kinds of follow-up that go to neutral hosts."""

_REPEATED = (
    "CASE WHEN tcp_syn_repeats >= 0 THEN tcp_syn_repeats > 0"
    f" ELSE tcp_seconds >= min(tcp_seconds) OVER (PARTITION BY m) + {SYN_REPEATED!r}e0 END"
)

ACCESS_LINE = Statement(
    "access_line",
    "Measurements whose access line loses SYNs or their answers, for whatever destination. A busy computer makes a"
    " connect slow too, but repeats no SYN. A single destination may have reasons of its own, so that at least two"
    " addresses are needed.",
    ("m",),
    f"SELECT m FROM (SELECT m, address, {_REPEATED} AS repeated FROM flow"
    " WHERE origin = 'probe' AND tcp_attempts > 0 AND tcp_failure IS NULL) c GROUP BY m"
    " HAVING count(DISTINCT CASE WHEN repeated THEN address END) >= 2"
    f" AND {CONNECTS_PER_REPEATED} * count(*) FILTER (WHERE repeated) >= count(*)",
)

_UDP_ANSWER = (
    "SELECT m, t, 0 AS dns FROM flow WHERE origin = 'probe' AND passed_by_datagram UNION ALL"
    " SELECT f.m, f.t, 1 AS dns FROM flow f JOIN lookup l ON l.m = f.m AND l.n = f.n"
    " WHERE f.origin = 'probe' AND l.engine = 'udp' AND l.resolver NOT IN ('system', 'assigned') AND l.answered"
)
"""Flows of the probe over UDP that got an answer from beyond the first hops. Those of the system resolver and of the
assigned one do not count, because the home router may have sent them."""

_UDP_SUM = (
    "SELECT m, count(*) FILTER (WHERE dns = 0) AS passed, count(*) FILTER (WHERE dns = 1) AS of_dns, max(t) AS last_t"
    f" FROM ({_UDP_ANSWER}) a GROUP BY m"
)
"""How many flows over UDP got an answer, without DNS and of DNS, and when the last one ended."""

NETWORKS = Statement(
    "network",
    "What the whole measurement says about its network.",
    ("m",),
    "SELECT g.m, g.captured, g.interrupted, g.slow, g.resets_needed, g.echo_offered, g.neutral_way,"
    " g.connect_cut_off_needed, g.connect_silent_needed, g.data_silent_needed, s.m IS NOT NULL AS drops,"
    " g.first_lossy OR s.m IS NOT NULL AS lossy, g.dark_answers = 1 AS dns_intercepted,"
    " g.udp_fact = 1 OR COALESCE(u.of_dns, 0) > 0 AS udp_dns, COALESCE(u.passed, 0) AS udp_passed,"
    " g.udp_fact <> 0 OR COALESCE(u.of_dns, 0) > 0 OR COALESCE(u.passed, 0) > 0 AS udp_works, u.last_t AS udp_last_t"
    f" FROM measurement g LEFT JOIN access_line s ON s.m = g.m LEFT JOIN ({_UDP_SUM}) u ON u.m = g.m",
)

_NEAR = near("r.began", "f.t0", "f.t", NEUTRAL_PROOF.seconds)
_BEFORE = "(r.began IS NULL OR r.began <= f.t0)"
_WORKED = "CASE WHEN r.worked THEN 1 ELSE 0 END"

_NEUTRAL_CHECK = (
    f"SELECT f.m, f.n, max(2 * r.check_number + {_WORKED}) FILTER (WHERE {_BEFORE}) % 2 = 1 AS worked_before,"
    f" count(*) FILTER (WHERE r.worked AND NOT {_BEFORE}) > 0 AS worked_after"
    " FROM flow f JOIN neutral_result r ON r.m = f.m AND r.address = f.address"
    f" WHERE f.origin = 'probe' AND f.followup IN {TO_NEUTRAL} AND r.shows_certificate AND {_NEAR} GROUP BY f.m, f.n"
)
"""Each flow to a neutral host with the checks of this host near in time: the last result before it, and successes after
it. A check after it may fail by residual censorship, and counts only if it succeeded."""

NEUTRAL_FLOWS = Statement(
    "working_neutral",
    "Flows to neutral hosts that showed their own certificate near in time, over TCP in a check or over QUIC.",
    ("m", "n"),
    f"SELECT m, n FROM ({_NEUTRAL_CHECK}) WHERE COALESCE(worked_before, FALSE) OR worked_after UNION"
    " SELECT f.m, f.n FROM flow f JOIN flow q ON q.m = f.m AND q.address = f.address"
    f" WHERE f.origin = 'probe' AND f.followup IN {TO_NEUTRAL} AND q.origin = 'probe'"
    " AND q.followup = 'neutral_name_neutral_host' AND q.quic_shown AND q.tls_verified_name = q.sent_name"
    f" AND {near('q.t0', 'f.t0', 'f.t', NEUTRAL_PROOF.seconds)}",
)

NETWORK_STATEMENTS = (ACCESS_LINE, NETWORKS, NEUTRAL_FLOWS)
