"""Select the queries of the probe, and find out how the system resolver answered for each name, and when."""

from probe.analysis.pipeline.input_tables import LOOKUP
from probe.analysis.sql.expressions import any_in, counts, dns_kind_of, is_local, near, quoted, same
from probe.analysis.sql.statement import Statement
from probe.formats import failures as f
from probe.signatures.evidence_age import NETWORK_CHECK, RESOLVER_FACTS

_LEFT_OUT = "is_last"
_LOOKUP = ", ".join(f"l.{column}" for column in LOOKUP.columns if column != _LEFT_OUT)

QUERIES = Statement(
    "dns_query",
    "Each DNS query with its transaction and the kind of its failure.",
    ("m", "n", "q"),
    f"SELECT {_LOOKUP}, o.origin, o.transaction_id, o.followup, o.address AS asked_address, o.t0, o.t, o.began,"
    f" {dns_kind_of('l.query_failure')} AS dns_kind, {is_local('l.query_failure')} AS local_fault,"
    " o.origin = 'probe' AND l.resolver = 'system' AS at_system"
    " FROM observation o JOIN lookup l ON l.m = o.m AND l.n = o.n",
)

GIVEN = Statement(
    "given_address",
    "Each address in a message, with the name queried. `used`: it is in an answer that was used, without a failure.",
    ("m", "n", "q", "d", "address"),
    "SELECT a.m, a.n, a.q, a.d, a.address, l.hostname AS name, l.origin, l.encrypted, l.at_system, l.published,"
    " a.d = 0 AND l.query_failure IS NULL AS used"
    f" FROM answer a CROSS JOIN dns_query l WHERE {same('a', 'l', 'm', 'n', 'q')}",
)

REPEATED = "same_name_system_resolver"
"""The follow-up that repeats a failed lookup after a rest. It is no part of the lookup."""

ASSIGNED = "resolver_assigned"
"""The follow-up that asks the resolver that the network assigned, where the computer asks another one."""

SYSTEM_SPANS = Statement(
    "system_span",
    "When the system resolver was asked for a name.",
    ("m", "name", "t0", "t"),
    f"SELECT DISTINCT m, hostname AS name, t0, t FROM dns_query WHERE at_system AND followup <> '{REPEATED}'",
)

LOOKUP_STATEMENTS = (QUERIES, GIVEN, SYSTEM_SPANS)


SERVICE_HOSTS = Statement(
    "service_host",
    "The distinct hosts of the services' endpoints. `name` is NULL for an address, and for no host (invalid URL).",
    ("m", "host"),
    "SELECT DISTINCT s.m, COALESCE(e.host, '') AS host, CASE WHEN NOT e.is_literal THEN e.host END AS name"
    " FROM service_endpoint s LEFT JOIN endpoint_fact e ON e.endpoint = s.endpoint",
)

_INCONCLUSIVE = quoted((f.TIMEOUT, f.TIMED_OUT, f.DNS_MISBEHAVING))
_LIBRARY, _OWN_ANSWER = "engine <> 'udp'", "engine = 'udp' AND answered"
_CONCLUSIVE = f"NOT local_fault AND (query_failure IS NULL OR query_failure NOT IN {_INCONCLUSIVE})"
_DECIDING = (
    f"CASE WHEN NOT has_conclusive AND has_own_answer THEN {_OWN_ANSWER} WHEN has_library THEN {_LIBRARY} ELSE TRUE END"
)

_QUERY = (
    "l.m, l.n, l.q, l.place, l.hostname, l.query_family, l.engine, l.query_failure, l.answered, l.t0, l.t,"
    " l.dns_kind, l.local_fault, l.in_hosts_file"
)

