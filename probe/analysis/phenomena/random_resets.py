"""Define the resets in a network that resets connections at random, whatever they carry.

Only a name or an address with so many resets in a row that chance does not explain them is accused there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from probe.analysis.observations.lenient_json import number, table
from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.rules.layer import Layer
from probe.analysis.rules.rule import Kind, Rule, State
from probe.analysis.sql.column import column
from probe.analysis.sql.link_counts import ADDRESS_FLOW, NAME_FLOW, count
from probe.analysis.statistics.contingency_tables import fisher_greater
from probe.messages import mark

NETWORKS, OWNERS = 2, 2
"""Fewer networks or owners of addresses may have a device or a server that resets connections."""

UNLIKELY = 0.0001  # one in ten thousand names, since a run tests a hundred names and addresses

MOST = 40  # resets in a row, which no run makes


def resets_needed(run: Mapping[str, Any]) -> int:
    """Return from how many resets in a row chance is no explanation, 0 if the network resets nothing at random.

    `run` is the key `x_run`.
    """
    facts = table(run.get("innocuous_resets"))
    flows, resets, networks, owners = (number(facts.get(key)) for key in ("flows", "resets", "networks", "owners"))
    if networks < NETWORKS or owners < OWNERS or not 0 < resets <= flows:
        return 0
    enough = (row for row in range(2, MOST) if fisher_greater(row, 0, resets, flows - resets) < UNLIKELY)
    return next(enough, MOST)


_MAY_BE_CHANCE = (
    "w.resets_needed > 0"
    " AND NOT (c.name_flows_passed = 0 AND c.name_flows_reset >= w.resets_needed)"
    " AND NOT (c.address_flows_passed = 0 AND c.address_flows_reset >= w.resets_needed)"
)
"""Neither the name nor the address was reset each time and often enough."""


@dataclass
class RandomResetColumns:
    """Count the flows with the name, and those to the address, that were reset or not."""

    resets_needed: int = column(
        0,
        "Resets in a row that chance does not explain. 0 if the network resets nothing at random.",
        "w.resets_needed",
    )
    resets_may_be_chance: bool = column(
        False,
        "The network resets innocuous connections at random, and too few flows in a row were reset here.",
        _MAY_BE_CHANCE,
    )
    name_flows_reset: int = column(
        0,
        "Flows with the name that were reset, at any address and with any hello.",
        count(NAME_FLOW, "name_failure_kind = 'reset'"),
    )
    name_flows_passed: int = column(
        0,
        "Flows with the name that were not reset, at any address and with any hello.",
        count(NAME_FLOW, "name_failure_kind <> 'reset'"),
    )
    address_flows_reset: int = column(
        0, "Flows to this address that were reset, with any name.", count(ADDRESS_FLOW, "name_failure_kind = 'reset'")
    )
    address_flows_passed: int = column(
        0,
        "Flows to this address that were not reset, with any name.",
        count(ADDRESS_FLOW, "name_failure_kind <> 'reset'"),
    )


# `resets_may_be_chance` leaves out names and addresses with so many resets in a row that chance does not explain them.

_BY_CHANCE = "resets_may_be_chance AND NOT (control_attempts > 0 AND control_successes = 0)"

_AMONG_RANDOM_RESETS = Kind(
    "reset_among_random_resets",
    State.IMPAIRED,
    because=(
        "The attempts here were reset. This network resets innocuous connections too, at random, and too few attempts "
        "were made to exclude chance."
    ),
    plain=mark(
        "The test of {service} was cut off. This network cuts off other connections too, at random, so this may be "
        "chance. Run the test again, in another network if you can."
    ),
)


def among_random_resets(layer: Layer) -> Rule:
    """Return the rule that chance explains the failures at a layer."""
    columns = layer.columns
    return _AMONG_RANDOM_RESETS.rule(
        f"{layer.failed} AND {columns}_resets > 0 AND {columns}_timeouts < 2 AND {_BY_CHANCE}", layer=layer.name
    )


TLS_NAME_RESET_EACH_TIME = Rule(
    "tls_reset_follows_name_among_random_resets",
    "tls_successes = 0 AND tls_resets > 0 AND name_attempts >= 2 AND resets_needed > 0 AND name_flows_passed = 0 AND "
    "name_flows_reset >= resets_needed AND innocuous_passed > 0 AND "
    "(control_tls_successes > 0 OR (neutral_proven AND neutral_resets > 0))",
    State.LIKELY_BLOCKED,
    mechanism="tls.reset.sni",
    way="reset",
    because=(
        "Every connection with this name is reset. This network resets innocuous connections too, but only some of "
        "them."
    ),
    plain=mark(
        "Connections that name {host} are cut off every time. This network cuts off other connections only sometimes. "
        "Access to {service} is probably blocked by its name."
    ),
)
"""The name was reset more often in a row than chance explains."""

RANDOM_RESETS = Phenomenon(
    "random_resets",
    "The network resets connections at random, whatever they carry.",
    address=RowPart(RandomResetColumns),
)
