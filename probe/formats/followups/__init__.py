"""List every kind of follow-up with its change, its cost, its condition, and the meaning of its absence.

The measuring packages execute these kinds (`probe/followups/registry.py`). The analysis explains verdicts with their
words. The order in which they are tried is the policy table in `probe/connectivity/policy/table.py`.
"""

from probe.formats.followups.dtls_hellos import DTLS_HELLOS
from probe.formats.followups.hellos import HELLOS
from probe.formats.followups.kind import Change, FollowUpKind
from probe.formats.followups.names import NAMES
from probe.formats.followups.paths import PATHS
from probe.formats.followups.payloads import (
    ADDRESS_PAGES,
    BESIDE_MEDIA,
    ECHO_PAIR,
    HELPER_CALLS,
    MEDIA_PAIR,
    QUIC_PAGES,
    RANDOM_BYTES,
    TRANSFER_PAIR,
)
from probe.formats.followups.resolvers import RESOLVERS
from probe.formats.followups.transfers import KEPT_CONNECTIONS, TRANSFERS
from probe.formats.transactions import FollowUp

__all__ = ["FOLLOWUP_KINDS", "Change", "FollowUpKind", "pieces_of_evidence"]

FOLLOWUP_KINDS: dict[FollowUp, FollowUpKind] = {
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


def pieces_of_evidence() -> dict[str, tuple[FollowUp, ...]]:
    """Return the words of each piece of evidence, with the kinds of follow-up that it consists of."""
    words = dict.fromkeys(kind.evidence for kind in FOLLOWUP_KINDS.values() if kind.evidence)
    return {each: tuple(kind.name for kind in FOLLOWUP_KINDS.values() if kind.evidence == each) for each in words}
