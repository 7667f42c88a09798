"""Compare the answers for each name, find forged ones, and make the row of each name."""

from probe.analysis.features.rows import PARTS_OF_NAMES, NameRow
from probe.analysis.phenomena.phenomenon import by_short_name
from probe.analysis.pipeline.datagram_races import DARK, RACE_STATEMENTS, RESOLVER_STATEMENTS
from probe.analysis.pipeline.rule_facts import decided, feature_select
from probe.analysis.pipeline.system_lookups import (
    ASSIGNED,
    LOOKUP_STATEMENTS,
    NAME_PREFLIGHT,
    REPEATED,
    SYSTEM_STATEMENTS,
)
from probe.analysis.pipeline.verified_addresses import TRUST_STATEMENTS
from probe.analysis.sql.expressions import any_in, counts, near, same
from probe.analysis.sql.statement import Statement
from probe.formats import failures as f
from probe.signatures.evidence_age import CONTROL_LOOKUP, RESOLVER_WORKS

_ANSWERED_WITHIN = 1.0  # seconds in which a resolver that works answers
_FAMILY = "m", "name", "family"

FAMILY_ANSWERS = Statement(
    "family_answer",
    "Addresses that the system resolver gave for a name, by the family queried, for families that work here.",
    (*_FAMILY, "address"),
    f"SELECT f.*, {any_in('verified', *_FAMILY)} AS family_verified,"
    f" {any_in('tried_here OR bogon', *_FAMILY)} AS family_doubted, {any_in('verified', 'm', 'name')} AS any_verified"
    " FROM (SELECT g.*, t.verified, t.certified_here, t.tried_here, t.bogon FROM ("
    "SELECT DISTINCT a.m, a.name, l.query_family AS family, a.address FROM given_address a CROSS JOIN system_query l"
    f" WHERE {same('a', 'l', 'm', 'n', 'q')} AND a.used AND a.at_system AND l.deciding AND l.family_works) g"
    f" JOIN trust t ON {same('g', 't', 'm', 'name', 'address')}) f",
)

_FALSE_FAMILY = "NOT family_verified AND (family_doubted OR NOT any_verified)"

NAME_ANSWERS = Statement(
    "name_answer",
    "The addresses to evaluate: those of a family without any verified answer if there is one, else all. If one family"
    " is verified and the other was not tried, only bogons of the other one count.",
    ("m", "name", "address"),
    "SELECT DISTINCT m, name, address FROM (SELECT f.m, f.name, f.address,"
    f" {_FALSE_FAMILY} AS false_family, {any_in(_FALSE_FAMILY, 'm', 'name')} AS any_false_family"
    " FROM family_answer f) f WHERE false_family OR NOT any_false_family",
)

TRUSTED_NETWORKS = Statement(
    "trusted_network",
    "Networks (AS) of the trusted addresses of a name that are no answers of the system resolver.",
    ("m", "name", "asn"),
    "SELECT DISTINCT t.m, t.name, t.asn FROM trust t"
    f" LEFT JOIN name_answer a ON {same('t', 'a', 'm', 'name', 'address')}"
    " WHERE (t.verified OR t.certified_here) AND t.asn <> 0 AND a.m IS NULL",
)

_IS_ANSWER, _NEIGHBOUR = "a.m IS NOT NULL", "w.m IS NOT NULL"
_COMPARED = "a.m IS NULL AND (f.m IS NULL OR CASE t.address_family WHEN 6 THEN f.ipv6 > 0 ELSE f.ipv4 > 0 END)"
_COUNTS = {
    "answers": _IS_ANSWER,
    "genuine": f"{_IS_ANSWER} AND t.verified AND NOT t.contested",
    "contested": f"{_IS_ANSWER} AND t.verified AND t.contested",
    "bogons": f"{_IS_ANSWER} AND t.bogon",
    "known_forgeries": f"{_IS_ANSWER} AND t.known_forgery",
    "blockpages": f"{_IS_ANSWER} AND t.shows_blockpage",
    "foreign_certificates": f"{_IS_ANSWER} AND t.shows_foreign",
    "elsewhere": f"{_IS_ANSWER} AND t.tried_here AND t.asn <> 0 AND v.m IS NOT NULL AND w.m IS NULL",
    "refuted_at_control": f"{_IS_ANSWER} AND t.failed_at_control AND NOT t.certified_at_control AND w.m IS NULL",
    "neighbours": f"{_IS_ANSWER} AND {_NEIGHBOUR}",
    "reached": f"{_IS_ANSWER} AND t.reached_here",
    "trusted_reached": "a.m IS NULL AND t.reached_here AND t.verified",
    "authenticated": "t.authenticated",
    "proven_here": f"t.certified_here AND {_COMPARED}",
    "proven_authenticated": f"t.authenticated AND t.certified_at_control AND {_COMPARED}",
}
_FAMILIES = counts({"ipv4": "instr(address, ':') = 0", "ipv6": "instr(address, ':') > 0"})

