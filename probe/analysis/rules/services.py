"""Define the rules that combine the states of names, addresses and endpoints."""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

WORKS_OTHERWISE = (
    "((any_suffices AND ok > 0) OR"
    " (ok + degraded > 0 AND blocked + likely_blocked + filtered_locally + impaired + down + insufficient + untested"
    " = 0))"
)
"""A service that would be `ok`, or degraded at some endpoints."""

WORKS_SLOWLY = (
    "((any_suffices AND ok + too_slow > 0) OR (ok + degraded + too_slow > 0"
    " AND blocked + likely_blocked + filtered_locally + down + insufficient + untested = 0 AND impaired = too_slow))"
)
"""The same, or its answers are only too slow for the time limit at some endpoints."""

WORKS = f"ok > 0 AND blocked + likely_blocked + degraded = 0 AND {WORKS_OTHERWISE}"
"""A service without any accusation."""


OUT_OF_TIME = "service_out_of_time"  # the rule whose services the end of a run counts
NOT_TRIED = "endpoint_not_tried"  # the rule about endpoints without an attempt

_ACCUSED = "blocked + likely_blocked + degraded > 0"

_RELAYS_ACCUSED_OVER_UDP = (
    "any_suffices AND relays_by_datagram > 0 AND relays_by_datagram_accused = relays_by_datagram"
    " AND relays_by_datagram_refused = 0"
)

# A rule with `defers` shows the rule and the sentences of the part that decides.
ENDPOINT_RULES = (
    Rule(
        "endpoint_addresses_differ",
        f"NOT name_accused AND working > 0 AND {_ACCUSED}",
        State.DEGRADED,
        because="The endpoint works at some of its addresses and is interfered with at others.",
        plain=mark("Some addresses of {host} work, and others are blocked. {service} works in part."),
    ),
    Rule(
        "endpoint_works",
        "name_fine AND working > 0",
        State.OK,
        because="The endpoint works at a verified address.",
        plain=mark("{service} works."),
        defers=True,
    ),
    Rule(
        "endpoint_blocked",
        "blocked > 0",
        State.BLOCKED,
        because="A part of the endpoint is blocked.",
        plain=mark("One server of {service} is blocked. Access to {service} is blocked."),
        defers=True,
    ),
    Rule(
        "endpoint_likely_blocked",
        "likely_blocked > 0",
        State.LIKELY_BLOCKED,
        because="A part of the endpoint is likely blocked.",
        plain=mark("One server of {service} is probably blocked. Access to {service} is probably blocked."),
        defers=True,
    ),
    Rule(
        "endpoint_degraded",
        "degraded > 0",
        State.DEGRADED,
        because="A part of the endpoint works badly.",
        plain=mark("One server of {service} works only in part."),
        defers=True,
    ),
    Rule(
        "endpoint_filtered_locally",
        "filtered_locally > 0",
        State.FILTERED_LOCALLY,
        because="A part of the endpoint is filtered on the user's own side.",
        plain=mark("One server of {service} is filtered on your own side. This says nothing about your provider."),
        defers=True,
    ),
    Rule(
        "endpoint_impaired",
        "impaired > 0",
        State.IMPAIRED,
        because="A part of the endpoint does not work, and the cause is unclear.",
        plain=mark("One server of {service} does not work. The cause is unclear."),
        defers=True,
    ),
    Rule(
        "endpoint_down",
        "down > 0",
        State.DOWN,
        because="A part of the endpoint does not work, here or at the test helper.",
        plain=mark(
            "One server of {service} does not work, here or outside this network. There is no sign of blocking."
        ),
        defers=True,
    ),
    Rule(
        "endpoint_insufficient",
        "insufficient > 0",
        State.INSUFFICIENT,
        because="A part of the endpoint has too little evidence.",
        plain=mark("There is not enough evidence about one server of {service}. Nothing can be concluded."),
        defers=True,
    ),
    Rule(
        NOT_TRIED,
        "TRUE",
        State.INSUFFICIENT,
        untested=True,
        because="The endpoint was not tried.",
        plain=mark("The server of {service} was not tried. Nothing can be concluded."),
    ),
)

