"""Name the family of devices that the resets of a measurement look like, from the raw packets of the probe's flows."""

from collections import defaultdict
from typing import Any

from probe.analysis.observations.lenient_json import number, tables, text
from probe.signatures.device_prints import FAMILIES


def prints_of(packets: Any) -> dict[int, str]:
    """Return the family by transaction id. `packets` is the key `x_packets`, in any shape.

    Only flows with a matching reset have one. A reset may match by chance. So a family is named only if enough resets
    of the measurement match. Each needs another value of the field that the family is counted by.
    """
    alike: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for packet in tables(packets):
        if packet.get("kind") == "rst" and packet.get("direction") == "in":
            alike[text(packet.get("device_print"))].append(packet)
    found: dict[int, str] = {}
    for name, family in FAMILIES.items():
        resets = alike.get(name, [])
        if len({number(packet.get(family.counted_by)) for packet in resets}) >= family.fewest:
            found = {number(packet.get("transaction_id")): name for packet in resets} | found
    return found