ANSWER_COUNTS = Statement(
    "name_trust",
    "How many addresses of a name are answers of the system resolver, verified, reached, and so on. A verified IPv4"
    " address does not refute an IPv6 address.",
    ("m", "name"),
    f"SELECT t.m, t.name, {counts(_COUNTS)} FROM trust t"
    f" LEFT JOIN name_answer a ON {same('t', 'a', 'm', 'name', 'address')}"
    f" LEFT JOIN trusted_network w ON {same('t', 'w', 'm', 'name', 'asn')}"
    f" LEFT JOIN (SELECT DISTINCT m, name FROM trusted_network) v ON {same('t', 'v', 'm', 'name')}"
    f" LEFT JOIN (SELECT m, name, {_FAMILIES} FROM name_answer GROUP BY m, name) f ON {same('t', 'f', 'm', 'name')}"
    " GROUP BY t.m, t.name",
)

CONTROL_QUERIES = Statement(
    "timely_control_query",
    "The control's queries without answers that are too old for the lookups here.",
    ("m", "n", "q"),
    "SELECT l.m, l.hostname, l.n, l.q, l.query_family, l.local_fault, l.answered, l.dns_kind FROM dns_query l"
    " LEFT JOIN system_span s ON s.m = l.m AND s.name = l.hostname WHERE l.origin = 'control'"
    " GROUP BY l.m, l.hostname, l.n, l.q, l.query_family, l.local_fault, l.answered, l.dns_kind"
    " HAVING NOT l.answered OR count(s.m) = 0"
    f" OR count(CASE WHEN {near('l.began', 's.t0', 's.t', CONTROL_LOOKUP.seconds)} THEN s.m END) > 0",
)

_LOOKUP_COUNTS = {
    "addresses": "address IS NOT NULL",
    "attempts": "address IS NULL AND at_control",
    "successes": "address IS NULL AND at_control AND answered",
    "denials": "address IS NULL AND dns_kind = 'nxdomain'",
    "failures": "address IS NULL AND at_control AND query_family <> 6"
    " AND dns_kind IN ('servfail', 'refused', 'timeout')",
}

TRUSTED_LOOKUPS = Statement(
    "name_control",
    "How the control's resolver and encrypted resolvers answered for a name.",
    ("m", "name"),
    f"SELECT m, name, {counts(_LOOKUP_COUNTS)} FROM (SELECT DISTINCT a.m, a.name, a.address, TRUE AS at_control,"
    f" TRUE AS answered, '' AS dns_kind, 0 AS query_family FROM timely_control_query l JOIN given_address a"
    f" ON {same('l', 'a', 'm', 'n', 'q')} AND a.used"
    " UNION ALL SELECT m, hostname, NULL, TRUE, answered, dns_kind, query_family FROM timely_control_query"
    " WHERE NOT local_fault"
    " UNION ALL SELECT m, hostname, NULL, FALSE, answered, dns_kind, query_family FROM dns_query"
    " WHERE origin = 'probe' AND encrypted AND dns_kind = 'nxdomain') l GROUP BY m, name",
)

OTHER_ANSWERS = Statement(
    "resolver_worked",
    "When the system resolver answered for a name. `usual`: with addresses of which none is a bogon.",
    ("m", "name", "t0", "t", "usual"),
    "SELECT DISTINCT l.m, l.hostname AS name, l.t0, l.t, l.answered AND g.bogons = 0 AS usual FROM system_query l"
    f" JOIN message g ON {same('l', 'g', 'm', 'n', 'q')} AND g.d = 0"
    " WHERE l.answered OR l.dns_kind IN ('nxdomain', 'no_answer')",
)

_BEGIN, _END = f"t0 - {RESOLVER_WORKS.seconds}", f"t + {RESOLVER_WORKS.seconds}"
_LATEST = "max(t) OVER (PARTITION BY m, name ORDER BY t0, t ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"

