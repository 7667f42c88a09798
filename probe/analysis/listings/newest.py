"""Keep the newest state of each app in each storefront, from the answers of many runs."""

from collections.abc import Iterable
from datetime import UTC, datetime

from probe.analysis.listings.answers import Run
from probe.analysis.listings.history import History
from probe.analysis.listings.records import Listed, decided


def newest_listings(runs: Iterable[Run], *, lab: bool = False) -> list[Listed]:
    """Return the newest states, by store, storefront and app.

    The runs come in the order of time. One that began before the run in front of it is left out, as in `history_of`.
    Answers of a store server that is none of the real ones have a history of their own, and are left out without `lab`.
    """
    histories: dict[bool, History] = {}
    last = dict.fromkeys((False, True), datetime.min.replace(tzinfo=UTC))
    newest: dict[tuple[bool, str, str, str], Listed] = {}
    for run in runs:
        artificial = is_artificial(run)
        if (artificial and not lab) or run.began < last[artificial]:
            continue
        last[artificial] = run.began
        history = histories.setdefault(artificial, History())
        history.add(run)
        for row in decided(run, history):
            newest[artificial, row.answers.store, row.answers.storefront, row.entry.app] = row
    return [newest[key] for key in sorted(newest)]


def is_artificial(run: Run) -> bool:
    """Return whether any answer of a run is of another server than the stores."""
    return any(origin.artificial for origin in run.origins)
