"""Define the connections that fail soon after another one, as at a server that limits connections in a time.

Such a server refuses one only soon after another one was answered. It then answers no other one that follows as soon.
Servers may have a limit for each address, for a network, or for all of them together. They count the two addresses of a
client, of IPv4 and of IPv6, apart.
"""

from dataclasses import dataclass

from probe.analysis.observations.failure_kinds import CLOSED, LOCAL, REFUSED, RESET
from probe.analysis.phenomena.neutral_failures import LIKE_NEUTRAL_HOSTS
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import LIMITED_TTL, quoted
from probe.analysis.sql.link_counts import or_zero
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT
from probe.messages import mark
from probe.signatures.connection_rates import BESIDE, LONG_AGO, OTHERS_ANSWERED, REST

_LONG_AGO = f"{LONG_AGO!r}e0"

_FAMILY = "CASE x.address_family WHEN 6 THEN '6' ELSE '4' END"

_SCOPES = (("address", "f.address"), ("network", "x.network"), ("family", _FAMILY))

_TO_ENDPOINT = "(kind IN ('first', 'innocuous') OR followup = 'alternative_address')"

_CUT_OFF = (
    f"f.failure_kind <> '{LOCAL}' AND ((f.tcp_tested AND f.tcp_failure_kind IN {quoted((REFUSED, RESET))}) OR"
    f" (f.tls_tested AND NOT f.tls_answered AND f.tls_failure_kind IN {quoted((RESET, CLOSED))}))"
)

_ANSWERED = "f.failure IS NULL OR f.tls_answered OR f.http_answered OR f.payload_answered"

CUT_OFF = Statement(
    "cut_off_anywhere",
    "The measurements with attempts that were cut off. All others need no comparison of times.",
    ("m",),
    f"SELECT DISTINCT f.m FROM flow f WHERE f.origin = 'probe' AND f.own AND {_CUT_OFF}",
)

CONNECTIONS = Statement(
    "connection",
    "The TCP connections to addresses of the endpoints. Each is in three scopes: its address, its network (/24 or /48),"
    " and all addresses of its family.",
    ("m", "n", "scope"),
    "\nUNION ALL ".join(
        f"SELECT f.m, f.n, '{scope}' AS scope, {place} AS place, f.address, f.transaction_id, f.t0,"
        f" f.tcp_failure IS NULL AND ({_ANSWERED}) AS answered, {_CUT_OFF} AS cut_off, f.own FROM flow f"
        " JOIN cut_off_anywhere o ON o.m = f.m"
        f" JOIN (SELECT DISTINCT m, address FROM flow WHERE origin = 'probe' AND {_TO_ENDPOINT}) s"
        " ON s.m = f.m AND s.address = f.address"
        " JOIN address_fact x ON x.m = f.m AND x.address = f.address"
        f" WHERE f.origin = 'probe' AND f.tcp_attempts > 0 AND f.followup NOT IN {LIMITED_TTL}"
        for scope, place in _SCOPES
    ),
    joined_by=(("m", "scope", "place"),),
)

SPACED_CONNECTIONS = Statement(
    "spaced_connection",
    "The seconds from the connection before in the scope to each, and from the last one that was answered. A long time"
    " stands for none.",
    ("m", "n", "scope"),
    "SELECT a.m, a.n, a.scope, a.place, a.address, a.transaction_id, a.t0, a.answered, a.cut_off, a.own,"
    f" COALESCE(min(a.t0 - b.t0), {_LONG_AGO}) AS since_any,"
    f" COALESCE(min(CASE WHEN b.answered THEN a.t0 - b.t0 END), {_LONG_AGO}) AS since_answered"
    " FROM connection a LEFT JOIN connection b ON b.m = a.m AND b.scope = a.scope AND b.place = a.place"
    " AND b.transaction_id < a.transaction_id"
    " GROUP BY a.m, a.n, a.scope, a.place, a.address, a.transaction_id, a.t0, a.answered, a.cut_off, a.own",
    joined_by=(("m", "scope", "place"),),
)

SPACED_FAILURES = Statement(
    "spaced_failure",
    "The attempts at an address that were cut off, and the longest times since the connections before in each scope."
    " `rested`: those after a rest, and those before any answer in the scope.",
    (*SUBJECT, "scope"),
    "SELECT k.m, k.endpoint, k.address, c.scope, c.place, count(*) AS failures,"
    f" count(*) FILTER (WHERE c.since_any >= {REST!r}e0 OR c.since_answered >= {_LONG_AGO}) AS rested,"
    " min(c.transaction_id) AS first_id, max(c.transaction_id) AS last_id, min(c.t0) AS first_t0, max(k.t) AS last_t,"
    " max(c.since_any) AS since_any, max(c.since_answered) AS since_answered"
    " FROM linked k JOIN spaced_connection c ON c.m = k.m AND c.n = k.n"
    " WHERE k.role = 'target' AND c.cut_off"
    " GROUP BY k.m, k.endpoint, k.address, c.scope, c.place",
)

