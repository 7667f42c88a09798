"""Define the packets that never leave this computer, or are stopped by the first router.

A firewall, a security program or a VPN program of the user's own makes all connections to an app fail, as a censor
does. Packets with TTL 1 distinguish them, because no router behind the first one receives them
(`probe/signatures/near_reactions.py`). A censor at the second hop or later sees none of them.
"""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.rule import CausePlace, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import count, or_zero
from probe.analysis.sql.linked_roles import AT_ENDPOINT, followed
from probe.analysis.sql.statement import Statement
from probe.analysis.sql.subject import SUBJECT
from probe.messages import mark

_NEAR = "role = 'near'"

_OF_MEASUREMENT = Statement(
    "stopped_nearby",
    "The tests with TTL 1 to any address of the measurement in which this computer itself stopped the packets.",
    SUBJECT,
    "SELECT s.m, s.endpoint, s.address, count(*) AS here FROM subject s JOIN flow f ON f.m = s.m"
    " WHERE f.origin = 'probe' AND f.near_place = 'this_computer' GROUP BY s.m, s.endpoint, s.address",
)


@dataclass
class NearColumns:
    """Count the tests with TTL 1 that show where packets to the address are stopped."""

    near_this_computer: int = column(
        0,
        "Tests with TTL 1 in which this computer itself stopped the packets to the address.",
        count(_NEAR, "near_place = 'this_computer'"),
    )
    near_own_router: int = column(
        0,
        "Tests with TTL 1 in which the user's own router stopped the packets to the address.",
        count(_NEAR, "near_place = 'own_router'"),
    )
    near_unclear: int = column(
        0,
        "Tests with TTL 1 in which this computer or the first hop stopped the packets. It is not known which.",
        count(_NEAR, "near_place = 'near'"),
    )
    near_this_computer_anywhere: int = column(
        0,
        "Tests with TTL 1 to any address of the measurement in which this computer itself stopped the packets.",
        or_zero("j.here"),
    )


_FAILS = "address_proven AND successes = 0"

STOPPED_NEAR = (
    Rule(
        "stopped_by_this_computer",
        f"{_FAILS} AND (near_this_computer > 0 OR (near_own_router > 0 AND near_this_computer_anywhere > 0))",
        State.FILTERED_LOCALLY,
        cause_place=CausePlace.THIS_COMPUTER,
        because=(
            "This computer itself stops packets to the address: its system refuses to send them, rejects them, or "
            "drops them before they leave. Packets to a neutral host leave it."
        ),
        plain=mark(
            "Your own computer blocks {service}. A firewall rule, a security program or a VPN program stops "
            "connections to {host} before they leave. This says nothing about your provider. Pause the program or "
            "remove the rule, then run the test again. `probe doctor` names forbidden routes."
        ),
    ),
    Rule(
        "stopped_by_own_router",
        f"{_FAILS} AND near_own_router > 0",
        State.FILTERED_LOCALLY,
        cause_place=CausePlace.HOME_NETWORK,
        because=(
            "Packets to the address with TTL 1 are rejected or disappear. The router of the user's own network reports "
            "those to a neutral host beside them, and routers behind it get none of them."
        ),
        plain=mark(
            "Your own network blocks {service}. The router there, or a program on your computer, stops connections to "
            "{host} before they reach the provider. Look for blocked sites or parental control in the settings of the "
            "router. If the provider manages the router, ask the provider."
        ),
    ),
)
"""The user's own side stops the packets. These rules need no control: what it sees cannot be the cause.

Silence alone does not distinguish this computer from the router. If this computer provably stops the packets to another
address of the service, it does so here too.
"""

STOPPED_NEAR_SOMEWHERE = Rule(
    "stopped_at_first_hop",
    f"{_FAILS} AND near_unclear > 0 AND near_this_computer + near_own_router = 0"
    " AND (control_attempts = 0 OR control_successes > 0)",
    State.IMPAIRED,
    cause_place=CausePlace.UNKNOWN,
    because=(
        "Packets to the address with TTL 1 are rejected or disappear, and the first hop reports those to a neutral "
        "host beside them. So this computer or the first hop stops them. It is not known which of the two, or whose "
        "hop it is."
    ),
    plain=mark(
        "Connections to {host} are stopped on your computer or by the first router after it. It is unclear which of "
        "the two blocks {service}. Pause firewalls and security programs on this computer, then run the test again."
    ),
)

NEAR_FILTERS = Phenomenon(
    "near_filters",
    "Packets are stopped on this computer or at the first hop.",
    roles=(followed("near", AT_ENDPOINT, "near_reaction", decides=True),),
    address=RowPart(NearColumns, {"j": "stopped_nearby"}, (_OF_MEASUREMENT,)),
)
