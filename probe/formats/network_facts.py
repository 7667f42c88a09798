"""Define the facts about the network that a run measures from its own flows."""

from typing import ClassVar

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import BytesPerSecond, Count, PrivacyClass, Seconds


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


class InnocuousResets(Part):
    """Count the run's flows with innocuous names to addresses that got no target's name before, until then.

    Neutral hosts' own names count too. A flow that passes after a reset is no sign of a censor.
    """

    PRIVACY: ClassVar[PrivacyClass] = "network"

    flows: Count = Field(examples=[24])  # those that were answered or reset
    resets: Count = Field(examples=[7])  # those of them that were reset after their first data
    networks: Count = Field(examples=[4])  # networks (/24, /48) in which a name passed after it was reset
    owners: Count = Field(examples=[3])  # targets and neutral hosts at whose addresses that was
