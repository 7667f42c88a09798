"""Describe the follow-ups that ask another resolver."""

from probe.formats.followups.kind import FollowUpKind
from probe.messages import mark

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
