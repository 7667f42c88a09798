"""Compare the system resolver's answers for a name with its trusted addresses, and with other names' answers."""

from probe.analysis.pipeline.expressions import any_in, counts, near, same
from probe.analysis.pipeline.statement import Statement
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
    "SELECT l.m, l.hostname, l.n, l.q, l.local_fault, l.answered, l.dns_kind FROM dns_query l"
    " LEFT JOIN system_span s ON s.m = l.m AND s.name = l.hostname WHERE l.origin = 'control'"
    " GROUP BY l.m, l.hostname, l.n, l.q, l.local_fault, l.answered, l.dns_kind"
    " HAVING NOT l.answered OR count(s.m) = 0"
    f" OR count(CASE WHEN {near('l.began', 's.t0', 's.t', CONTROL_LOOKUP.seconds)} THEN s.m END) > 0",
)

_LOOKUP_COUNTS = {
    "addresses": "address IS NOT NULL",
    "attempts": "address IS NULL AND at_control",
    "successes": "address IS NULL AND at_control AND answered",
    "denials": "address IS NULL AND dns_kind = 'nxdomain'",
}

TRUSTED_LOOKUPS = Statement(
    "name_control",
    "How the control's resolver and encrypted resolvers answered for a name.",
    ("m", "name"),
    f"SELECT m, name, {counts(_LOOKUP_COUNTS)} FROM (SELECT DISTINCT a.m, a.name, a.address, TRUE AS at_control,"
    f" TRUE AS answered, '' AS dns_kind FROM timely_control_query l JOIN given_address a"
    f" ON {same('l', 'a', 'm', 'n', 'q')} AND a.used"
    " UNION ALL SELECT m, hostname, NULL, TRUE, answered, dns_kind FROM timely_control_query WHERE NOT local_fault"
    " UNION ALL SELECT m, hostname, NULL, FALSE, answered, dns_kind FROM dns_query"
    " WHERE origin = 'probe' AND encrypted AND dns_kind = 'nxdomain') l GROUP BY m, name",
)

OTHER_ANSWERS = Statement(
    "resolver_worked",
    "When the system resolver answered for a name. `usual`: with addresses of which none is a bogon.",
    ("m", "name", "t0", "usual"),
    "SELECT DISTINCT l.m, l.hostname AS name, l.t0, l.answered AND g.bogons = 0 AS usual FROM system_query l"
    f" JOIN message g ON {same('l', 'g', 'm', 'n', 'q')} AND g.d = 0"
    " WHERE l.answered OR l.dns_kind IN ('nxdomain', 'no_answer')",
)

_BEGIN, _END = f"t0 - {RESOLVER_WORKS.seconds}", f"t + {RESOLVER_WORKS.seconds}"
_LATEST = "max(t) OVER (PARTITION BY m, name ORDER BY t0, t ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"

PERIODS = Statement(
    "resolver_period",
    "Periods in which an answer for another name shows that the resolver worked. Those that overlap are one.",
    ("m", "name", "began"),
    "SELECT m, name, min(begin) AS began, max(ended) AS ended FROM (SELECT m, name, begin, ended,"
    " count(first) OVER (PARTITION BY m, name ORDER BY t0, t) AS period FROM (SELECT m, name, t0, t,"
    f" {_BEGIN} AS begin, {_END} AS ended,"
    f" CASE WHEN {_BEGIN} <= {_LATEST} + {RESOLVER_WORKS.seconds} THEN NULL ELSE 1 END AS first"
    f" FROM system_span WHERE {_BEGIN} <= {_END}) s) s GROUP BY m, name, period",
)

OTHER_NAMES = Statement(
    "other_name",
    "Other names for which the system resolver answered near in time to the lookups of a name.",
    ("m", "name"),
    "SELECT s.m, s.name, count(DISTINCT o.name) AS names, count(*) FILTER (WHERE o.usual) > 0 AS usual"
    " FROM resolver_period s JOIN resolver_worked o ON o.m = s.m AND o.name <> s.name"
    " WHERE s.began <= o.t0 AND o.t0 <= s.ended GROUP BY s.m, s.name",
)

ANSWERED_BETWEEN = Statement(
    "answered_between",
    "Other names for which the system resolver answered while it was silent for a name. It may have been gone for a"
    " time. The library repeats its query in the second half of its patience. Only an answer to a query between both"
    " shows that the resolver was not gone from one to the other.",
    ("m", "name"),
    "SELECT s.m, s.name, count(DISTINCT o.name) AS names"
    f" FROM name_lookup l JOIN system_span s ON {same('l', 's', 'm', 'name')}"
    " JOIN resolver_worked o ON o.m = s.m AND o.name <> s.name"
    f" WHERE l.failure_kind = 'timeout' AND s.t0 + {_ANSWERED_WITHIN} <= o.t0 AND o.t0 <= (s.t0 + s.t) / 2"
    " GROUP BY s.m, s.name",
)

LOST_NAMES = Statement(
    "names_lost",
    "How many names the system resolver answered one query for and not another.",
    ("m",),
    "SELECT m, count(*) AS names FROM name_lookup WHERE answers > 0 AND timeouts > 0 GROUP BY m",
)

ANSWER_STATEMENTS = (
    FAMILY_ANSWERS,
    NAME_ANSWERS,
    TRUSTED_NETWORKS,
    ANSWER_COUNTS,
    CONTROL_QUERIES,
    TRUSTED_LOOKUPS,
    OTHER_ANSWERS,
    PERIODS,
    OTHER_NAMES,
    ANSWERED_BETWEEN,
    LOST_NAMES,
)
