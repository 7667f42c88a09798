"""Say how a TCP connection of a capture ended, as the client's socket would have."""

from typing import NamedTuple

from probe.captures.captured_flow import CapturedFlow, SeenPacket
from probe.captures.conversation import PATIENCE
from probe.formats import failures as f

UNREACHABLE = {1, 3}  # types of ICMP errors that say so, of ICMPv6 and ICMP


class ConnectionEnd(NamedTuple):
    """Hold the failure and its time. `certain` is false if the capture or the client ended too early to tell."""

    failure: str | None
    when: float
    certain: bool = True


def end_of_connect(flow: CapturedFlow, last: float) -> ConnectionEnd:
    """Return how the connect ended. `last` is the time of the capture's last packet."""
    for event in flow.kept:
        if event.outgoing:
            continue
        if {"S", "A"} <= set(event.kind):
            return ConnectionEnd(None, event.when)
        if "R" in event.kind:
            return ConnectionEnd(f.REFUSED, event.when)
        if _is_unreachable(event):
            return ConnectionEnd(f.HOST_UNREACHABLE, event.when)
    given_up = min(last, flow.until + PATIENCE)
    return ConnectionEnd(f.TIMEOUT, given_up, certain=flow.syns >= 2 and given_up - flow.since >= PATIENCE)


def end_before_answer(flow: CapturedFlow, asked: float, last: float) -> ConnectionEnd:
    """Return how a connection ended that carried a request at `asked` and no byte of an answer since."""
    for event in flow.kept:
        if event.when < asked:
            continue
        if event.outgoing:
            if {"R", "F"} & set(event.kind) and event.when - asked < PATIENCE:
                return ConnectionEnd(None, event.when, certain=False)  # the client did not wait
            continue
        if "R" in event.kind:
            return ConnectionEnd(f.RESET, event.when)
        if "F" in event.kind:
            return ConnectionEnd(f.EOF, event.when)
        if _is_unreachable(event):
            return ConnectionEnd(f.HOST_UNREACHABLE, event.when)
    waited = max((each.when for each in flow.kept), default=asked)
    given_up = min(last, waited + PATIENCE)
    repeated = any(each.outgoing and each.repeated and each.length for each in flow.kept)
    return ConnectionEnd(f.TIMEOUT, given_up, certain=repeated and given_up - asked >= PATIENCE)


def reset_after(flow: CapturedFlow, when: float) -> SeenPacket | None:
    """Return the first reset from the server's side after a time, unless the client had ended the connection itself."""
    for event in flow.kept:
        if event.when < when:
            continue
        if event.outgoing and {"R", "F"} & set(event.kind):
            return None
        if not event.outgoing and "R" in event.kind:
            return event
    return None


def first_payload(flow: CapturedFlow, *, outgoing: bool) -> float | None:
    """Return the time of the first payload in a direction."""
    return next(
        (each.when for each in flow.kept if each.outgoing == outgoing and each.length and "R" not in each.kind), None
    )


def _is_unreachable(event: SeenPacket) -> bool:
    return event.kind == "ICMP" and event.start[:1] != b"" and event.start[0] in UNREACHABLE
