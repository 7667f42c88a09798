"""Return the time line of a run: one row per app, with a mark for the attempts of each short period."""

from collections.abc import Iterable, Sequence
from typing import Any

from probe.analysis.run_result.transaction_sentences import describe_transaction
from probe.messages import tr, tr_plural
from probe.run_page.run_facts import Attempt

BINS = 50  # periods. Each has at most two marks, one for the attempts that worked and one for those that failed.
WIDTH = 400  # of a row, in the unit of its picture
EDGE = 6  # beside the first and the last mark
LEAST_SPAN = 1.0  # seconds


def time_line(attempts: Sequence[Attempt], apps: Iterable[tuple[str, str]]) -> dict[str, Any] | None:
    """Return the rows of the time line, None without attempts. `apps` has names and titles, in the order of rows."""
    if not attempts:
        return None
    start = min(attempt.began for attempt in attempts)
    span = max(max(attempt.began for attempt in attempts) - start, LEAST_SPAN)
    by_app: dict[str, list[Attempt]] = {}
    for attempt in attempts:
        by_app.setdefault(attempt.app, []).append(attempt)
    rows = [_row(title, by_app[name], start, span) for name, title in apps if name in by_app]
    return {"width": WIDTH, "rows": rows, "ticks": [_seconds(span * part / 4) for part in range(5)]} if rows else None


def _row(title: str, attempts: Sequence[Attempt], start: float, span: float) -> dict[str, Any]:
    """Return the marks of an app, and the sentence that replaces its picture."""
    bins: dict[tuple[int, bool], list[Attempt]] = {}
    for attempt in attempts:
        place = min(int((attempt.began - start) / span * BINS), BINS - 1)
        bins.setdefault((place, attempt.failed), []).append(attempt)
    marks = [_mark(place, failed, found, start, span) for (place, failed), found in sorted(bins.items())]
    return {"title": title, "summary": _summary(attempts, start), "marks": marks}


def _mark(place: int, failed: bool, attempts: Sequence[Attempt], start: float, span: float) -> dict[str, Any]:
    x = EDGE + (place + 0.5) / BINS * (WIDTH - 2 * EDGE)
    return {"x": round(x, 1), "failed": failed, "text": _mark_text(failed, attempts, start, place * span / BINS)}


def _mark_text(failed: bool, attempts: Sequence[Attempt], start: float, began: float) -> str:
    """Return the sentence of a mark. The only attempt of a mark is described, several are counted."""
    if len(attempts) == 1:
        (only,) = attempts
        sentence = describe_transaction(only.transaction)
        return tr("After {seconds} s: {attempt}", seconds=_seconds(only.began - start), attempt=sentence)
    if failed:
        return tr_plural(
            "After {seconds} s: {count} attempt failed",
            "After {seconds} s: {count} attempts failed",
            len(attempts),
            seconds=_seconds(began),
        )
    return tr_plural(
        "After {seconds} s: {count} attempt worked",
        "After {seconds} s: {count} attempts worked",
        len(attempts),
        seconds=_seconds(began),
    )


def _summary(attempts: Sequence[Attempt], start: float) -> str:
    """Return how much was tried, when, and how much of it failed."""
    first, last = min(attempt.began for attempt in attempts), max(attempt.began for attempt in attempts)
    return tr_plural(
        "{count} attempt, {failed} failed. The first began after {first} s, the last after {last} s.",
        "{count} attempts, {failed} failed. The first began after {first} s, the last after {last} s.",
        len(attempts),
        first=_seconds(first - start),
        last=_seconds(last - start),
        failed=sum(attempt.failed for attempt in attempts),
    )


def _seconds(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")