ANSWERED_AS_SOON = Statement(
    "answered_as_soon",
    "Connections that were answered although they followed others in the scope as soon as an attempt that was cut off."
    f" They began after the first of these and at most {BESIDE:g} s after the end of the last. A limit may allow"
    " several first, and more much later. Servers in several networks hardly share a limit of several, so that"
    f" {BESIDE:g} s before the first count there too. `here`: those to the address itself after the last one, soon or"
    " not. Measurements without times are left out.",
    (*SUBJECT, "scope"),
    "SELECT x.m, x.endpoint, x.address, x.scope, x.failures, x.rested,"
    " count(*) FILTER (WHERE c.since_any <= x.since_any AND c.since_answered <= x.since_answered) AS as_soon,"
    " count(*) FILTER (WHERE c.address = x.address AND c.transaction_id > x.last_id) AS here FROM spaced_failure x"
    " LEFT JOIN spaced_connection c ON c.m = x.m AND c.scope = x.scope AND c.place = x.place AND c.answered"
    f" AND (c.transaction_id > x.first_id OR (x.scope = 'family' AND c.t0 >= x.first_t0 - {BESIDE!r}e0))"
    f" AND c.t0 <= x.last_t + {BESIDE!r}e0 WHERE x.since_any > 0"
    " GROUP BY x.m, x.endpoint, x.address, x.scope, x.failures, x.rested",
)

SPACING_RESULTS = Statement(
    "spacing_result",
    "The attempts at an address that were cut off, if a limit of connections in a time explains all of them. None of"
    f" the measurement was cut off after a rest, and less than {OTHERS_ANSWERED} connections to the address were"
    " answered directly after the last one.",
    SUBJECT,
    "SELECT a.m, a.endpoint, a.address, max(a.failures) AS hurried FROM answered_as_soon a LEFT JOIN"
    " (SELECT DISTINCT m FROM spaced_connection WHERE scope = 'family' AND own AND cut_off"
    f" AND since_any >= {REST!r}e0 AND since_any < {_LONG_AGO}) r ON r.m = a.m"
    f" WHERE a.rested = 0 AND a.as_soon = 0 AND a.here < {OTHERS_ANSWERED} AND r.m IS NULL"
    " GROUP BY a.m, a.endpoint, a.address",
)


@dataclass
class SpacingColumns:
    """Count attempts that a limit of connections in a time explains."""

    hurried_failures: int = column(
        0,
        "Attempts, all cut off soon after another connection was answered. None was answered that followed as soon.",
        or_zero("q.hurried"),
    )


# Such a server cuts off a connection only soon after one that it answered, with any name. It answers none as soon. If a
# middlebox blocks the name, the name fails alone after a rest too, or another name passes as soon.

_MAY_BE_LIMIT = f"hurried_failures > 0 AND NOT {LIKE_NEUTRAL_HOSTS}"

_SOON_AFTER_ANOTHER = Kind(
    "fails_soon_after_another",
    State.IMPAIRED,
    because=(
        "{failed} soon after another connection to the address was answered, and none was {answered} as soon. A server "
        "that limits connections in a time does that."
    ),
    plain=mark(
        "The test of {service} failed soon after another connection to the same server. Some servers allow few "
        "connections in a short time. Run the test again."
    ),
)

TLS_SOON_AFTER_ANOTHER = _SOON_AFTER_ANOTHER.rule(
    "tls_successes = 0 AND tls_resets + tls_closes > 0 AND tls_timeouts + tls_certificates = 0 "
    "AND neutral_resets + neutral_timeouts + neutral_closes = 0 "
    f"AND NOT (control_tls_attempts > 0 AND control_tls_successes = 0) AND {_MAY_BE_LIMIT}",
    layer="tls",
    because={"failed": "The handshakes failed", "answered": "answered"},
)

TCP_SOON_AFTER_ANOTHER = _SOON_AFTER_ANOTHER.rule(
    "tcp_successes = 0 AND tcp_refusals + tcp_resets > 0 AND tcp_timeouts + tcp_unreachables = 0 "
    f"AND control_tcp_successes > 0 AND {_MAY_BE_LIMIT}",
    layer="tcp",
    because={"failed": "The connections were refused", "answered": "accepted"},
)

CONNECTION_SPACING = Phenomenon(
    "connection_spacing",
    "Attempts are cut off soon after another connection was answered.",
    address=RowPart(
        SpacingColumns,
        {"q": "spacing_result"},
        (CUT_OFF, CONNECTIONS, SPACED_CONNECTIONS, SPACED_FAILURES, ANSWERED_AS_SOON, SPACING_RESULTS),
    ),
)
