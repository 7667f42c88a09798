"""Declare the columns of a service row about connections that were kept open to find a limit of time."""

from dataclasses import dataclass

from probe.analysis.features.column import column


@dataclass
class CutoffColumns:
    """Count connections to one address of the service that ended at one age, and others that lasted longer."""

    cutoff_alike: int = column(
        0,
        "Connections under the service's name that were kept open and ended at one age, after three answers or more. 0 "
        "if the ages differ, if others lasted longer, or if all had the same number of answers.",
        "COALESCE(k.alike, 0)",
    )
    cutoff_broken: int = column(
        0, "Those of them that a reset ended, or after which the path passed nothing.", "COALESCE(k.broken, 0)"
    )
    cutoff_other_past: int = column(
        0,
        "Connections under an innocuous name to the same address that lasted longer at that time. 0 if one ended.",
        "COALESCE(k.other_past, 0)",
    )
    cutoff_neutral_past: int = column(
        0, "Connections to a neutral host that lasted longer at that time.", "COALESCE(k.neutral_past, 0)"
    )
    cutoff_name_at_neutral: int = column(
        0,
        "Connections under the service's name to such a neutral host that ended at the same age.",
        "COALESCE(k.name_at_neutral, 0)",
    )
    media_frozen: int = column(
        0,
        "Pairs of media flows of the service's shape that both stopped for good at about one time. The helper then "
        "answered requests from new ports, and none from theirs.",
        "COALESCE(z.pairs, 0)",
    )
