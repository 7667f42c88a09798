"""Define the limited rate of all datagrams: call packets and random ones are lost alike, and TCP keeps its pace."""

from dataclasses import dataclass

from probe.analysis.phenomena.media_flow_pairs import LOST, USABLE, at_least
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.phenomena.throughput import WORKS
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.messages import mark
from probe.signatures import slow_page

MUCH_LOST = f"{slow_page.MUCH_LOST}e0"

_SERVICE_UDP = (
    "SELECT s.m, s.role, count(DISTINCT p.pair) AS limited FROM service s"
    " JOIN media_pair p ON p.m = s.m AND p.shape = s.media JOIN transfer_pair t ON t.m = s.m AND t.usable"
    " AND (t.protocol = 'upload' AND p.direction = 'forth' OR t.protocol = 'download' AND p.direction = 'back')"
    f" WHERE {USABLE} AND {at_least('loss', MUCH_LOST)} AND {at_least('opaque_loss', MUCH_LOST)}"
    " GROUP BY s.m, s.role"
)
"""In how many pairs of a service's shape both flows lost much in one direction, while TCP was free in it."""


@dataclass
class UdpColumns:
    """Count the pairs of media flows that a limit of all datagrams explains."""

    udp_limited: int = column(
        0,
        "Pairs of media flows of the service's shape that both lost 20 of 100 packets or more, while TCP in that "
        "direction kept its pace.",
        "COALESCE(u.limited, 0)",
    )


UDP_RATES = Phenomenon(
    "udp_rates",
    "Datagrams of all kinds are lost, and TCP is not disturbed.",
    place=20,
    service=RowPart(UdpColumns, {"u": f"({_SERVICE_UDP})"}),
    rules=(
        Rule(
            "service_udp_slow",
            f"{WORKS} AND udp_limited > 0 AND 2 * udp_limited > media_pairs",
            State.OK,
            mechanism="udp.throttle",
            because=(
                "Call packets and random packets are lost alike over UDP, and a transfer over TCP to the same helper "
                "keeps its pace in this direction. A tariff that limits UDP looks the same."
            ),
            plain=mark(
                "{service} works, but {low} to {high} of 100 call packets get lost here, whatever app they are of. "
                "Other connections to our test helper are fast. A tariff can do this. Calls probably sound bad here."
            ),
        ),
    ),
    mechanisms={
        "udp.throttle": "Many datagrams of all kinds are lost, as with a limited rate, and TCP is not disturbed."
    },
    shown_though_ok={"service_udp_slow": (1, LOST)},
)