_RESOLVER_PERIOD = (
    "SELECT m, name, min(begin) AS began, max(ended) AS ended FROM (SELECT m, name, begin, ended,"
    " count(first) OVER (PARTITION BY m, name ORDER BY t0, t) AS period FROM (SELECT m, name, t0, t,"
    f" {_BEGIN} AS begin, {_END} AS ended,"
    f" CASE WHEN {_BEGIN} <= {_LATEST} + {RESOLVER_WORKS.seconds} THEN NULL ELSE 1 END AS first"
    f" FROM system_span WHERE {_BEGIN} <= {_END}) s) s GROUP BY m, name, period"
)
"""Periods in which an answer for another name shows that the resolver worked. Those that overlap are one."""

OTHER_NAMES = Statement(
    "other_name",
    "Other names for which the system resolver answered near in time to the lookups of a name.",
    ("m", "name"),
    "SELECT s.m, s.name, count(DISTINCT o.name) AS names, count(*) FILTER (WHERE o.usual) > 0 AS usual"
    f" FROM ({_RESOLVER_PERIOD}) s JOIN resolver_worked o ON o.m = s.m AND o.name <> s.name"
    " WHERE s.began <= o.t0 AND o.t0 <= s.ended GROUP BY s.m, s.name",
)

ANSWERED_BETWEEN = Statement(
    "answered_between",
    "Other names for which the system resolver answered while it was silent for a name. It may have been gone for a"
    " time. The library repeats its query in the second half of its patience. Only an answer to a query between both,"
    " which was not repeated itself, shows that the resolver was not gone from one to the other.",
    ("m", "name"),
    "SELECT s.m, s.name, count(DISTINCT o.name) AS names"
    f" FROM name_lookup l JOIN system_span s ON {same('l', 's', 'm', 'name')}"
    " JOIN resolver_worked o ON o.m = s.m AND o.name <> s.name"
    f" WHERE l.failure_kind = 'timeout' AND s.t0 + {_ANSWERED_WITHIN} <= o.t0 AND o.t0 <= (s.t0 + s.t) / 2"
    " AND o.t - o.t0 <= (s.t - s.t0) / 2"
    " GROUP BY s.m, s.name",
)

_NAMES_LOST = "SELECT m, count(*) AS names FROM name_lookup WHERE answers > 0 AND timeouts > 0 GROUP BY m"
"""How many names the system resolver answered one query for and not another."""

ANSWER_STATEMENTS = (
    FAMILY_ANSWERS,
    NAME_ANSWERS,
    TRUSTED_NETWORKS,
    ANSWER_COUNTS,
    CONTROL_QUERIES,
    TRUSTED_LOOKUPS,
    OTHER_ANSWERS,
    OTHER_NAMES,
    ANSWERED_BETWEEN,
)


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

_QUICKEST_CONNECT = (
    "SELECT m, address, min(tcp_seconds) AS seconds FROM observation WHERE origin = 'probe' AND tcp_attempts > 0"
    " AND tcp_failure IS NULL AND tcp_seconds > 0 GROUP BY m, address"
)
"""The shortest time of a TCP connect to an address."""

_TO_DARK = f"l.followup = '{DARK}' AND (l.asked_address <> '{_HELPER}' OR d.m IS NOT NULL)"