SYSTEM_QUERIES = Statement(
    "system_query",
    "The queries to the system resolver. Those of the system library decide, or our own UDP queries to the same"
    " resolver if those were lost.",
    ("m", "n", "q"),
    f"SELECT l.*, {_DECIDING} AS deciding FROM (SELECT {_QUERY}, f.m IS NOT NULL AS family_works,"
    f" {any_in(_LIBRARY, 'l.m', 'hostname')} AS has_library,"
    f" {any_in(f'{_LIBRARY} AND {_CONCLUSIVE}', 'l.m', 'hostname')} AS has_conclusive,"
    f" {any_in(_OWN_ANSWER, 'l.m', 'hostname')} AS has_own_answer"
    " FROM dns_query l LEFT JOIN family f ON f.m = l.m AND f.family = l.query_family"
    f" WHERE at_system AND followup <> '{REPEATED}') l",
)

_PLACE = 12  # digits of lookup.place
_FAILURE = "COALESCE(query_failure, 'dns_no_answer')"
_PRECISE = "engine = 'udp' AND query_failure IS NOT NULL AND NOT local_fault AND dns_kind NOT IN ('other', 'no_answer')"


def _first(condition: str, value: str) -> str:
    return f"substr(min(CASE WHEN {condition} THEN place || {value} END), {_PLACE + 1})"


_COUNTS = {
    "attempts": "deciding",
    "local_faults": "deciding AND local_fault",
    "with_address": "deciding AND answered",
    "answers": "answered",
    "timeouts": "dns_kind = 'timeout'",
    "in_hosts_file": "deciding AND in_hosts_file",
}
_VAGUE = f"{dns_kind_of('first_failure')} = 'other' AND NOT {is_local('first_failure')}"

LOOKUPS = Statement(
    "name_lookup",
    "How the system resolver answered the queries for a name. Our own query is more precise than getaddrinfo.",
    ("m", "name"),
    f"SELECT n.*, {dns_kind_of('failure')} AS failure_kind FROM (SELECT n.*, CASE WHEN with_address > 0 THEN NULL"
    f" WHEN {_VAGUE} THEN COALESCE(precise, first_failure) ELSE first_failure END AS failure"
    f" FROM (SELECT m, hostname AS name, {counts(_COUNTS)},"
    f" COALESCE({_first('deciding AND family_works', _FAILURE)}, {_first('deciding', _FAILURE)}) AS first_failure,"
    f" {_first(_PRECISE, 'query_failure')} AS precise FROM system_query GROUP BY m, hostname) n) n",
)

_CHECK_STATE = (
    "SELECT m, check_number, began, count(*) FILTER (WHERE works) > 0"
    " AND count(*) FILTER (WHERE works AND NOT lost) = 0 AS lost_all FROM network_check"
    " GROUP BY m, check_number, began"
)
"""Each check of the network: did it reach no neutral host of any family that works?"""

_NEAR = near("c.began", "s.t0", "s.t", NETWORK_CHECK.seconds)

CHECKS = Statement(
    "name_check",
    "The checks of the network near in time to the lookups of a name that failed.",
    ("m", "name"),
    f"SELECT l.m, l.name, count(*) FILTER (WHERE {_NEAR}) > 0 AS checked,"
    f" count(*) FILTER (WHERE {_NEAR} AND c.lost_all) > 0"
    " AND count(*) FILTER (WHERE c.check_number = 0 AND c.lost_all) = 0 AS lost"
    f" FROM name_lookup l JOIN system_span s ON {same('l', 's', 'm', 'name')} JOIN ({_CHECK_STATE}) c ON c.m = l.m"
    " WHERE l.failure IS NOT NULL GROUP BY l.m, l.name",
)

NAME_PREFLIGHT = (
    "SELECT s.m, s.name, count(*) FILTER (WHERE "
    f"{near('g.preflight_began', 's.t0', 's.t', RESOLVER_FACTS.seconds)}) > 0 AS timely"
    " FROM system_span s JOIN measurement g ON g.m = s.m GROUP BY s.m, s.name"
)
"""Whether the lookups of a name are so near in time to the preflight that its facts about resolvers count."""

SYSTEM_STATEMENTS = (SERVICE_HOSTS, SYSTEM_QUERIES, LOOKUPS, CHECKS)
