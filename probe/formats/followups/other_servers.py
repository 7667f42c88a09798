"""Describe the follow-ups that ask another resolver.

Describe the follow-ups that look at the path, or take another one.
"""

from probe.formats.followups.kind import FollowUpKind
from probe.messages import mark

PATHS = (
    FollowUpKind(
        "path_sweep",
        "innocuous packets with rising TTL to the address that failed",
        "TTL",
        0,
        "At the end of a measurement, before a hop search.",
        "Nothing was searched for, or the system lets the probe read no ICMP errors.",
        mark("sent packets with rising TTL towards {address}"),
    ),
    FollowUpKind(
        "limited_payload",
        "the failed name or payload with limited TTL to the same address",
        "TTL",
        1,
        "At the end of a measurement, for interference that the evidence shows, up to 3 flows (6 in a deep run). "
        "One more confirms the hop of a drop. After call packets to the helper disappeared.",
        "The evidence shows no interference, no trigger was left, or the time for searches was over.",
        mark("sent {name} to {address} with a limited TTL"),
    ),
    FollowUpKind(
        "near_reaction",
        "packets with TTL 1 and without a name to the address that failed, and to a neutral host in turn",
        "TTL",
        0,
        "After a connect or a datagram to a verified address failed twice.",
        "No neutral host of the address's family is verified, or the failure came later than the connect.",
        mark("sent packets with TTL 1 towards {address}, which only this computer and the first router see"),
        mark("the packets with TTL 1"),
        excludes_other_cause=True,
    ),
    FollowUpKind(
        "alternative_address",
        "the endpoint's own name or payload to an address that another resolver or the control gave",
        "address",
        1,
        "When the answer for a name is suspect and the endpoint was reached at none of its addresses.",
        "No trusted source gave another address, or the endpoint was reached.",
        mark("tried {name} at {address}, an address from another resolver"),
        mark("the addresses from other resolvers"),
    ),
)
"""Follow-ups about the path and other addresses."""

_RESOLVERS = "When the answer for a name is suspect, or an address of it is unverified and the attempt there failed."
_NOT_SUSPECT = "Nothing contradicted the answer for the name, or follow-ups were off."

RESOLVERS = (
    FollowUpKind(
        "innocuous_name_system_resolver",
        "a query for an innocuous name to the system resolver",
        "name",
        0,
        "While the answer for a name is due, and after the system resolver refused or failed. After a denial or a "
        "private address the innocuous name is a neutral host's.",
        "The answer for the name came in time and was a usual one.",
        mark("looked up the innocuous name {name} with the system resolver"),
        mark("the innocuous names at the system resolver"),
    ),
    FollowUpKind(
        "same_name_system_resolver",
        "the same query to the system resolver, alone and after a rest",
        "",
        1,
        "Some seconds after the system resolver refused or failed.",
        "The system resolver did not refuse or fail, no trigger was left, or the time for late answers was over.",
        mark("looked up {name} with the system resolver again, after a rest"),
        mark("the lookups that were repeated after a rest"),
        excludes_other_cause=True,
    ),
    FollowUpKind(
        "resolver_udp",
        "the same query to a public resolver over UDP",
        "resolver",
        1,
        _RESOLVERS,
        _NOT_SUSPECT,
        mark("looked up {name} with the public resolver {address} over UDP"),
        mark("the public resolvers over UDP"),
    ),
    FollowUpKind(
        "resolver_assigned",
        "the same query to the resolver that the network assigned",
        "resolver",
        1,
        _RESOLVERS,
        "The computer asks that resolver anyway, or the system does not tell which one it is. Or follow-ups were off.",
        mark("looked up {name} with the name server that the network assigned to this computer"),
        mark("the name server that the network assigned"),
        excludes_other_cause=True,
    ),
    FollowUpKind(
        "resolver_dot",
        "the same query to a public resolver over TLS",
        "resolver",
        0,
        _RESOLVERS,
        _NOT_SUSPECT,
        mark("looked up {name} with the public resolver {address} over TLS"),
    ),
    FollowUpKind(
        "resolver_doh",
        "the same query to a public resolver over HTTPS",
        "resolver",
        0,
        _RESOLVERS,
        _NOT_SUSPECT,
        mark("looked up {name} with the public resolver {address} over HTTPS"),
    ),
    FollowUpKind(
        "dark_resolver",
        "the same query to an address that runs no resolver, or to the helper's closed port",
        "resolver",
        1,
        _RESOLVERS,
        _NOT_SUSPECT,
        mark("looked up {name} at {address}, which runs no resolver"),
        mark("the queries to non-resolvers"),
    ),
    FollowUpKind(
        "dark_innocuous",
        "a query for an innocuous name to the helper's closed port",
        "name and address",
        0,
        f"{_RESOLVERS} Only if the helper's address was given.",
        "The user gave no helper, or gave it by name.",
        mark("looked up the innocuous name {name} at {address}, which runs no resolver"),
        mark("the queries to non-resolvers"),
    ),
)
"""Follow-ups that compare answers for a name."""