RACED_QUERIES = Statement(
    "raced_query",
    "The queries over UDP to the system resolver, the assigned one and public ones, with their races.",
    _QUERY,
    "SELECT l.m, l.n, l.q, l.hostname AS name, l.query_family, l.resolver = 'system' AS at_system,"
    f" l.followup = '{REPEATED}' AS repeated, l.followup = '{ASSIGNED}' AS at_assigned,"
    " l.datagrams > 0 AND COALESCE(u.unlike_usual, FALSE) AS unlike_usual,"
    f" COALESCE(l.round_trip > 0 AND l.round_trip < {_TOO_FAST} * c.seconds, FALSE) AS too_fast,"
    " COALESCE(r.forged_first, FALSE) AS forged_first, COALESCE(r.forged_late, FALSE) AS forged_late,"
    " COALESCE(r.doubled, FALSE) AS doubled, g.trusted AS genuine, g.forged AS forged,"
    " g.forged AND (g.denies OR g.bogons = g.address_count) AS impossible"
    f" FROM dns_query l JOIN name_message g ON {same('l', 'g', *_QUERY)} AND g.d = 0"
    f" LEFT JOIN message u ON {same('l', 'u', *_QUERY)} AND u.d = 1"
    f" LEFT JOIN name_race r ON {same('l', 'r', *_QUERY)}"
    f" LEFT JOIN ({_QUICKEST_CONNECT}) c ON c.m = l.m AND c.address = l.asked_address"
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

_FORGED_COUNTS = {
    "forged_first": "part = 'race' AND at_system AND forged_first",
    "system_genuine": "part = 'race' AND at_system AND genuine AND NOT forged_first AND NOT forged_late"
    " AND NOT repeated",
    "repeated_genuine": "part = 'race' AND repeated AND genuine AND NOT forged_first AND NOT forged_late",
    "system_forged": "part = 'race' AND at_system AND forged",
    "repeated": "part = 'race' AND repeated",
    "forged_public": "part = 'race' AND NOT at_system AND NOT at_assigned AND forged_first",
    "forged_late": "part = 'race' AND forged_late",
    "doubled": "part = 'race' AND doubled",
    "public_genuine": "part = 'race' AND NOT at_system AND NOT at_assigned AND genuine",
    "public_forged": "part = 'race' AND NOT at_system AND NOT at_assigned AND forged",
    "assigned_genuine": "part = 'race' AND at_assigned AND genuine AND NOT forged_first AND NOT forged_late",
    "assigned_forged": "part = 'race' AND at_assigned AND impossible",
    "unlike": "part = 'race' AND at_system AND unlike_usual",
    "too_fast": "part = 'race' AND NOT at_system AND NOT at_assigned AND too_fast",
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
    f"SELECT m, name, {counts(_FORGED_COUNTS)} FROM ("
    "SELECT m, name, 'race' AS part, at_system, forged_first, forged_late, doubled, genuine, forged, unlike_usual,"
    " too_fast, repeated, at_assigned, impossible FROM raced_query UNION ALL"
    f" SELECT m, name, 'dark', FALSE, FALSE, FALSE, FALSE, genuine AND asked_address <> '{_HELPER}',"
    " forged AND NOT genuine AND NOT intercepted, FALSE, FALSE, FALSE, FALSE, FALSE FROM dark_query UNION ALL"
    " SELECT m, name, 'message', FALSE, FALSE, FALSE, FALSE, address_count > 0, address_count > bogons, FALSE, FALSE,"
    " FALSE, FALSE, FALSE FROM forged_message) r GROUP BY m, name",
)

_SPARED = (
    "SELECT DISTINCT a.m, a.name FROM family_answer a LEFT JOIN raced_query r ON r.m = a.m AND r.name = a.name"
    " AND r.query_family = a.family AND r.forged_first WHERE a.certified_here AND r.m IS NULL"
)
"""Names with a family in which an answer of the system resolver proved here to be the name's, and no forged answer came
first."""

FORGERY_STATEMENTS = (SILENT_DARK, RACED_QUERIES, DARK_QUERIES, FORGED_MESSAGES, FORGERIES)


_BY_NAME = {
    "l": "name_lookup",
    "c": "name_check",
    "p": f"({NAME_PREFLIGHT})",
    "t": "name_trust",
    "k": "name_control",
    "o": "other_name",
    "b": "answered_between",
    "f": "name_forgery",
    "s": f"({_SPARED})",
}
_BY_MEASUREMENT = {"g": "measurement", "i": "access_line", "d": "dark_silent", "w": f"({_NAMES_LOST})"}
_SOURCE = "FROM service_host h" + "".join(
    [
        f" LEFT JOIN {table} {short} ON {same('h', short, 'm', 'name')}"
        for short, table in by_short_name(_BY_NAME, *(part.joined for part in PARTS_OF_NAMES)).items()
    ]
    + [
        f" LEFT JOIN {table} {short} ON {short}.m = h.m AND h.name IS NOT NULL"
        for short, table in _BY_MEASUREMENT.items()
    ]
)

NAME_ROWS = Statement(
    "name_row",
    "What is known about the resolution of each host name.",
    ("m", "host"),
    feature_select(NameRow, "h.m, h.host", _SOURCE),
)

NAMES_DECIDED = decided("name_decided", "The rule that holds for each host name.", NameRow, ("m", "host"), "name_row")

NAME_STATEMENTS = (
    *LOOKUP_STATEMENTS,
    *TRUST_STATEMENTS,
    *RACE_STATEMENTS,
    *SYSTEM_STATEMENTS,
    *ANSWER_STATEMENTS,
    *FORGERY_STATEMENTS,
    *RESOLVER_STATEMENTS,
    *(statement for part in PARTS_OF_NAMES for statement in part.statements),
    NAME_ROWS,
    NAMES_DECIDED,
)
"""The statements about names, in order. They need the table `flow`."""
