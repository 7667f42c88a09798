"""Find out how the system resolver answered for each name, and when."""

from probe.analysis.pipeline.expressions import any_in, counts, dns_kind_of, is_local, near, quoted, same
from probe.analysis.pipeline.statement import Statement
from probe.formats import failures as f
from probe.signatures.evidence_age import NETWORK_CHECK, RESOLVER_FACTS

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
    "l.m, l.n, l.q, l.place, l.hostname, l.query_family, l.engine, l.query_failure, l.answered, l.t0, l.dns_kind,"
    " l.local_fault"
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
    " FROM dns_query l LEFT JOIN family f ON f.m = l.m AND f.family = l.query_family WHERE at_system) l",
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

CHECK_STATES = Statement(
    "check_state",
    "Each check of the network: did it reach no neutral host of any family that works?",
    ("m", "check_number"),
    "SELECT m, check_number, began, count(*) FILTER (WHERE works) > 0"
    " AND count(*) FILTER (WHERE works AND NOT lost) = 0 AS lost_all FROM network_check"
    " GROUP BY m, check_number, began",
)

_NEAR = near("c.began", "s.t0", "s.t", NETWORK_CHECK.seconds)

CHECKS = Statement(
    "name_check",
    "The checks of the network near in time to the lookups of a name that failed.",
    ("m", "name"),
    f"SELECT l.m, l.name, count(*) FILTER (WHERE {_NEAR}) > 0 AS checked,"
    f" count(*) FILTER (WHERE {_NEAR} AND c.lost_all) > 0"
    " AND count(*) FILTER (WHERE c.check_number = 0 AND c.lost_all) = 0 AS lost"
    f" FROM name_lookup l JOIN system_span s ON {same('l', 's', 'm', 'name')} JOIN check_state c ON c.m = l.m"
    " WHERE l.failure IS NOT NULL GROUP BY l.m, l.name",
)

PREFLIGHT_TIMES = Statement(
    "name_preflight",
    "Names whose lookups are so near in time to the preflight that its facts about resolvers count, or are not.",
    ("m", "name"),
    f"SELECT s.m, s.name, count(*) FILTER (WHERE "
    f"{near('g.preflight_began', 's.t0', 's.t', RESOLVER_FACTS.seconds)}) > 0 AS timely"
    " FROM system_span s JOIN measurement g ON g.m = s.m GROUP BY s.m, s.name",
)

SYSTEM_STATEMENTS = (SERVICE_HOSTS, SYSTEM_QUERIES, LOOKUPS, CHECK_STATES, CHECKS, PREFLIGHT_TIMES)
