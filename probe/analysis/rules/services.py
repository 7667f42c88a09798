"""The rules that combine: from a name and its addresses to an endpoint, from endpoints to a service."""

from probe.analysis.rules.rule import Rule, State

_ACCUSED = "blocked + likely_blocked + degraded > 0"
_GRAVEST_FIRST = (
    (State.BLOCKED, "Part of it is blocked."),
    (State.LIKELY_BLOCKED, "Part of it is likely blocked."),
    (State.DEGRADED, "Part of it works badly."),
    (State.IMPAIRED, "Part of it does not work, and the cause is unclear."),
    (State.DOWN, "Part of it does not work for anybody."),
    (State.INSUFFICIENT, "Of part of it too little is known."),
)


def _gravest(of: str) -> tuple[Rule, ...]:
    """The first state that any part has, from the gravest on; the part's own rule is shown."""
    return tuple(
        Rule(f"{of}_{state}", f"{state} > 0", state, because, defers=True) for state, because in _GRAVEST_FIRST
    )


ENDPOINT_RULES = (
    Rule(
        "endpoint_addresses_differ",
        f"NOT name_accused AND working > 0 AND {_ACCUSED}",
        State.DEGRADED,
        "It works at some of its addresses and is interfered with at others.",
    ),
    Rule(
        "endpoint_works",
        "name_fine AND working > 0",
        State.OK,
        "It works at an address that is proven to be its own.",
        defers=True,
    ),
    *_gravest("endpoint"),
    Rule("endpoint_not_tried", "TRUE", State.INSUFFICIENT, "The endpoint was never tried."),
)

SERVICE_RULES = (
    Rule("service_bug", "bugs > 0", State.INSUFFICIENT, "A bug of our own touched this service; nothing is concluded."),
    Rule(
        "service_unread",
        "unread",
        State.INSUFFICIENT,
        "The line is of a nettest of OONI's that these rules do not judge.",
    ),
    Rule(
        "service_retired",
        "retired AND control_successes = 0 AND (ok < endpoints OR endpoints = 0)",
        State.INSUFFICIENT,
        "The service is retired, and no test helper reached it",
    ),
    Rule(
        "service_datagrams_absent",
        "endpoints = 0 AND absent_datagrams > 0",
        State.INSUFFICIENT,
        "The service is reached over UDP, and this network lets no datagram pass.",
    ),
    Rule(
        "service_family_absent",
        "endpoints = 0 AND absent > 0",
        State.INSUFFICIENT,
        "The service has addresses only of a family that does not work on this network.",
    ),
    Rule("service_empty", "endpoints = 0", State.INSUFFICIENT, "The service names no endpoint that could be tried."),
    Rule(
        "service_works_in_part",
        f"any_suffices AND ok > 0 AND {_ACCUSED}",
        State.DEGRADED,
        "One of its endpoints would do; some work and others are interfered with.",
    ),
    Rule(
        "service_one_works",
        "any_suffices AND ok > 0",
        State.OK,
        "One of its endpoints would do, and does.",
        defers=True,
    ),
    *_gravest("service"),
    Rule("service_ok", "ok > 0", State.OK, "All of its endpoints work.", defers=True),
    Rule("service_undecided", "TRUE", State.INSUFFICIENT, "No rule covers what was seen of the service."),
)
