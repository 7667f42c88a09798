"""Raw packets of our flows → which resets are not of whoever shook hands with us. Where nobody saw packets: none.

A reset with another TTL than the greeting's came another way; several that step ahead through the window (by 1460 and
4380, say) are guesses of somebody who does not know where the sender stands. Both are what boxes on the path send, and
their absence proves nothing: some copy the TTL. Windows and IP-IDs tell less: honest systems' own differ from packet to
packet. How far away such a box is the TTL on arrival does not tell, since nobody knows what it began with.
"""

from collections import defaultdict
from typing import Any

from probe.analysis.observations.lenient_json import number, tables, text


def count_forged_resets(packets: Any) -> dict[int, int]:
    """Transaction id → how many resets it drew that do not look like the greeting's sender's own (`x_packets`)."""
    flows: dict[int, list[dict[str, Any]]] = defaultdict(list)
    for packet in tables(packets):
        if text(packet.get("direction")) == "in":
            flows[number(packet.get("transaction_id"))].append(packet)
    return {identity: _unlike(came) for identity, came in flows.items()}


def _unlike(came: list[dict[str, Any]]) -> int:
    greeted = {number(packet.get("ttl")) for packet in came if packet.get("kind") == "synack"}
    resets = [packet for packet in came if packet.get("kind") == "rst"]
    stepping = _stepping(resets)
    from_elsewhere = [bool(greeted) and number(packet.get("ttl")) not in greeted for packet in resets]
    return sum(_place(reset) in stepping or other for reset, other in zip(resets, from_elsewhere, strict=True))


def _stepping(resets: list[dict[str, Any]]) -> set[int]:
    """Acknowledgments that came with several sequence numbers. A system's own answers to late segments bear none."""
    sequences: dict[int, set[int]] = defaultdict(set)
    for packet in resets:
        sequences[_place(packet)].add(number(packet.get("sequence")))
    return {place for place, several in sequences.items() if len(several) > 1 and place >= 0}


def _place(packet: dict[str, Any]) -> int:
    """What a reset acknowledges; -1 for one that acknowledges nothing (RFC 9293 3.10.7.1)."""
    return number(packet.get("acknowledgment")) if "A" in text(packet.get("flags")) else -1
