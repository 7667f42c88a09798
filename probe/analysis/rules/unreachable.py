"""Define the rule about addresses that ICMP errors report as unreachable, while datagrams of the control pass."""

from probe.analysis.rules.layer import Layer
from probe.analysis.rules.rule import Kind, Rule, State
from probe.messages import mark

_UNREACHABLE_HERE = Kind(
    "unreachable_here",
    State.LIKELY_BLOCKED,
    because="{address} is reported unreachable here, twice, and the test helper gets its answer.",
    plain=mark(
        "This network says, twice, that {host} cannot be reached. A test helper outside this network gets an answer. "
        "Access to {service} is probably blocked."
    ),
)


def unreachable_here(layer: Layer, address: str) -> Rule:
    """Return the rule for a layer over UDP. `address` begins the technical sentence."""
    return _UNREACHABLE_HERE.rule(
        f"{layer.failed} AND by_datagram AND payload_unreachables >= 2 AND {layer.controlled}",
        layer=layer.name,
        way="unreachable",
        mechanism="ip.unreachable",
        because={"address": address},
    )