FIRST_SERVICE_RULES = (
    Rule(
        "service_bug",
        "bugs > 0",
        State.INSUFFICIENT,
        because="A bug of the probe touched this service, so nothing is concluded.",
        plain=mark(
            "A fault in this program spoiled the test of {service}. Nothing can be concluded. Please report the fault."
        ),
    ),
    Rule(
        "service_unread",
        "unread",
        State.INSUFFICIENT,
        because="The measurement is of an OONI nettest that these rules do not cover.",
        plain=mark(
            "This measurement was made by another program, in a way that is not judged here. Nothing can be concluded."
        ),
    ),
    Rule(
        "service_retired",
        "retired AND control_successes = 0 AND (ok < endpoints OR endpoints = 0)",
        State.INSUFFICIENT,
        because="The service is retired, and no test helper reached it.",
        plain=mark("{app} was shut down by its operator. Nothing can be concluded about {service}."),
    ),
    Rule(
        "service_datagrams_absent",
        "endpoints = 0 AND absent_datagrams > 0",
        State.INSUFFICIENT,
        because="The service is reached over UDP, and this network passes no UDP datagram.",
        plain=mark(
            "This network lets no packets of the kind (UDP) pass that {service} uses. Nothing can be concluded about "
            "it."
        ),
    ),
    Rule(
        "service_family_absent",
        "endpoints = 0 AND absent > 0",
        State.INSUFFICIENT,
        because="The service has only addresses of a family that does not work on this network.",
        plain=mark(
            "This network cannot reach the kind of address (IPv4 or IPv6) that {service} has. Nothing can be concluded "
            "about it."
        ),
    ),
    Rule(
        "service_empty",
        "endpoints = 0",
        State.INSUFFICIENT,
        because="The service names no endpoint that could be tried.",
        plain=mark("The measurement names no server of {service} that could be tried. Nothing can be concluded."),
    ),
    Rule(
        "service_relays_over_tcp",
        f"{_RELAYS_ACCUSED_OVER_UDP} AND relays_by_stream_ok > 0",
        State.DEGRADED,
        mechanism="relay.udp.timeout",
        because="Each call relay is blocked or likely blocked over UDP here, and a relay answers over TCP.",
        plain=mark(
            "Packets (UDP) to the relays of {service} get no answer here, and connections (TCP) do. Calls run over TCP "
            "here, with more delay."
        ),
    ),
    Rule(
        "service_relays_accept_tcp",
        f"{_RELAYS_ACCUSED_OVER_UDP} AND relays_by_stream_accepting > 0",
        State.DEGRADED,
        mechanism="relay.udp.timeout",
        because=(
            "Each call relay is blocked or likely blocked over UDP here. A relay accepts connections over TCP, where "
            "it answers no stranger anywhere."
        ),
        plain=mark(
            "Packets (UDP) to the relays of {service} get no answer here. The relays accept connections (TCP), so "
            "calls may run over TCP here, with more delay."
        ),
    ),
)
"""Rules about services that cannot be judged, or whose call relays work over TCP alone. They come first."""

STATE_RULES = (
    Rule(
        "service_works_in_part",
        f"any_suffices AND ok > 0 AND {_ACCUSED}",
        State.DEGRADED,
        because="One working endpoint is enough, some endpoints work, and others are interfered with.",
        plain=mark("Some servers of {service} work, and others are blocked. {service} works in part."),
    ),
    Rule(
        "service_one_works",
        "any_suffices AND ok > 0",
        State.OK,
        because="One working endpoint is enough, and one works.",
        plain=mark("{service} works."),
        defers=True,
    ),
    Rule(
        "service_blocked",
        "blocked > 0",
        State.BLOCKED,
        because="A part of the service is blocked.",
        plain=mark("One server of {service} is blocked. Access to {service} is blocked."),
        defers=True,
    ),
    Rule(
        "service_likely_blocked",
        "likely_blocked > 0",
        State.LIKELY_BLOCKED,
        because="A part of the service is likely blocked.",
        plain=mark("One server of {service} is probably blocked. Access to {service} is probably blocked."),
        defers=True,
    ),
    Rule(
        "service_degraded",
        "degraded > 0",
        State.DEGRADED,
        because="A part of the service works badly.",
        plain=mark("One server of {service} works only in part."),
        defers=True,
    ),
    Rule(
        "service_filtered_locally",
        "filtered_locally > 0",
        State.FILTERED_LOCALLY,
        because="A part of the service is filtered on the user's own side.",
        plain=mark("One server of {service} is filtered on your own side. This says nothing about your provider."),
        defers=True,
    ),
    Rule(
        "service_impaired",
        "impaired > 0",
        State.IMPAIRED,
        because="A part of the service does not work, and the cause is unclear.",
        plain=mark("One server of {service} does not work. The cause is unclear."),
        defers=True,
    ),
    Rule(
        "service_down",
        "down > 0",
        State.DOWN,
        because="A part of the service does not work, here or at the test helper.",
        plain=mark(
            "One server of {service} does not work, here or outside this network. There is no sign of blocking."
        ),
        defers=True,
    ),
    Rule(
        "service_out_of_time",
        "untested > 0",
        State.INSUFFICIENT,
        because="The time limit of the run was over before all needed endpoints of the service were tested.",
        plain=mark(
            "{service} was not tested to its end: the line is slow, and the time of the run was over. Test fewer "
            "services at once, or set a longer time with --max-time."
        ),
    ),
    Rule(
        "service_insufficient",
        "insufficient > 0",
        State.INSUFFICIENT,
        because="A part of the service has too little evidence.",
        plain=mark("There is not enough evidence about one server of {service}. Nothing can be concluded."),
        defers=True,
    ),
    Rule(
        "service_ok",
        "ok > 0",
        State.OK,
        because="All endpoints of the service work.",
        plain=mark("{service} works."),
        defers=True,
    ),
    Rule(
        "service_undecided",
        "TRUE",
        State.INSUFFICIENT,
        because="No rule covers the result of the service.",
        plain=mark("The test of {service} gave a result that no rule covers. Nothing can be concluded from it."),
    ),
)
"""Rules that combine the states of endpoints. The rules of phenomena come before them."""
