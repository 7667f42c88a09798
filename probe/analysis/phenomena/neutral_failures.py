"""Define the failures that all neutral hosts abroad had in the preflight too, before our own flows could cause any.

Where port 443 is reset, or only listed servers pass, every server that is not listed fails in one way. The neutral
hosts show this before the services are tested. So neither our own burst nor a server's limit of connections explains
such a failure, and a single attempt is explained by what the network does to all servers. This holds as long as no such
connection passes later. A line that limits connections refuses all of them for a time, and then lets some pass.
"""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.sql.column import column
from probe.messages import mark
from probe.signatures.compared_ports import WEB_PORT

_AT_TIMES = (
    "(w.neutral_way = 'reset' AND w.connect_cut_off_needed > 0)"
    " OR (w.neutral_way = 'stopped' AND w.data_silent_needed > 0)"
)


@dataclass
class NeutralFailureColumns:
    """State how all neutral hosts failed in the preflight, and whether the endpoint has their port."""

    neutral_way: str = column(
        "",
        "How all neutral hosts abroad failed in the preflight: `reset` (at the connect), `cut` (in the handshake) or"
        " `stopped` (silent in the handshake). Empty if they did not fail in one way, or if equal innocuous flows of"
        " the run failed in this way at times and passed at others.",
        f"CASE WHEN {_AT_TIMES} THEN '' ELSE w.neutral_way END",
    )
    web_port: bool = column(False, f"The port of the endpoint is {WEB_PORT}.", f"s.endpoint_port = {WEB_PORT}")
    connect_only: bool = column(False, "The endpoint is tested by a connection alone.", "s.top_layer = 'tcp'")
    near_unmade: bool = column(
        False,
        "No packets with TTL 1 were sent in the measurement, although the run sends them when they are due.",
        "COALESCE((SELECT u.near FROM missing_check u WHERE u.m = s.m), FALSE)",
    )


_RESET_AT_443 = "neutral_way = 'reset' AND web_port AND tcp_successes = 0 AND tcp_refusals + tcp_resets > 0"

LIKE_NEUTRAL_HOSTS = (
    f"(flows_passed = 0 AND ({_RESET_AT_443}"
    " OR neutral_way = 'cut' AND tcp_successes > 0 AND flows_cut_off > 0"
    " OR neutral_way = 'stopped' AND tcp_successes > 0 AND flows_silent > 0))"
)
"""No flow to the address passed, and the failures are those of all neutral hosts."""

_PORT_443_RESET = Kind(
    "port_443_reset_for_all",
    State.LIKELY_BLOCKED,
    because=(
        "The connection is {failed} here, and so is every connection to port 443 of all neutral hosts. The test helper "
        "connects to the endpoint. The run ended before a second attempt."
    ),
    plain=mark(
        "This network cuts off all encrypted web connections (port 443), whatever they lead to. So no connection to "
        "{host} can be opened, and access to {service} is probably blocked. A test helper outside this network reaches "
        "the server."
    ),
)

PORT_443_RESET_RULES = tuple(
    _PORT_443_RESET.rule(
        f"interrupted AND tcp_attempts = 1 AND {_RESET_AT_443} AND {count} = 1 AND flows_passed = 0"
        " AND control_tcp_successes > 0 AND NOT near_unmade",
        way=way,
        mechanism=f"tcp.{way}",
        because={"failed": way},
    )
    for way, count in (("refused", "tcp_refusals"), ("reset", "tcp_resets"))
)

ACCEPTED_FOR_ALL = Rule(
    "connection_accepted_for_all",
    "connect_only AND successes > 0 AND (neutral_way = 'cut' OR neutral_way = 'stopped')",
    State.INSUFFICIENT,
    because=(
        "Only a connection was tested, and it was accepted. All neutral hosts accept connections here too, and none "
        "completes a handshake. So a device may accept connections in the place of every server."
    ),
    plain=mark(
        "A connection to {service} was accepted. In this network connections to all servers are accepted, and nothing "
        "more gets through to most of them. So it is not known whether {service} works."
    ),
)

NEUTRAL_FAILURES = Phenomenon(
    "neutral_failures",
    "All neutral hosts fail as the service does.",
    address=RowPart(NeutralFailureColumns),
)
