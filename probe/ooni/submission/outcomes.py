"""Name the runs in the queue, and what happened to a measurement that was to be sent."""

import re
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from probe.results import RUN_FOLDER, RUN_NAME
from probe.results.folders import PACKED

_RUN = re.compile(f"{RUN_FOLDER}{RUN_NAME}jsonl", re.ASCII)
LONGEST = 200  # characters of a reason. Parts of it come from the server.


class Protocol(StrEnum):
    """Name a way to submit: one request per measurement, or the older reports of OONI's collector."""

    SUBMIT = "submit"
    COLLECTOR = "collector"


class SubmissionState(StrEnum):
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
class SubmissionOutcome:
    """Hold the new state of a measurement, the reason in technical words, and the ids that the server gave.

    `pause` is the time in seconds that the server asks for before the next attempt.
    """

    state: SubmissionState
    reason: str = ""
    report_id: str | None = None
    measurement_uid: str | None = None
    pause: float = 0

    def __post_init__(self) -> None:
        object.__setattr__(self, "reason", self.reason[:LONGEST])


def run_key(run: Path) -> str:
    """Return the name of a run in the queue: the end of its path, packed or not, without folders of the user."""
    name = "/".join(run.parts[-3:]).removesuffix(PACKED).removesuffix(".part")
    return name if _RUN.fullmatch(name) else run.name
