"""Compare handshakes beside other connections to the same network with one alone, and with those of the control."""

from probe.analysis.observations.failure_kinds import CLOSED, RESET, TIMEOUT
from probe.analysis.pipeline.addresses.subjects import SUBJECT
from probe.analysis.pipeline.statement import Statement
from probe.signatures.parallel_hellos import CROWD, RUN_CROWD

CROWDS = Statement(
    "crowd",
    f"Each network (/24 or /48) with the hellos of the run beside {CROWD} or more others. It has the number of answered"
    " ones, and of those of the control.",
    ("m", "network"),
    "SELECT m, tls_network AS network, max(CASE WHEN origin = 'probe' THEN tls_crowded ELSE 0 END) AS hellos,"
    " max(CASE WHEN origin = 'probe' THEN tls_crowded_answered ELSE 0 END) AS answers,"
    f" count(CASE WHEN origin = 'control' AND tls_shown AND tls_most_beside >= {CROWD} THEN 1 END) AS at_control"
    " FROM flow WHERE tls_network <> '' GROUP BY m, tls_network",
)

_CROWDED = f"(k.tls_most_beside >= {CROWD} AND NOT (k.tls_open_beside = 0 AND k.tls_not_again = 0))"
_ELSEWHERE = f"k.tls_most_elsewhere >= {CROWD}"
_NO_ANSWER = f"NOT k.tls_answered AND k.tls_failure_kind IN ('{TIMEOUT}', '{RESET}', '{CLOSED}')"
_SILENT = f"k.tls_failure_kind = '{TIMEOUT}' AND k.stream_silent AND k.stream_acked = 0 AND NOT k.tls_answered"
_AT_LIMIT = (
    f"k.tls_most_in_run >= {RUN_CROWD} AND NOT k.tls_answered AND k.tls_failure_kind = '{TIMEOUT}'"
    " AND k.stream_silent AND k.stream_acked <> 0"
)

OWN_HANDSHAKES = Statement(
    "own_handshake",
    "The attempts that tried a TLS handshake, and what was open beside each. `silent`: the path passed nothing, as the"
    " hello was not acknowledged. `forged_reset`: packets show another sender than the peer. `alone`: at most two"
    " others were open, since repetitions follow each other. Or none was, and all names that were answered in the"
    " network were answered again after the failure, so that none is counted. `at_limit`: the server"
    f" acknowledged the hello and was silent, beside {RUN_CROWD} or more connections of the run to any network."
    " Servers in several networks may share a limit. `last_failed`: when the last one failed beside others.",
    (*SUBJECT, "n"),
    "SELECT k.m, k.endpoint, k.address, k.n, k.t0, k.tls_network, k.tls_answered_later, k.stream_acked,"
    f" {_CROWDED} AND {_NO_ANSWER} OR {_AT_LIMIT} AS crowded, {_AT_LIMIT} AS at_limit,"
    f" {_CROWDED} AND {_ELSEWHERE} AND {_SILENT} AS silent,"
    f" {_CROWDED} AND {_ELSEWHERE} AND k.tls_failure_kind = '{RESET}' AND k.resets_unlike > 0 AS forged_reset,"
    f" NOT ({_CROWDED}) AS alone, k.tls_shown AND k.tls_verified_name = k.host AS passed,"
    f" max(CASE WHEN {_CROWDED} AND {_NO_ANSWER} OR {_AT_LIMIT} THEN k.t0 END)"
    " OVER (PARTITION BY k.m, k.endpoint, k.address) AS last_failed"
    " FROM linked k WHERE k.role = 'target' AND k.tls_tested AND k.tls_network <> ''",
)

PARALLEL_RESULTS = Statement(
    "parallel_result",
    "The columns of the address row about connections side by side.",
    SUBJECT,
    "SELECT k.m, k.endpoint, k.address, count(*) FILTER (WHERE k.crowded) AS crowded,"
    " count(*) FILTER (WHERE k.silent) AS silent, count(*) FILTER (WHERE k.forged_reset) AS forged_resets,"
    " count(*) FILTER (WHERE k.at_limit) AS at_limit,"
    " count(*) FILTER (WHERE k.alone AND k.passed AND k.t0 > k.last_failed) AS alone_passed,"
    " count(*) FILTER (WHERE k.alone AND NOT k.passed AND k.t0 > k.last_failed) AS alone_failed,"
    " COALESCE(max(k.tls_answered_later) FILTER (WHERE k.crowded AND k.stream_acked <> 1 AND NOT k.at_limit), 0)"
    " AS answered_later,"
    " max(c.hellos) AS hellos, max(c.answers) AS answers, max(c.at_control) AS at_control"
    " FROM own_handshake k JOIN crowd c ON c.m = k.m AND c.network = k.tls_network"
    " GROUP BY k.m, k.endpoint, k.address",
)

PARALLEL_STATEMENTS = (CROWDS, OWN_HANDSHAKES, PARALLEL_RESULTS)
