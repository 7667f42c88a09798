"""Define pages whose speed nothing was compared with, so that a service may be slowed down."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.phenomena.throughput import WORKS
from probe.analysis.rules.rule import Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.expressions import quoted
from probe.messages import mark

SPEED_UNTESTED = "service_speed_not_compared"
_WITH_PAGES = quoted(("https", "http", "quic"))
_SERVICE_SPEEDS = (
    "SELECT x.m, x.role, count(*) AS pages FROM service_endpoint x JOIN endpoint_fact e ON e.endpoint = x.endpoint"
    f" JOIN measurement g ON g.m = x.m WHERE g.speed_unknown AND e.dialect IN {_WITH_PAGES} GROUP BY x.m, x.role"
)


@dataclass
class SpeedColumns:
    """Count the endpoints with pages, in measurements whose slow pages were not compared."""

    pages_not_compared: int = column(
        0,
        "Endpoints with pages, if a page of the measurement came slowly, or the run is a deep one, and no transfer "
        "was compared with it.",
        "COALESCE(n.pages, 0)",
    )


SPEEDS_NOT_COMPARED = Phenomenon(
    "speeds_not_compared",
    "Pages came slowly, and nothing was compared with them.",
    place=90,
    service=RowPart(SpeedColumns, {"n": f"({_SERVICE_SPEEDS})"}),
    rules=(
        Rule(
            SPEED_UNTESTED,
            f"{WORKS} AND pages_not_compared > 0",
            State.OK,
            because="The service works. Its speed was to be tested, and no transfer was compared with its pages.",
            plain=mark(
                "{service} works, but its speed was not tested, so it may be slowed down here. A test helper can "
                "compare the speed. Name one with --control."
            ),
        ),
    ),
    shown_though_ok={SPEED_UNTESTED: (9, mark("Speed: not tested."))},
)
