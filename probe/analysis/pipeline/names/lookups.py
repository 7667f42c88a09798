"""Compute what each DNS query shows by itself."""

from probe.analysis.pipeline.expressions import dns_kind_of, is_local, same
from probe.analysis.pipeline.inputs import LOOKUP
from probe.analysis.pipeline.statement import Statement

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
    "SELECT a.m, a.n, a.q, a.d, a.address, l.hostname AS name, l.origin, l.encrypted, l.at_system,"
    " a.d = 0 AND l.query_failure IS NULL AS used"
    f" FROM answer a CROSS JOIN dns_query l WHERE {same('a', 'l', 'm', 'n', 'q')}",
)

NAME_TRANSACTIONS = Statement(
    "name_transaction",
    "The probe's transactions that queried a name.",
    ("m", "host", "transaction_id"),
    "SELECT DISTINCT m, hostname AS host, transaction_id FROM dns_query WHERE origin = 'probe'",
)

SYSTEM_SPANS = Statement(
    "system_span",
    "When the system resolver was asked for a name.",
    ("m", "name", "t0", "t"),
    "SELECT DISTINCT m, hostname AS name, t0, t FROM dns_query WHERE at_system",
)

LOOKUP_STATEMENTS = (QUERIES, GIVEN, NAME_TRANSACTIONS, SYSTEM_SPANS)
