"""Define the facts about the access line that a run measures from its own flows."""

from typing import ClassVar

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import BytesPerSecond, PrivacyClass, Seconds


class AccessLine(Part):
    """Hold how fast the access line is (`x_run.access_line`), from all flows of the run so far."""

    PRIVACY: ClassVar[PrivacyClass] = "machine"

    round_trip: Seconds = Field(
        examples=[0.31]
    )  # of a connect, the median, with the time in queues (0: no connect succeeded)
    queueing: Seconds = Field(
        examples=[0.36]
    )  # longest median time of eight answers in a queue of the access line (0: fewer answers)
    received_rate: BytesPerSecond = Field(examples=[9175])  # payload, in the busiest five seconds
