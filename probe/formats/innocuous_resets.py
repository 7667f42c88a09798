"""Define the numbers of innocuous flows that were reset at random."""

from typing import ClassVar

from pydantic import Field

from probe.formats.entries import Part
from probe.formats.field_notes import Count, PrivacyClass


class InnocuousResets(Part):
    """Count the run's flows with innocuous names to addresses that got no target's name before, until then.

    Neutral hosts' own names count too. A flow that passes after a reset is no sign of a censor.
    """

    PRIVACY: ClassVar[PrivacyClass] = "network"

    flows: Count = Field(examples=[24])  # those that were answered or reset
    resets: Count = Field(examples=[7])  # those of them that were reset after their first data
    networks: Count = Field(examples=[4])  # networks (/24, /48) in which a name passed after it was reset
    owners: Count = Field(examples=[3])  # targets and neutral hosts at whose addresses that was
