"""Compare the answers of resolvers that are targets themselves with the answers of trusted sources."""

from probe.analysis.pipeline.expressions import counts, dns_kind_of, same
from probe.analysis.pipeline.names.races import judged_messages, races
from probe.analysis.pipeline.statement import Statement

_QUERY = "m", "n", "q"

LAST_QUERIES = Statement(
    "resolver_query",
    "The last query of each attempt at a resolver that is a target.",
    _QUERY,
    "SELECT f.m, f.n, l.q, f.endpoint, f.address, l.hostname, l.datagrams,"
    f" {dns_kind_of('f.payload_failure')} AS kind FROM flow f"
    " JOIN endpoint_fact e ON e.endpoint = f.endpoint AND e.is_resolver"
    f" JOIN lookup l ON {same('f', 'l', 'm', 'n')} AND l.is_last"
    " WHERE f.origin = 'probe' AND f.own AND NOT f.maybe_residual AND f.payload_tested",
)

TRUSTED = Statement(
    "resolver_trusted",
    "Addresses of the names that resolvers were asked for: from the control, from encrypted resolvers, and of neutral"
    " hosts that were certified in the preflight.",
    ("m", "name", "address"),
    "SELECT t.m, t.name, t.address, COALESCE(x.asn, 0) AS asn FROM (SELECT DISTINCT t.m, t.name, t.address FROM ("
    "SELECT m, name, address FROM address_source WHERE authenticated OR from_control UNION ALL"
    " SELECT m, endpoint_host, address FROM neutral_result WHERE check_number = 0 AND worked) t"
    " JOIN resolver_query l ON l.m = t.m AND l.hostname = t.name) t"
    " LEFT JOIN address_fact x ON x.m = t.m AND x.address = t.address",
)

JUDGED = judged_messages(
    "resolver",
    "the attempts at resolvers",
    "resolver_trusted",
    f"FROM message g CROSS JOIN resolver_query l WHERE {same('g', 'l', *_QUERY)}",
)

_NETWORKS = counts({"networks": "asn <> 0", "shared": "asn <> 0 AND known"})
_TRUSTED_SIZE = "SELECT m, name, count(*) AS addresses, count(*) FILTER (WHERE asn <> 0) AS networks"

ANSWERS = Statement(
    "resolver_answer",
    "What each attempt at a resolver got. `trusted` is the number of trusted addresses of the name queried. It is 0"
    " where an earlier attempt at the same endpoint and address queried the same name.",
    ("m", "n"),
    "SELECT r.m, r.n, r.endpoint, r.hostname, r.kind, r.bogon, r.elsewhere, r.forged_first,"
    " r.bogon OR r.elsewhere OR r.forged_first AS is_false,"
    " CASE WHEN row_number() OVER (PARTITION BY r.m, r.endpoint, r.address, r.hostname ORDER BY r.n) = 1"
    " THEN r.known ELSE 0 END AS trusted FROM (SELECT l.m, l.n, l.endpoint, l.address, l.hostname, l.kind,"
    " g.bogons > 0 AS bogon, COALESCE(c.forged_first, FALSE) AS forged_first,"
    " COALESCE(t.addresses, 0) AS known, COALESCE(NOT g.trusted AND t.networks > 0 AND a.networks > 0"
    " AND a.shared = 0, FALSE) AS elsewhere"
    f" FROM resolver_query l JOIN resolver_message g ON {same('l', 'g', *_QUERY)} AND g.d = 0"
    f" LEFT JOIN resolver_race c ON {same('l', 'c', *_QUERY)}"
    f" LEFT JOIN ({_TRUSTED_SIZE} FROM resolver_trusted GROUP BY m, name) t ON t.m = l.m AND t.name = l.hostname"
    f" LEFT JOIN (SELECT m, n, q, {_NETWORKS} FROM (SELECT l.m, l.n, l.q, x.asn, t.m IS NOT NULL AS known"
    f" FROM resolver_query l JOIN answer a ON {same('l', 'a', *_QUERY)} AND a.d = 0"
    " JOIN address_fact x ON x.m = a.m AND x.address = a.address"
    " LEFT JOIN (SELECT DISTINCT m, name, asn FROM resolver_trusted) t"
    " ON t.m = l.m AND t.name = l.hostname AND t.asn = x.asn) a GROUP BY m, n, q) a"
    f" ON {same('l', 'a', *_QUERY)}) r",
)

RESOLVER_STATEMENTS = (LAST_QUERIES, TRUSTED, JUDGED, races("resolver", "the attempts at resolvers"), ANSWERS)
