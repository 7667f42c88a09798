"""Define the flows with a non-existent name that fail, as where a network passes only listed names."""

from dataclasses import dataclass

from probe.analysis.phenomena.phenomenon import Phenomenon, RowPart
from probe.analysis.sql.column import column
from probe.analysis.sql.differentials import AFTER, Differential
from probe.analysis.sql.link_counts import count
from probe.analysis.sql.linked_roles import AT_ADDRESS, OF_FAMILY, OTHER_NAMES, TRIED_NAME_LAYER, followed

_ROLES = tuple(
    followed(role, OF_FAMILY, followup, "NOT s.is_literal", OTHER_NAMES, TRIED_NAME_LAYER, *further, decides=True)
    for role, followup, *further in (
        ("nonexistent_here", "nonexistent_name_same_address", AT_ADDRESS),
        ("nonexistent_neutral", "nonexistent_name_neutral_host"),
        ("own_neutral", "neutral_name_neutral_host"),
    )
)

# The later success excludes residual censorship (P8).
_DIFFERENTIALS = tuple(
    Differential("known_name_passed_later", (role,), AFTER, (known,), f"b.port = k.port AND b.name_answered{working}")
    for role, known, working in (
        ("nonexistent_here", "innocuous", ""),
        ("nonexistent_neutral", "own_neutral", " AND b.at_working"),
    )
)

_FAILED = "NOT name_answered AND name_failure_kind <> '' AND failure_kind <> 'local' AND known_name_passed_later"


@dataclass
class NonexistentColumns:
    """Count flows with a non-existent name that failed before one with a known name passed."""

    nonexistent_failed: int = column(
        0,
        "Flows with a non-existent name that failed before an innocuous name passed.",
        count("role = 'nonexistent_here'", _FAILED),
    )
    nonexistent_neutral_failed: int = column(
        0,
        "Flows with a non-existent name to neutral hosts that failed before the host's own name passed.",
        count("role = 'nonexistent_neutral'", _FAILED),
    )


NONEXISTENT_NAMES = Phenomenon(
    "nonexistent_names",
    "Flows with a non-existent name fail, and those with known names pass.",
    roles=_ROLES,
    differentials=_DIFFERENTIALS,
    address=RowPart(NonexistentColumns),
)
