"""Count the targets in each phase, and say so in a few words."""

import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from probe.messages import tr

if TYPE_CHECKING:
    from probe.run.phases import Phase


class PhaseCounts:
    """Hold the targets that are under way. The screen asks from another thread than the run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._phases: dict[str, Callable[[], Phase]] = {}

    def begin(self, target: str, phase: "Callable[[], Phase]") -> None:
        """Add a target. `phase` returns its phase at any moment."""
        with self._lock:
            self._phases[target] = phase

    def end(self, target: str) -> None:
        """Remove a target that is finished."""
        with self._lock:
            self._phases.pop(target, None)

    def words(self) -> list[str]:
        """Return the number of targets in each phase, none if nothing is under way."""
        with self._lock:
            phases = list(self._phases.values())
        counted = Counter(phase() for phase in phases)
        words: dict[Phase, str] = {
            "names": tr("names: {count}", count=counted["names"]),
            "connections": tr("connections: {count}", count=counted["connections"]),
            "closer_look": tr("closer look: {count}", count=counted["closer_look"]),
            "helper": tr("comparing with the helper: {count}", count=counted["helper"]),
            "call_packets": tr("call packets: {count}", count=counted["call_packets"]),
            "late_answers": tr("late answers: {count}", count=counted["late_answers"]),
        }
        return [text for phase, text in words.items() if counted[phase]]
