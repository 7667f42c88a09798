"""Define the handshakes that fail beside other connections to the same network, and pass alone.

They are compared with one alone, and with those of the control.
"""

from dataclasses import dataclass

from probe.analysis.observations.failure_kinds import CLOSED, RESET, TIMEOUT
from probe.analysis.phenomena.neutral_failures import LIKE_NEUTRAL_HOSTS
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT
from probe.messages import mark
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


@dataclass
class ParallelColumns:
    """Count handshakes beside three or more other connections to the network, or up to 70 s after them, and alone."""

    crowded_failures: int = column(
        0,
        "TLS handshakes beside three or more other connections to the network that got no answer, and those of"
        " `limit_failures`.",
        or_zero("l.crowded"),
    )
    limit_failures: int = column(
        0,
        "TLS handshakes beside three or more connections of the run to any network, without an answer of a server that"
        " acknowledged the hello.",
        or_zero("l.at_limit"),
    )
    crowded_silent: int = column(
        0,
        "Those of them whose hello was not acknowledged, with three or more to other addresses.",
        or_zero("l.silent"),
    )
    crowded_forged_resets: int = column(
        0,
        "Those of them that another sender than the peer reset, with three or more to other addresses.",
        or_zero("l.forged_resets"),
    )
    alone_successes: int = column(
        0,
        "TLS handshakes beside at most two other connections to the network, after those, with a certificate that is"
        " valid for the name.",
        or_zero("l.alone_passed"),
    )
    alone_failures: int = column(
        0,
        "TLS handshakes beside at most two other connections to the network, after those, that failed."
        " Those of `limit_failures` are left out.",
        or_zero("l.alone_failed"),
    )
    crowd_answers: int = column(
        0, "Hellos of the run to the network beside three or more others that were answered.", or_zero("l.answers")
    )
    crowd_answers_later: int = column(
        0,
        "Answered hellos to the network that were sent after an unanswered one to this address.",
        or_zero("l.answered_later"),
    )
    control_crowd: int = column(
        0,
        "TLS handshakes of the control to the network beside three or more others that succeeded.",
        or_zero("l.at_control"),
    )


# Each server had fewer connections than the network, so that no limit of one server is at fault. A server at its limit
# acknowledges the hello. A limit of all servers holds for the control too, whose handshakes pass side by side.

_NOT_AT_NEUTRAL_HOST = "NOT (neutral_proven AND neutral_resets + neutral_timeouts + neutral_closes > 0)"
_NOT_AT_ADDRESS = "NOT (innocuous_failed > 0 AND crowd_answers_later > 0)"
"""The address does not fail with any name while other addresses of its network answer."""

PASSES_ALONE = (
    Rule(
        "tls_policed_side_by_side",
        "tls_successes > 0 AND alone_successes = tls_successes AND crowded_silent + crowded_forged_resets >= 2 "
        "AND crowded_failures = tls_attempts - tls_successes AND crowd_answers > 0 AND control_crowd > 0 "
        "AND NOT line_lossy AND (resets_needed = 0 OR crowded_silent >= 2)",
        State.DEGRADED,
        mechanism="tls.policing",
        because=(
            "Hellos beside three or more connections to the same network are cut off. After a pause one alone is "
            "answered. Those of the test helper pass side by side."
        ),
        plain=mark(
            "Several connections to the servers of {service} at the same time are cut off in this network. One alone "
            "gets through. Apps open several, so {service} works badly."
        ),
    ),
)

NOT_REPEATED_ALONE = (
    Rule(
        "tls_fails_side_by_side",
        "tls_successes = 0 AND crowded_failures > 0 AND crowded_failures = tls_attempts "
        "AND (crowd_answers > 0 OR limit_failures = tls_attempts) "
        f"AND alone_failures = 0 AND control_tls_successes > 0 AND {_NOT_AT_NEUTRAL_HOST} "
        f"AND {_NOT_AT_ADDRESS} AND NOT {LIKE_NEUTRAL_HOSTS}",
        State.IMPAIRED,
        because=(
            "Handshakes failed beside three or more connections to the same network, while others passed there. Or the "
            "server received them and gave no answer, beside three or more connections of the run. None was repeated "
            "alone, so the number of connections may be the cause."
        ),
        plain=mark(
            "The test of {service} failed while this program had other connections to the same servers open. It was "
            "not repeated alone. Run the test again, for {service} alone."
        ),
    ),
)

POLICING = Phenomenon(
    "policing",
    "Handshakes beside other connections to the same network fail.",
    address=RowPart(ParallelColumns, {"l": "parallel_result"}, (CROWDS, OWN_HANDSHAKES, PARALLEL_RESULTS)),
    mechanisms={"tls.policing": "Handshakes beside other connections to the same network fail, and one alone passes."},
    app_words={"tls.policing": mark("Connections are cut off.")},
    no_hop=("tls.policing.",),
)
