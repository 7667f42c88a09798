"""Name what happened to a measurement that was to be sent."""

from dataclasses import dataclass
from enum import StrEnum

LONGEST = 200  # characters of a reason. Parts of it come from the server.


class Protocol(StrEnum):
    """Name a way to submit: one request per measurement, or the older reports of OONI's collector."""

    SUBMIT = "submit"
    COLLECTOR = "collector"


class State(StrEnum):
    """Name the state of a measurement in the queue.

    SENDING lasts from just before the last byte leaves to the answer. A program that ends in between leaves it behind.
    It then becomes UNCERTAIN, because only the server knows whether the measurement arrived.
    """

    WAITING = "waiting"
    SENDING = "sending"
    SENT = "sent"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Outcome:
    """Hold the new state of a measurement, the reason in technical words, and the ids that the server gave.

    `pause` is the time in seconds that the server asks for before the next attempt.
    """

    state: State
    reason: str = ""
    report_id: str | None = None
    measurement_uid: str | None = None
    pause: float = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", self.reason[:LONGEST])
