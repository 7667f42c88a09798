"""Count resets that another sender than the TCP peer made, and name the family of devices that resets look like.

Two signs show another sender:
- The TTL differs from that of the SYN-ACK, so the reset took another path.
- Several resets have one acknowledgment number and different sequence numbers (steps of 1460 and 4380, for example).
  An injector guesses in this way where in the window the sender is.

Missing signs prove nothing, since some middleboxes copy the TTL. Window sizes and IP-IDs are not used: they differ
between packets of ordinary systems too. The TTL on arrival gives no distance, since the initial TTL is unknown.
"""

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


def count_forged_resets(packets: Any) -> dict[int, int]:
    """Return the number of forged resets by transaction id. `packets` is the key `x_packets`, in any shape."""
    flows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for packet in tables(packets):
        if text(packet.get("direction")) == "in":
            flows[number(packet.get("transaction_id"))].append(packet)
    return {identity: _count_forged(received) for identity, received in flows.items()}


def _count_forged(received: list[dict[str, Any]]) -> int:
    peer_ttls = {number(packet.get("ttl")) for packet in received if packet.get("kind") == "synack"}
    resets = [packet for packet in received if packet.get("kind") == "rst"]
    guessed = _guessed_acknowledgments(resets)
    other_ttl = [bool(peer_ttls) and number(packet.get("ttl")) not in peer_ttls for packet in resets]
    return sum(_acknowledgment(reset) in guessed or other for reset, other in zip(resets, other_ttl, strict=True))


def _guessed_acknowledgments(resets: list[dict[str, Any]]) -> set[int]:
    """Return acknowledgment numbers seen with several sequence numbers.

    Resets without ACK are left out: a system answers late segments with them, each with its own sequence number.
    """
    sequences: dict[int, set[int]] = defaultdict(set)
    for packet in resets:
        sequences[_acknowledgment(packet)].add(number(packet.get("sequence")))
    return {acknowledged for acknowledged, seen in sequences.items() if len(seen) > 1 and acknowledged >= 0}


def _acknowledgment(packet: dict[str, Any]) -> int:
    """Return the acknowledgment number of a reset, -1 without the ACK flag (RFC 9293, 3.10.7.1)."""
    return number(packet.get("acknowledgment")) if "A" in text(packet.get("flags")) else -1
