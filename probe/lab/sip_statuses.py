"""Draw final statuses of SIP, and name their reason phrases (RFC 3261, section 21)."""

import random

from probe.signatures.injected_answers import SIP_STATUS

REASONS = SIP_STATUS | {
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    410: "Gone",
    486: "Busy Here",
    488: "Not Acceptable Here",
    501: "Not Implemented",
    503: "Service Unavailable",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
}

DRAWN = tuple(status for status in REASONS if status not in SIP_STATUS)
"""Statuses that a seed chooses from. The others have mechanisms of their own."""


def drawn_status(chance: random.Random) -> int:
    """Return a status of `DRAWN` by chance."""
    return chance.choice(DRAWN)


def status_line(status: int) -> str:
    """Return the status with its phrase."""
    return f"{status} {REASONS.get(status, 'Refused')}"
