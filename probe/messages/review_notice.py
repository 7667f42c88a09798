"""Say that a translation was not reviewed by a native speaker."""

from probe.messages.catalogue import language, mark, reviewer, tr
from probe.messages.languages import ENGLISH

UNREVIEWED = mark("Not checked by a native speaker. See docs/translating.md, or use --lang en.")


def review_notice() -> list[str]:
    """Return the notice in the user's language and in English. English and reviewed translations have none."""
    return [] if language() == ENGLISH or reviewer() else [tr(UNREVIEWED), UNREVIEWED]
