"""List every kind of follow-up with its change, its cost, its condition, and the meaning of its absence.

The measuring packages execute these kinds (`probe/followups/registry.py`). The analysis explains verdicts with the
words of these kinds. The order in which they are tried is the policy table in
`probe/connectivity/policy/policy_table.py`.
"""

from typing import TYPE_CHECKING, Literal

from probe.formats.followups.kind import Change, FollowUpKind
from probe.formats.followups.other_names import NAMES
from probe.formats.followups.other_payloads import (
    ADDRESS_PAGES,
    BESIDE_MEDIA,
    ECHO_PAIR,
    HELPER_CALLS,
    MEDIA_PAIR,
    QUIC_PAGES,
    RANDOM_BYTES,
    TRANSFER_PAIR,
)
from probe.formats.followups.other_servers import PATHS, RESOLVERS
from probe.formats.followups.tls_hellos import DTLS_HELLOS, HELLOS
from probe.formats.followups.transfers import KEPT_CONNECTIONS, TRANSFERS

__all__ = ["FOLLOWUP_KINDS", "Change", "FollowUp", "FollowUpKind", "pieces_of_evidence"]

FOLLOWUP_KINDS: dict[str, FollowUpKind] = {
    kind.name: kind
    for kind in (
        *NAMES,
        *HELLOS,
        *DTLS_HELLOS,
        *TRANSFERS,
        *RANDOM_BYTES,
        *RESOLVERS,
        *ECHO_PAIR,
        *MEDIA_PAIR,
        *HELPER_CALLS,
        *TRANSFER_PAIR,
        *QUIC_PAGES,
        *ADDRESS_PAGES,
        *KEPT_CONNECTIONS,
        *BESIDE_MEDIA,
        *PATHS,
    )
}
"""Each kind by its id."""

if TYPE_CHECKING:
    FollowUp = str
else:
    FollowUp = Literal[("", *FOLLOWUP_KINDS)]
"""Id of a kind of follow-up, "" for other transactions. The ids are read from the kinds, so each stands once."""


def pieces_of_evidence() -> dict[str, tuple[FollowUp, ...]]:
    """Return the words of each piece of evidence, with the kinds of follow-up that it consists of."""
    words = dict.fromkeys(kind.evidence for kind in FOLLOWUP_KINDS.values() if kind.evidence)
    return {each: tuple(kind.name for kind in FOLLOWUP_KINDS.values() if kind.evidence == each) for each in words}
