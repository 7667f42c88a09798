"""Define the lookups that fail because the resolver limits the queries of one client, or fails for a time.

A run sends many queries. A limit refuses some of them, whatever their name is, and none after a rest.
"""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import same
from probe.analysis.sql.link_counts import or_zero
from probe.analysis.sql.statement import Statement
from probe.messages import mark
from probe.signatures.evidence_age import RESOLVER_WORKS

INNOCUOUS_FAILED = Statement(
    "innocuous_lookup_failed",
    "How often the system resolver failed for an innocuous name at about the time when it failed for a name. The"
    " system's library does not tell a refusal from another failure.",
    ("m", "name"),
    "SELECT l.m, l.name, count(*) AS lookups FROM name_lookup l"
    f" JOIN system_span s ON {same('l', 's', 'm', 'name')}"
    " JOIN dns_query o ON o.m = l.m AND o.followup = 'innocuous_name_system_resolver' AND o.hostname <> l.name"
    " AND o.dns_kind IN ('refused', 'servfail', 'other') AND NOT o.local_fault"
    " WHERE l.failure_kind IN ('refused', 'servfail')"
    f" AND s.t0 <= o.t0 AND o.t0 <= s.t + {RESOLVER_WORKS.seconds} GROUP BY l.m, l.name",
)

RECOVERED = Statement(
    "recovered_names",
    "How many names the system resolver failed for, and gave a verified address for after a rest.",
    ("m",),
    "SELECT m, count(*) AS names FROM name_forgery WHERE repeated_genuine > 0 GROUP BY m",
)


@dataclass
class QueryLimitColumns:
    """Count what speaks against a failure that concerns one name."""

    dns_repeated_genuine: int = column(
        0,
        "Queries for the name to the system resolver, after a rest, that got a verified address.",
        or_zero("f.repeated_genuine"),
    )
    dns_others_recovered: int = column(
        0,
        "Other names that the resolver failed for and gave after a rest, if this name was not asked for again.",
        "COALESCE(CASE WHEN COALESCE(f.repeated, 0) = 0 THEN"
        " (SELECT r.names FROM recovered_names r WHERE r.m = h.m) END, 0)",
    )
    dns_innocuous_failed: int = column(
        0,
        "Lookups of an innocuous name that the resolver failed at too at about that time.",
        or_zero("e.lookups"),
    )
    control_lookup_failures: int = column(
        0,
        "Queries for the name's IPv4 addresses at the control to which its resolver gave no answer or a failure.",
        or_zero("k.failures"),
    )


_FAILS_FOR_OTHERS = "dns_innocuous_failed + dns_repeated_genuine + dns_others_recovered > 0"

FAILS_FOR_THIS_NAME = f"NOT ({_FAILS_FOR_OTHERS}) AND control_lookup_failures = 0"
"""The failure concerns this name alone, lasts, and was not seen at the control."""

_LIMITS_QUERIES = Kind(
    "dns_resolver_limits_queries",
    State.IMPAIRED,
    because=(
        "The system resolver fails for this name. It fails for an innocuous name too, or gives a verified address "
        "after a rest. A resolver that limits the queries of one client does that."
    ),
    plain=mark(
        "The name server of this network gave no address for {host} for a time, while this program sent many queries. "
        "It may limit their number. This is no sign of blocking. Run the test again with fewer apps at a time."
    ),
)

QUERY_LIMIT_RULE = _LIMITS_QUERIES.rule(
    "(dns_failure_kind = 'refused' OR dns_failure_kind = 'servfail')"
    " AND (dns_proven_here > 0 OR dns_proven_authenticated > 0) AND dns_other_names_resolved > 0"
    f" AND {_FAILS_FOR_OTHERS} AND dns_public_forged + dns_dark_forged = 0",
    way="own_load",
)

QUERY_LIMITS = Phenomenon(
    "query_limits",
    "The resolver limits the queries of one client, or fails for a time.",
    name_part=RowPart(QueryLimitColumns, {"e": "innocuous_lookup_failed"}, (INNOCUOUS_FAILED, RECOVERED)),
)
