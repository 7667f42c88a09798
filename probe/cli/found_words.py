"""Count verdicts by state in a few words: `5 blocked, 6 ok`."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from probe.messages import listed, tr, tr_plural

INVALID = "invalid"
# The worst comes first.
ORDER = ("blocked", "likely_blocked", "degraded", "filtered_locally", "impaired", "down", "ok", "insufficient", INVALID)


def state_of(record: Mapping[str, Any]) -> str:
    """Return the state of a verdict record, `invalid` for one of a run that cannot be used."""
    return str(record.get("state") or "insufficient") if record.get("valid", True) else INVALID


def counts_of(records: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Return how many records have each state, the worst first."""
    counted = Counter(map(state_of, records))
    return {state: counted[state] for state in (*ORDER, *sorted(set(counted) - set(ORDER))) if counted[state]}


def found_words(counts: Mapping[str, int]) -> str:
    """Return the counts in words. Empty without any."""
    return listed(_words(state, count) for state, count in counts.items())


def same_state_words(state: str) -> str:
    """Return the words for a target whose services all have one state."""
    words = {
        "blocked": tr("blocked"),
        "likely_blocked": tr("likely blocked"),
        "degraded": tr("works badly"),
        "filtered_locally": tr("filtered on your own side"),
        "impaired": tr("does not work, cause unclear"),
        "down": tr("does not work, no sign of blocking"),
        "ok": tr("ok"),
        "insufficient": tr("not tested enough"),
        INVALID: tr("cannot be used"),
    }
    return words.get(state, state)


def _words(state: str, count: int) -> str:
    words = {
        "blocked": tr_plural("{count} blocked", "{count} blocked", count),
        "likely_blocked": tr_plural("{count} likely blocked", "{count} likely blocked", count),
        "degraded": tr_plural("{count} works badly", "{count} work badly", count),
        "filtered_locally": tr_plural("{count} filtered on your own side", "{count} filtered on your own side", count),
        "impaired": tr_plural("{count} unclear", "{count} unclear", count),
        "down": tr_plural("{count} down", "{count} down", count),
        "ok": tr_plural("{count} ok", "{count} ok", count),
        "insufficient": tr_plural("{count} not tested enough", "{count} not tested enough", count),
        INVALID: tr_plural("{count} cannot be used", "{count} cannot be used", count),
    }
    return words.get(state, f"{count} {state}")
