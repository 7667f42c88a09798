"""Collect what was sent and received in a media flow, and write it to its entry, one number per packet."""

from dataclasses import dataclass, field

from probe.formats.exchanges.media import LOST, NO_TIME, NOT_KNOWN, MediaFlow
from probe.wire.media.sealed_payload import SEEN_BITS, SealedFields

_TENTHS = 1e4  # tenths of a millisecond in a second


@dataclass
class FlowRecord:
    """Hold the times of one flow on the event loop's clock, and the helper's times on its own."""

    interval: float
    foreign: int = 0  # datagrams that do not belong to this flow
    _began: float = 0.0
    _sent: list[float] = field(default_factory=list)  # by packet number
    _returned: dict[int, tuple[float, SealedFields]] = field(default_factory=dict)  # by packet number
    _copies: int = 0
    _newest: SealedFields = field(default_factory=lambda: SealedFields(0, 0))

    def begin(self, now: float) -> None:
        """Set the time of the first packet on the schedule."""
        self._began = now

    def sent(self, now: float) -> None:
        """Note the time of the next packet."""
        self._sent.append(now)

    def returned(self, fields: SealedFields, now: float) -> None:
        """Note a reflected packet."""
        if fields.number >= len(self._sent):
            self.foreign += 1
        elif fields.number in self._returned:
            self._copies += 1
        else:
            self._returned[fields.number] = now, fields
            self._newest = max(self._newest, fields, key=lambda each: each.received)

    @property
    def has_returned(self) -> bool:
        """Return whether a packet came back."""
        return bool(self._returned)

    def silent_at_end(self) -> float:
        """Return the seconds of packets behind the last one that came back, 0.0 if none came back."""
        return (len(self._sent) - 1 - max(self._returned)) * self.interval if self._returned else 0.0

    def write_to(self, entry: MediaFlow) -> None:
        """Write the counts and the lists."""
        seen, known = self._marks()
        entry.sent, entry.returned, entry.foreign = len(self._sent), len(self._returned), self.foreign
        entry.reached, entry.refused, entry.copies = seen.bit_count(), self._newest.refused, self._copies
        entry.late = [
            round((time - self._began - number * self.interval) * _TENTHS) for number, time in enumerate(self._sent)
        ]
        forth = {number: fields.clock / 1e6 - self._sent[number] for number, (_, fields) in self._returned.items()}
        back = {number: time - fields.clock / 1e6 for number, (time, fields) in self._returned.items()}
        if self._returned:
            entry.round_trip = round(min(time - self._sent[number] for number, (time, _) in self._returned.items()), 6)
        numbers = range(len(self._sent))
        entry.forth = _delays(
            forth, [(NO_TIME if seen >> at & 1 else LOST) if known >> at & 1 else NOT_KNOWN for at in numbers]
        )
        entry.back = _delays(back, [LOST if seen >> at & 1 else NOT_KNOWN for at in numbers])

    def _marks(self) -> tuple[int, int]:
        """Return the marks of packets that reached the helper, and of packets about which the helper told."""
        seen = known = 0
        for number, (_, fields) in self._returned.items():
            for back in range(min(number + 1, SEEN_BITS)):
                seen |= (fields.seen >> back & 1) << number - back
            known |= ((1 << number + 1) - 1) & ~((1 << max(0, number + 1 - SEEN_BITS)) - 1)
        return seen, known


def _delays(measured: dict[int, float], others: list[int]) -> list[int]:
    """Return one number per packet: its delay beyond the least in tenths of a millisecond, or the code in `others`.

    The least delay is left out, because it contains the difference of the clocks.
    """
    least = min(measured.values(), default=0.0)
    return [round((measured[at] - least) * _TENTHS) if at in measured else code for at, code in enumerate(others)]
