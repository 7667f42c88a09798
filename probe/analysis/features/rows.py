"""Define the feature rows that rules read: of names, addresses, endpoints, services, needs, apps and regimes.

No column is ever NULL except `*_failure`. The published digests of rules contain the names of columns, so that a
column is never renamed.
"""

from collections.abc import Sequence
from dataclasses import dataclass, make_dataclass

from probe.analysis.features.address_row import PARTS_OF_ADDRESSES, AddressRow
from probe.analysis.features.name_row import PARTS_OF_NAMES, NameRow
from probe.analysis.features.regime_row import RegimeRow
from probe.analysis.phenomena import in_order
from probe.analysis.rules.rule import State
from probe.analysis.sql.column import column, with_columns
from probe.analysis.sql.link_counts import count


def counts_of_states(prefix: str, meaning: str, condition: str, states: Sequence[State] = tuple(State)) -> type:
    """Return a dataclass with one column for each state, which counts the rows that fulfil a condition."""
    columns = [
        (f"{prefix}{state}", int, column(0, meaning.format(state=state), count(condition.format(state=state))))
        for state in states
    ]
    return make_dataclass(f"{prefix}states", columns)


_FAILING_HERE = tuple(State)[:5]  # from blocked to impaired. `down` fails elsewhere too.
_OF_NEEDS = (*_FAILING_HERE, State.INSUFFICIENT)


@with_columns([counts_of_states("", "Services with the state {state}.", "s.state = '{state}'")])
@dataclass
class NeedRow:
    """Count the states of the services that serve one need of an app."""

    services: int = column(0, "Services that serve the need, in valid measurements.", "count(*)")
    untested: int = column(
        0,
        "Of these, the ones that this network could reach, and of which too little was tested.",
        "count(*) FILTER (WHERE s.untested)",
    )
    unfinished: int = column(
        0,
        "Of these, the ones that work, while the run ended before the test of another endpoint did.",
        "count(*) FILTER (WHERE s.unfinished)",
    )


@with_columns(
    [
        counts_of_states(
            "essential_", "Essential needs with the state {state}.", "v.essential AND v.state = '{state}'"
        ),
        counts_of_states("", "Needs with the state {state}.", "v.state = '{state}'", _OF_NEEDS),
    ]
)
@dataclass
class AppRow:
    """Count the states of an app's needs, and of those needs without which the app is of no use."""

    essential: int = column(0, "Essential needs.", "count(*) FILTER (WHERE v.essential)")


__all__ = [
    "PARTS_OF_ADDRESSES",
    "PARTS_OF_NAMES",
    "PARTS_OF_SERVICES",
    "AddressRow",
    "AppRow",
    "EndpointRow",
    "NameRow",
    "NeedRow",
    "RegimeRow",
    "ServiceRow",
    "WideRow",
]


RELAY_BY_DATAGRAM = "e.dialect IN ('reflector', 'stun/udp', 'turn/udp')"
RELAY_BY_STREAM = "e.dialect IN ('reflector+tcp', 'stun/tcp', 'stun/tls', 'turn/tcp', 'turn/tls')"
_REFUSED_RELAY = " OR ".join(
    f"v.rule_id = '{kind}:{layer}'"
    for kind in ("call_refusal_contradicted", "call_refused_at_echo_too")
    for layer in ("stun", "turn")
)

TOO_SLOW = "'http_arrives_too_slowly', 'tls_times_out_beside_slow_answers'"
_WORKS = "NOT p.is_name AND p.state = 'ok'"
# If nothing verifies the system resolver's answer, an address from another resolver does not help the apps.
_ASTRAY = (
    "(count(*) FILTER (WHERE p.is_name AND p.rule_id = 'name_unproven') > 0"
    f" AND count(*) FILTER (WHERE {_WORKS}) > 0"
    f" AND count(*) FILTER (WHERE {_WORKS} AND NOT p.alternative) = 0)"
)


