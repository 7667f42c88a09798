"""Decide whether this computer or the first hop reacted to packets with TTL 1. Probe and analysis define it alike.

The kernel of this computer reacts while the system's call goes on, or sends an ICMP error from an own address, or does
not send the packet. Nothing that comes over a wire can do this. A router that forwards reports the end of the TTL
before its filter sees the packet. If it answers or drops packets to one address with TTL 1 and reports those to another
one beside, the reaction is at the first hop or on this computer. Routers behind the first hop get none of the packets.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

OTHER_PROGRAMS = 0.25  # failed repetitions of other programs, by our SYNs, above which a burst shows nothing
LEAST = 2  # packets to the address, and to the neutral host
SOONER = 2  # so many times sooner than the first hop's fastest report this computer must react
_REJECTIONS = frozenset({"reset", "unreachable"})

NearPlace = Literal["", "this_computer", "own_router", "near"]
"""Place of the reaction.

- this_computer: this computer stops the packets itself.
- own_router: the user's own router reacts, or the packets are dropped there or before it.
- near: this computer or the first hop does, and it is not known which of the two, or whose router that hop is.
"""


class PacketSent(NamedTuple):
    """Hold the result of one packet, as `NearPacket` names it. `seconds`: until the result, 0.0 without one."""

    to: str
    outcome: str
    at_once: bool = False
    sender: str = ""
    seconds: float = 0.0


class Burst(NamedTuple):
    """Hold how many SYNs were open side by side, and how many repetitions of all programs could not be sent."""

    syns: int = 0
    answered: int = 0
    not_sent: int = 0
    beside: int = 0

    @property
    def shows_filter(self) -> bool:
        """Return whether the system could not repeat any of our SYNs. Other programs may have added few."""
        others = OTHER_PROGRAMS * self.syns
        return self.syns > 0 and self.syns <= self.not_sent <= self.syns + others and self.beside <= others


NO_BURST = Burst()


def near_place(packets: Sequence[PacketSent], *, datagram_refused: bool = False, burst: Burst = NO_BURST) -> NearPlace:
    """Return the place of a reaction to packets with TTL 1, "" if they show no place on the user's side."""
    target = [one for one in packets if one.to == "target"]
    neutral = [one for one in packets if one.to == "neutral"]
    if len(target) < LEAST or len(neutral) < LEAST or any(is_local(one) or _is_answer(one) for one in neutral):
        return ""
    if all(one.outcome == "silent" for one in target):
        return _place_of_silence(neutral, datagram_refused, burst)
    rejections = [one for one in target if is_local(one) or one.outcome in _REJECTIONS]
    lost = [one for one in target if one.outcome == "silent"]
    if len(rejections) + len(lost) < len(target) or len(lost) >= len(rejections) or len(rejections) < LEAST:
        return ""
    local = [one for one in target if is_local(one)]
    if len(local) >= LEAST and _is_sooner(local, neutral):
        return "this_computer"
    reports = [one for one in neutral if one.outcome != "silent"]  # a lost one does not matter beside resets
    if not _first_hop_reports(reports):
        return ""
    # A reset that comes over a wire from a router of the provider is interference.
    return "near" if local else "" if _sender_of(reports) == "provider" else _router(reports)


def _place_of_silence(neutral: Sequence[PacketSent], datagram_refused: bool, burst: Burst) -> NearPlace:
    if burst.answered:
        return ""
    if burst.shows_filter or (datagram_refused and _first_hop_reports(neutral)):
        return "this_computer"
    return _router(neutral) if _first_hop_reports(neutral) else ""


def is_local(one: PacketSent) -> bool:
    """Return whether this computer itself gave the result, before any packet can come back."""
    return one.outcome == "not_sent" or one.sender == "own" or (one.at_once and one.outcome in _REJECTIONS)


def _is_answer(one: PacketSent) -> bool:
    """Return whether a packet was answered, although it cannot have got further than the first hop."""
    return one.outcome == "connected" or one.outcome in _REJECTIONS


def _is_sooner(local: Sequence[PacketSent], neutral: Sequence[PacketSent]) -> bool:
    """Return whether this computer reacted clearly sooner than the first hop. An own address needs no such proof."""
    timed = [one.seconds for one in local if one.outcome != "not_sent" and one.sender != "own"]
    reports = [one.seconds for one in neutral if one.outcome == "expired"]
    return not timed or not reports or SOONER * max(timed) <= min(reports)


def _first_hop_reports(neutral: Sequence[PacketSent]) -> bool:
    """Return whether the first hop reported every one of these packets."""
    return len(neutral) >= LEAST and all(one.outcome == "expired" for one in neutral)


def _sender_of(neutral: Sequence[PacketSent]) -> str:
    """Return what is known of the first hop, "" if several hops reported."""
    senders = {one.sender for one in neutral}
    return senders.pop() if len(senders) == 1 else ""


def _router(neutral: Sequence[PacketSent]) -> NearPlace:
    return "own_router" if _sender_of(neutral) == "router" else "near"
