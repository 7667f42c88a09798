"""Draw one flow of a capture as a ladder: two lines for both ends, and an arrow for each packet between them.

All texts are escaped by the template. Names of captures come from strangers.
"""

from dataclasses import dataclass
from typing import NamedTuple

from probe.captures.captured_flow import CapturedFlow, SeenPacket
from probe.messages import tr

MOST_STEPS = 48  # arrows of one ladder
LEFT, RIGHT, TOP, STEP = 150, 560, 34, 26
_WORDS = {"S": "SYN", "SA": "SYN, ACK", "A": "ACK", "R": "RST", "RA": "RST, ACK", "F": "FIN", "FA": "FIN, ACK"}


class Step(NamedTuple):
    """Hold one arrow: its height, direction, kind of line, what it is, and what is written at both sides."""

    y: int
    outgoing: bool
    style: str  # usual, reset, error, rejection or repeated
    label: str
    time: str
    fields: str


@dataclass(frozen=True)
class Ladder:
    """Hold the picture of one flow. `left_out` packets are not drawn."""

    title: str
    reason: str
    steps: list[Step]
    left_out: int

    @property
    def height(self) -> int:
        return TOP + STEP * (len(self.steps) + 1)


def ladder_of(flow: CapturedFlow, title: str, reason: str) -> Ladder:
    """Return the picture of a flow."""
    kept = flow.kept
    usual = {event.ttl for event in kept if not event.outgoing and {"S", "A"} <= set(event.kind)}
    shown = kept if len(kept) <= MOST_STEPS else [*kept[: MOST_STEPS - 12], *kept[-12:]]
    drawn = ((place, event, _style(event, flow.server)) for place, event in enumerate(shown, 1))
    steps = [_step(event, style, TOP + STEP * place, flow.since, usual) for place, event, style in drawn]
    return Ladder(title, reason, steps, flow.left_out + len(kept) - len(shown))


def _step(event: SeenPacket, style: str, y: int, since: float, usual: set[int]) -> Step:
    foreign = "R" in event.kind and not event.outgoing and bool(usual) and event.ttl not in usual
    fields = [tr("TTL {ttl}", ttl=event.ttl)]
    if event.ipid is not None and not event.outgoing and "R" not in event.kind:
        fields.append(f"IP-ID {event.ipid}")  # some censors write the user's address into that of resets
    if foreign:
        fields.append(tr("another sender"))
    return Step(y, event.outgoing, style, _label(event), f"{event.when - since:.3f} s", " · ".join(fields))


def _style(event: SeenPacket, server: str) -> str:
    """Return the kind of line. That of a router's error begins between both ends."""
    if event.kind == "ICMP":
        return "rejection" if event.sender == server or event.outgoing else "error"
    return "reset" if "R" in event.kind else "repeated" if event.repeated else "usual"


def _label(event: SeenPacket) -> str:
    if event.kind == "ICMP":
        number = ".".join(map(str, event.start)) if len(event.start) == 2 else "?"
        return tr("ICMP error {number}", number=number)
    word = _WORDS.get(event.kind.replace("P", "").replace("E", "").replace("C", ""), event.kind)
    length = tr("{count} bytes", count=event.length) if event.length else ""
    window = tr("window {window}", window=event.window) if "R" in event.kind else ""
    repeated = tr("sent again") if event.repeated else ""
    return ", ".join(part for part in (word, length, window, repeated) if part)
