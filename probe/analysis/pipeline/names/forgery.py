"""Find forged answers for each name: races, non-resolvers, public resolvers and fingerprints."""

from probe.analysis.pipeline.expressions import counts, same
from probe.analysis.pipeline.names.races import DARK
from probe.analysis.pipeline.statement import Statement
from probe.formats import failures as f

INNOCUOUS_AT_DARK = "dark_innocuous"
_HELPER = "helper"  # stands for the helper's address in measurements
_TOO_FAST = 0.5  # of the time of a TCP connect to the same address
_QUERY = "m", "n", "q"

SILENT_DARK = Statement(
    "dark_silent",
    "Measurements in which a query for an innocuous name to the helper's port 53 got no DNS message.",
    ("m",),
    f"SELECT m FROM dns_query WHERE origin = 'probe' AND followup = '{INNOCUOUS_AT_DARK}' GROUP BY m"
    " HAVING count(*) FILTER (WHERE datagrams > 0 OR answered) = 0",
)

CONNECTS = Statement(
    "quickest_connect",
    "The shortest time of a TCP connect to an address.",
    ("m", "address"),
    "SELECT m, address, min(tcp_seconds) AS seconds FROM observation WHERE origin = 'probe' AND tcp_attempts > 0"
    " AND tcp_failure IS NULL AND tcp_seconds > 0 GROUP BY m, address",
)

_TO_DARK = f"l.followup = '{DARK}' AND (l.asked_address <> '{_HELPER}' OR d.m IS NOT NULL)"

RACED_QUERIES = Statement(
    "raced_query",
    "The queries over UDP to the system resolver and to public ones, with their races.",
    _QUERY,
    "SELECT l.m, l.n, l.q, l.hostname AS name, l.query_family, l.resolver = 'system' AS at_system,"
    " l.datagrams > 0 AND COALESCE(u.unlike_usual, FALSE) AS unlike_usual,"
    f" COALESCE(l.round_trip > 0 AND l.round_trip < {_TOO_FAST} * c.seconds, FALSE) AS too_fast,"
    " COALESCE(r.forged_first, FALSE) AS forged_first, COALESCE(r.forged_late, FALSE) AS forged_late,"
    " COALESCE(r.doubled, FALSE) AS doubled, g.trusted AS genuine, g.forged AS forged"
    f" FROM dns_query l JOIN name_message g ON {same('l', 'g', *_QUERY)} AND g.d = 0"
    f" LEFT JOIN message u ON {same('l', 'u', *_QUERY)} AND u.d = 1"
    f" LEFT JOIN name_race r ON {same('l', 'r', *_QUERY)}"
    " LEFT JOIN quickest_connect c ON c.m = l.m AND c.address = l.asked_address"
    f" WHERE l.origin = 'probe' AND l.engine = 'udp' AND (l.resolver = 'system' OR l.followup <> '{DARK}')",
)

_FORGED = f"g.forged AND COALESCE(g.message_failure <> '{f.DNS_NO_ANSWER}', TRUE)"

DARK_QUERIES = Statement(
    "dark_query",
    "The queries for a name to non-resolvers. The helper counts as one only if an innocuous name got no answer there,"
    " because its owner may run a resolver. A referral is not forged (RFC 1034, section 4.3.1).",
    _QUERY,
    "SELECT l.m, l.n, l.q, l.hostname AS name, l.asked_address, i.dark_answers = 1 AS intercepted,"
    " count(*) FILTER (WHERE g.address_count > 0 AND NOT g.forged) > 0 AS genuine,"
    f" count(*) FILTER (WHERE {_FORGED}) > 0 AS forged FROM dns_query l JOIN measurement i ON i.m = l.m"
    f" JOIN name_message g ON {same('l', 'g', *_QUERY)} LEFT JOIN dark_silent d ON d.m = l.m"
    f" WHERE l.origin = 'probe' AND {_TO_DARK}"
    " GROUP BY l.m, l.n, l.q, l.hostname, l.asked_address, i.dark_answers",
)

FORGED_MESSAGES = Statement(
    "forged_message",
    "The forged messages of races and of non-resolvers.",
    (*_QUERY, "d"),
    f"SELECT l.m, l.n, l.q, g.d, l.name, g.address_count, g.bogons FROM raced_query l"
    f" JOIN later_datagram p ON {same('l', 'p', *_QUERY)} AND p.contradicts"
    f" JOIN name_message g ON {same('p', 'g', *_QUERY)} AND g.forged"
    " AND g.d = CASE WHEN l.forged_first THEN p.first_d ELSE p.d END"
    " WHERE l.forged_first OR l.forged_late"
    " UNION SELECT l.m, l.n, l.q, g.d, l.name, g.address_count, g.bogons FROM dark_query l"
    f" JOIN name_message g ON {same('l', 'g', *_QUERY)}"
    f" WHERE l.forged AND NOT l.genuine AND NOT l.intercepted AND {_FORGED}",
)

_COUNTS = {
    "forged_first": "part = 'race' AND at_system AND forged_first",
    "system_genuine": "part = 'race' AND at_system AND genuine AND NOT forged_first AND NOT forged_late",
    "forged_public": "part = 'race' AND NOT at_system AND forged_first",
    "forged_late": "part = 'race' AND forged_late",
    "doubled": "part = 'race' AND doubled",
    "public_genuine": "part = 'race' AND NOT at_system AND genuine",
    "public_forged": "part = 'race' AND NOT at_system AND forged",
    "unlike": "part = 'race' AND at_system AND unlike_usual",
    "too_fast": "part = 'race' AND NOT at_system AND too_fast",
    "dark_genuine": "part = 'dark' AND genuine",
    "dark_forged": "part = 'dark' AND forged",
    "messages": "part = 'message'",
    "with_address": "part = 'message' AND genuine",
    "with_other_than_bogon": "part = 'message' AND forged",
}

FORGERIES = Statement(
    "name_forgery",
    "How many forged answers came to the queries for a name. Each forged message counts once.",
    ("m", "name"),
    f"SELECT m, name, {counts(_COUNTS)} FROM ("
    "SELECT m, name, 'race' AS part, at_system, forged_first, forged_late, doubled, genuine, forged, unlike_usual,"
    " too_fast FROM raced_query UNION ALL"
    f" SELECT m, name, 'dark', FALSE, FALSE, FALSE, FALSE, genuine AND asked_address <> '{_HELPER}',"
    " forged AND NOT genuine AND NOT intercepted, FALSE, FALSE FROM dark_query UNION ALL"
    " SELECT m, name, 'message', FALSE, FALSE, FALSE, FALSE, address_count > 0, address_count > bogons, FALSE, FALSE"
    " FROM forged_message) r GROUP BY m, name",
)

SPARED = Statement(
    "spared_name",
    "Names with a family in which an answer of the system resolver proved here to be the name's, and no forged answer"
    " came first.",
    ("m", "name"),
    "SELECT DISTINCT a.m, a.name FROM family_answer a LEFT JOIN raced_query r ON r.m = a.m AND r.name = a.name"
    " AND r.query_family = a.family AND r.forged_first WHERE a.certified_here AND r.m IS NULL",
)

FORGERY_STATEMENTS = (SILENT_DARK, CONNECTS, RACED_QUERIES, DARK_QUERIES, FORGED_MESSAGES, FORGERIES, SPARED)
