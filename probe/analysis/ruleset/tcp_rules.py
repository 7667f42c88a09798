"""Define the rules about TCP connections."""

from probe.analysis.phenomena.closed_ports import CLOSED_PORT_RULES
from probe.analysis.phenomena.connection_spacing import TCP_SOON_AFTER_ANOTHER
from probe.analysis.phenomena.neutral_failures import PORT_443_RESET_RULES
from probe.analysis.rules.inconclusive import fails_everywhere, unexplained, unfinished
from probe.analysis.rules.layer import TCP
from probe.analysis.rules.rule import Kind, Rule, State
from probe.messages import mark

_TWICE = "tcp_successes = 0 AND tcp_attempts >= 2 AND control_tcp_successes > 0"

_FAILS_ALIKE_HERE = Kind(
    "tcp_fails_alike_here",
    State.LIKELY_BLOCKED,
    because="{failure}, twice, and the test helper connects to the endpoint.",
    plain=mark(
        "No connection to {host} can be opened: {failure}. A test helper outside this network reaches the server. "
        "Access to {service} is probably blocked."
    ),
)


_WAYS = (
    ("timeout", "tcp_timeouts", "tcp.timeout", "The address does not answer here", mark("there is no answer")),
    ("refused", "tcp_refusals", "tcp.refused", "The address refuses the connection here", mark("it is refused")),
    (
        "reset",
        "tcp_resets",
        "tcp.reset",
        "The connection is reset here while it is opened",
        mark("it is cut off at once"),
    ),
    (
        "unreachable",
        "tcp_unreachables",
        "ip.unreachable",
        "The address is reported unreachable here",
        mark("this network says that the server cannot be reached"),
    ),
)

TCP_RULES = (
    Rule(
        "tcp_connects",
        "tcp_successes > 0",
        State.OK,
        because="The connection is made.",
        plain=mark("A connection to {host} can be opened."),
    ),
    *PORT_443_RESET_RULES,
    *unfinished(TCP),
    fails_everywhere(TCP),
    TCP_SOON_AFTER_ANOTHER,
    *CLOSED_PORT_RULES,
    *(
        _FAILS_ALIKE_HERE.failing(f"{_TWICE} AND {column} >= 2 AND neutral_unreachable = 0", way, *words)
        for way, column, *words in _WAYS
    ),
    Rule(
        "tcp_fails_here",
        f"{_TWICE} AND neutral_unreachable = 0 AND tcp_timeouts + tcp_refusals + tcp_resets + tcp_unreachables > 0",
        State.LIKELY_BLOCKED,
        mechanism="tcp",
        because="The connection fails here in different ways, and the test helper connects to the endpoint.",
        plain=mark(
            "No connection to {host} can be opened, and it fails in different ways. A test helper outside this network "
            "reaches the server. Access to {service} is probably blocked."
        ),
    ),
    *unexplained(TCP),
)