@with_columns(
    [
        counts_of_states(
            "", "Name and addresses with the state {state}.", "p.state = '{state}'", (*_FAILING_HERE, State.DOWN)
        )
    ]
)
@dataclass
class EndpointRow:
    """Hold the conclusions about an endpoint's name and its verified addresses."""

    name_accused: bool = column(
        False, "The name's state is accusing.", "count(*) FILTER (WHERE p.is_name AND p.accusing) > 0"
    )
    name_fine: bool = column(
        False,
        "The name resolved, or its resolution is unknown and its addresses are usable.",
        "count(*) FILTER (WHERE p.is_name AND p.state IN ('ok', 'insufficient')) > 0 AND NOT " + _ASTRAY,
    )
    working: int = column(
        0, "Addresses at which everything works.", "count(*) FILTER (WHERE NOT p.is_name AND p.state = 'ok')"
    )
    insufficient: int = column(
        0,
        "Name and addresses with the state insufficient.",
        "count(*) FILTER (WHERE p.state = 'insufficient' AND NOT p.is_name) + CASE"
        " WHEN count(*) FILTER (WHERE p.state = 'insufficient' AND p.is_name) = 0 THEN 0"
        f" WHEN count(*) = 1 OR {_ASTRAY} THEN 1 ELSE 0 END",
    )


PARTS_OF_SERVICES = tuple(each.service for each in in_order() if each.service is not None)
"""The parts of phenomena that add columns to the row of a service."""


_OF_ENDPOINTS = counts_of_states("", "Endpoints with the state {state}.", "v.absent = '' AND v.state = '{state}'")


@with_columns([_OF_ENDPOINTS, *(part.columns for part in PARTS_OF_SERVICES)])
@dataclass
class ServiceRow:
    """Count the states of a service's endpoints."""

    any_suffices: bool = column(False, 'One working endpoint is enough (`works_if = "any"`).', "s.any_suffices")
    endpoints: int = column(
        0, "Endpoints whose family and transport work here.", "count(*) FILTER (WHERE v.absent = '')"
    )
    absent: int = column(
        0,
        "Endpoints that are left out, because their family or UDP does not work here.",
        "count(*) FILTER (WHERE v.absent <> '')",
    )
    absent_datagrams: int = column(
        0,
        "Endpoints that are left out because UDP does not work here.",
        "count(*) FILTER (WHERE v.absent = 'datagrams')",
    )
    bugs: int = column(0, "Bugs of the probe that touched this service.", "COALESCE(b.bugs, g.bugs)")
    retired: bool = column(False, "The target file says that the product is retired.", "g.retired")
    unread: bool = column(False, "The measurement is of an OONI nettest that no rule covers.", "g.unread")
    control_successes: int = column(
        0, "The control's attempts that succeeded at the topmost layer.", "c.control_proofs"
    )
    relays_by_datagram: int = column(
        0,
        "Endpoints that are call relays over UDP: Telegram's, and servers of STUN and TURN. Those with the state down "
        "do not count.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_DATAGRAM} AND v.state <> 'down')",
    )
    relays_by_datagram_accused: int = column(
        0,
        "Of these, the ones with the state blocked or likely_blocked.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_DATAGRAM} AND v.state IN ('blocked', 'likely_blocked'))",
    )
    relays_by_datagram_refused: int = column(
        0,
        "Of these, the ones that a device on the path refuses by an answer of its own.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_DATAGRAM} AND ({_REFUSED_RELAY}))",
    )
    relays_by_stream_ok: int = column(
        0,
        "Endpoints that are call relays over TCP or TLS (Telegram's, STUN, TURN) and have the state ok.",
        f"count(*) FILTER (WHERE v.absent = '' AND {RELAY_BY_STREAM} AND v.state = 'ok')",
    )
    relays_by_stream_accepting: int = column(
        0,
        "Endpoints that are call relays of Telegram over TCP and accept connections, but answer no stranger anywhere.",
        "count(*) FILTER (WHERE v.absent = '' AND e.dialect = 'reflector+tcp'"
        " AND v.rule_id = 'reflector_accepts_alone')",
    )
    too_slow: int = column(
        0,
        "Endpoints whose answers were too slow for the time limit, which gives the state impaired.",
        f"count(*) FILTER (WHERE v.absent = '' AND v.rule_id IN ({TOO_SLOW}))",
    )
    untested: int = column(
        0,
        "Endpoints that were not tested to their end when the time limit of the run was over.",
        "count(*) FILTER (WHERE v.absent = '' AND v.untested)",
    )


WideRow = NameRow | AddressRow | EndpointRow | ServiceRow | NeedRow | AppRow | RegimeRow
