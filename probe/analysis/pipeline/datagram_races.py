"""Find contradicting answers to one query, for names of targets and for resolvers that are targets."""

from probe.analysis.sql.expressions import counts, dns_kind_of, same
from probe.analysis.sql.statement import Statement
from probe.formats import failures as f

DARK = "dark_resolver"
_KEY = "m", "n", "q", "d"
_DENIES = f"COALESCE(g.message_failure IN ('{f.DNS_NXDOMAIN}', '{f.DNS_NO_ANSWER}'), FALSE)"


def judged_messages(name: str, meaning: str, trusted: str, queries: str) -> Statement:
    """Return the statement that finds forged messages, compared with the addresses of the table `trusted`.

    A message without a trusted address is forged. A denial is forged if a trusted address is known. `trusted` has the
    columns m, name and address. `queries` is FROM on, for messages `g` and their queries `l`.
    """
    return Statement(
        f"{name}_message",
        f"Messages that answered {meaning}: are they forged?",
        _KEY,
        "SELECT g.*, a.m IS NOT NULL AS trusted,"
        " CASE WHEN g.denies THEN k.m IS NOT NULL ELSE g.address_count > 0 AND a.m IS NULL END AS forged"
        f" FROM (SELECT g.*, l.hostname, l.datagrams, g.address_count = 0 AND {_DENIES} AS denies {queries}) g"
        f" LEFT JOIN (SELECT DISTINCT m, name FROM {trusted}) k ON k.m = g.m AND k.name = g.hostname"
        f" LEFT JOIN (SELECT DISTINCT a.m, a.n, a.q, a.d FROM given_address a CROSS JOIN {trusted} t"
        f" WHERE a.origin = 'probe' AND {same('a', 't', 'm', 'name', 'address')}) a ON {same('g', 'a', *_KEY)}",
    )


def races(name: str, meaning: str) -> Statement:
    """Return the statement that compares the datagrams of each query, after that of `judged_messages`."""
    return Statement(
        f"{name}_race",
        f"What the datagrams that answered {meaning} show.",
        ("m", "n", "q"),
        "SELECT p.m, p.n, p.q, count(*) FILTER (WHERE one.forged AND p.contradicts) > 0 AS forged_first,"
        " count(*) FILTER (WHERE other.forged AND NOT one.forged AND p.contradicts) > 0 AS forged_late,"
        " count(*) FILTER (WHERE p.copies) > 0 AS doubled"
        f" FROM later_datagram p JOIN {name}_message one ON {same('p', 'one', 'm', 'n', 'q')}"
        f" AND one.d = p.first_d JOIN {name}_message other ON {same('p', 'other', *_KEY)} GROUP BY p.m, p.n, p.q",
    )


MESSAGES = judged_messages(
    "name",
    "queries for names over UDP and to non-resolvers",
    "verified_address",
    f"FROM message g CROSS JOIN dns_query l WHERE {same('g', 'l', 'm', 'n', 'q')} AND l.origin = 'probe'"
    f" AND (l.engine = 'udp' OR l.followup = '{DARK}' OR l.datagrams > 1)",
)

DATAGRAMS = Statement(
    "racing_datagram",
    "The datagrams with addresses or a denial, where one query got at least two.",
    _KEY,
    "SELECT * FROM (SELECT g.m, g.n, g.q, g.d, g.denies, g.ip_ttl, g.address_set, g.message_failure,"
    " min(g.d) OVER (PARTITION BY g.m, g.n, g.q) AS first_d, count(*) OVER (PARTITION BY g.m, g.n, g.q) AS datagrams"
    " FROM name_message g WHERE g.d > 0 AND g.datagrams > 1 AND (g.address_count > 0 OR g.denies)) g"
    " WHERE datagrams > 1",
)

DATAGRAM_ADDRESSES = Statement(
    "racing_address",
    "The addresses in racing datagrams.",
    (*_KEY, "address"),
    "SELECT a.m, a.n, a.q, a.d, g.first_d, a.address, x.asn FROM given_address a CROSS JOIN racing_datagram g"
    f" JOIN address_fact x ON x.m = a.m AND x.address = a.address WHERE {same('a', 'g', *_KEY)}",
)

_TWO_DEVICES = "one.ip_ttl <> 0 AND other.ip_ttl <> 0 AND one.ip_ttl <> other.ip_ttl"
_CONTRADICTS = (
    "CASE WHEN one.denies OR other.denies THEN NOT (one.denies AND other.denies)"
    f" WHEN s.addresses > 0 THEN FALSE ELSE COALESCE(s.networks, 0) = 0 OR ({_TWO_DEVICES}) END"
)
_SAME_CONTENT = (
    "one.address_set = other.address_set AND (one.message_failure = other.message_failure"
    " OR (one.message_failure IS NULL AND other.message_failure IS NULL))"
)

SHARED = Statement(
    "shared_with_first",
    "How many addresses and networks (AS) of a later datagram are in the first one too.",
    _KEY,
    "SELECT m, n, q, d, count(address) AS addresses, count(asn) AS networks FROM ("
    "SELECT b.m, b.n, b.q, b.d, b.address, NULL AS asn FROM racing_address a JOIN racing_address b"
    f" ON {same('a', 'b', 'm', 'n', 'q', 'address')} WHERE a.d = a.first_d AND b.d > b.first_d"
    " UNION SELECT b.m, b.n, b.q, b.d, NULL, b.asn FROM racing_address a JOIN racing_address b"
    f" ON {same('a', 'b', 'm', 'n', 'q', 'asn')} WHERE a.d = a.first_d AND b.d > b.first_d AND a.asn <> 0"
    ") s GROUP BY m, n, q, d",
)

PAIRS = Statement(
    "later_datagram",
    "Each racing datagram but the first: does it contradict the first one, or copy it?",
    _KEY,
    f"SELECT other.m, other.n, other.q, other.d, other.first_d, {_CONTRADICTS} AS contradicts,"
    f" COALESCE({_SAME_CONTENT} AND {_TWO_DEVICES}, FALSE) AS copies"
    f" FROM racing_datagram other JOIN racing_datagram one ON {same('other', 'one', 'm', 'n', 'q')}"
    f" AND one.d = other.first_d LEFT JOIN shared_with_first s ON {same('other', 's', *_KEY)}"
    " WHERE other.d > other.first_d",
)

RACE_STATEMENTS = (
    MESSAGES,
    DATAGRAMS,
    DATAGRAM_ADDRESSES,
    SHARED,
    PAIRS,
    races("name", "queries for names over UDP"),
)


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
