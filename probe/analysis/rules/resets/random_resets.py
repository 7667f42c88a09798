"""Define the rules about resets in a network that resets connections at random, whatever they carry.

`resets_may_be_chance` leaves out names and addresses with so many resets in a row that chance does not explain them.
"""

from probe.analysis.rules.rule import Rule, State
from probe.messages import mark

_BY_CHANCE = "resets_may_be_chance AND NOT (control_attempts > 0 AND control_successes = 0)"


BECAUSE = (
    "The attempts here were reset. This network resets innocuous connections too, at random, and too few attempts were "
    "made to exclude chance."
)
PLAIN = mark(
    "The test of {service} was cut off. This network cuts off other connections too, at random, so this may be chance. "
    "Run the test again, in another network if you can."
)


def may_be_chance(layer: str) -> str:
    """Return the condition that chance explains the failures. `layer` begins the names of a table's columns."""
    return f"{layer}_successes = 0 AND {layer}_resets > 0 AND {layer}_timeouts < 2 AND {_BY_CHANCE}"


TLS_NAME_RESET_EACH_TIME = Rule(
    "tls_reset_follows_name_among_random_resets",
    "tls_successes = 0 AND tls_resets > 0 AND name_attempts >= 2 AND resets_needed > 0 AND name_flows_passed = 0 AND "
    "name_flows_reset >= resets_needed AND innocuous_passed > 0 AND "
    "(control_tls_successes > 0 OR (neutral_proven AND neutral_resets > 0))",
    State.LIKELY_BLOCKED,
    mechanism="tls.reset.sni",
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
