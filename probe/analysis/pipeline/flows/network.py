"""Compute what a whole measurement shows about its network: lost packets, UDP, and neutral hosts that worked."""

from probe.analysis.pipeline.expressions import near, quoted
from probe.analysis.pipeline.statement import Statement
from probe.signatures.evidence_age import NEUTRAL_PROOF

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

UDP_ANSWERS = Statement(
    "udp_answer",
    "Flows of the probe over UDP that got an answer from beyond the first hops. The system resolver's do not count,"
    " because the home router may have sent them.",
    ("m", "n"),
    "SELECT m, n, t, 0 AS dns FROM flow WHERE origin = 'probe' AND passed_by_datagram UNION ALL"
    " SELECT f.m, f.n, f.t, 1 AS dns FROM flow f JOIN lookup l ON l.m = f.m AND l.n = f.n"
    " WHERE f.origin = 'probe' AND l.engine = 'udp' AND l.resolver <> 'system' AND l.answered",
)

UDP_SUMS = Statement(
    "udp_sum",
    "How many flows over UDP got an answer, without DNS and of DNS, and when the last one ended.",
    ("m",),
    "SELECT m, count(*) FILTER (WHERE dns = 0) AS passed, count(*) FILTER (WHERE dns = 1) AS of_dns, max(t) AS last_t"
    " FROM udp_answer GROUP BY m",
)

NETWORKS = Statement(
    "network",
    "What the whole measurement says about its network.",
    ("m",),
    "SELECT g.m, g.interrupted, g.slow, g.resets_needed, s.m IS NOT NULL AS drops,"
    " g.first_lossy OR s.m IS NOT NULL AS lossy, g.dark_answers = 1 AS dns_intercepted,"
    " g.udp_fact = 1 OR COALESCE(u.of_dns, 0) > 0 AS udp_dns, COALESCE(u.passed, 0) AS udp_passed,"
    " g.udp_fact <> 0 OR COALESCE(u.of_dns, 0) > 0 OR COALESCE(u.passed, 0) > 0 AS udp_works, u.last_t AS udp_last_t"
    " FROM measurement g LEFT JOIN access_line s ON s.m = g.m LEFT JOIN udp_sum u ON u.m = g.m",
)

_NEAR = near("r.began", "f.t0", "f.t", NEUTRAL_PROOF.seconds)
_BEFORE = "(r.began IS NULL OR r.began <= f.t0)"
_WORKED = "CASE WHEN r.worked THEN 1 ELSE 0 END"

NEUTRAL_RESULTS = Statement(
    "neutral_check",
    "Each flow to a neutral host with the checks of this host near in time: the last result before it, and successes"
    " after it. A check after it may fail by residual censorship, and counts only if it succeeded.",
    ("m", "n"),
    f"SELECT f.m, f.n, max(2 * r.check_number + {_WORKED}) FILTER (WHERE {_BEFORE}) % 2 = 1 AS worked_before,"
    f" count(*) FILTER (WHERE r.worked AND NOT {_BEFORE}) > 0 AS worked_after"
    " FROM flow f JOIN neutral_result r ON r.m = f.m AND r.address = f.address"
    f" WHERE f.origin = 'probe' AND f.followup IN {TO_NEUTRAL} AND r.shows_certificate AND {_NEAR} GROUP BY f.m, f.n",
)

NEUTRAL_FLOWS = Statement(
    "working_neutral",
    "Flows to neutral hosts that showed their own certificate near in time, over TCP in a check or over QUIC.",
    ("m", "n"),
    "SELECT m, n FROM neutral_check WHERE COALESCE(worked_before, FALSE) OR worked_after UNION"
    " SELECT f.m, f.n FROM flow f JOIN flow q ON q.m = f.m AND q.address = f.address"
    f" WHERE f.origin = 'probe' AND f.followup IN {TO_NEUTRAL} AND q.origin = 'probe'"
    " AND q.followup = 'neutral_name_neutral_host' AND q.quic_shown AND q.tls_verified_name = q.sent_name"
    f" AND {near('q.t0', 'f.t0', 'f.t', NEUTRAL_PROOF.seconds)}",
)

NETWORK_STATEMENTS = (ACCESS_LINE, UDP_ANSWERS, UDP_SUMS, NETWORKS, NEUTRAL_RESULTS, NEUTRAL_FLOWS)
