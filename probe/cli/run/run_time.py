"""Say how long a run takes, and what its time limit left out."""

from collections.abc import Iterable, Mapping
from typing import Any

from probe.messages import tr, tr_plural


def expected_time(seconds: float, limit: float | None) -> list[str]:
    """Return how long the run takes, in tens of seconds or in minutes, and what happens at its limit."""
    cut = limit is not None and seconds > limit
    shown = limit if cut and limit is not None else seconds
    if shown < 90:
        about = tr("This takes about {seconds} seconds on this network.", seconds=max(10, round(shown / 10) * 10))
    else:
        about = tr_plural(
            "This takes about {count} minute on this network.",
            "This takes about {count} minutes on this network.",
            round(shown / 60),
        )
    slow = tr("The network is slow. What is not tested by then is left out, the most important servers come first.")
    return [about, slow] if cut else [about]


def stopped_at_limit(records: Iterable[Mapping[str, Any]], seconds: float) -> str:
    """Return the sentence about a run that its time limit ended after so many seconds."""
    from probe.analysis.rules.services import OUT_OF_TIME  # here, so that other commands start faster

    untested, seconds = sum(record["rule_id"] == OUT_OF_TIME for record in records), round(seconds)
    if not untested:
        return tr("Stopped after {seconds} s because this network is slow. No service was left out.", seconds=seconds)
    return tr_plural(
        "Stopped after {seconds} s because this network is slow. {count} service was not tested to its end.",
        "Stopped after {seconds} s because this network is slow. {count} services were not tested to their end.",
        untested,
        seconds=seconds,
    )
