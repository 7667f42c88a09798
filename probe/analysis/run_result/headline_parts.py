"""Compose the headline of a result: which apps do not work and why, whose calls do not, and how many work."""

from collections.abc import Callable, Iterator, Sequence

from probe.analysis.run_result.app_words import (
    AppState,
    apps_and_basics,
    is_slowed,
    state_of_calls,
    works_badly,
    worst_first,
)
from probe.messages import tr, tr_plural
from probe.targets.needs import essential_of

Names = Callable[[str, Sequence[AppState]], str]
"""A function that lists the titles of apps. It gets the kind of the list too."""

ACCUSED = frozenset({"blocked", "likely_blocked", "degraded"})
CALLS_FAIL = frozenset({"blocked", "likely_blocked", "degraded", "impaired", "down", "filtered_locally"})


def headline_parts(apps: Sequence[AppState], listed: Names, *, together: bool = False) -> Iterator[str]:
    """Yield the parts of the sentence that apply, in the order of their weight.

    With `together` the network blocks whatever it does not list, so that blocked and likely blocked apps are one part.
    """
    chosen, basics = apps_and_basics(worst_first(apps))
    failing = [app for app in chosen if does_not_work(app)]
    partly = [app for app in chosen if app["state"] == "degraded" and not _fail_calls_alone(app)]
    calls = [app for app in chosen if not does_not_work(app) and _fail_calls(app)]
    yield from _stopped(chosen, listed) if together else _not_working(chosen, failing, listed)
    yield from _partly(partly, listed)
    if calls:
        yield tr("calls blocked or bad: {names}", names=listed("calls", calls))
    yield from _others(chosen, any_bad=bool(failing or partly or calls))
    if bad := [app for app in basics if app["state"] not in {"ok", "insufficient", None}]:
        yield tr("basics failing: {names}", names=listed("basics", bad))


def does_not_work(app: AppState) -> bool:
    """Return whether an essential need of an app is not met, with or without a known cause."""
    if app["state"] in {"impaired", "filtered_locally"}:
        return any(app["needs"].get(need) == app["state"] for need in essential_of(frozenset(app["needs"])))
    return app["state"] in {"blocked", "likely_blocked", "down"}


def _fail_calls_alone(app: AppState) -> bool:
    """Return whether calls are all that is interfered with, so that the clause about calls says it."""
    return _fail_calls(app) and {need for need, state in app["needs"].items() if state in ACCUSED} == {"calls"}


def _fail_calls(app: AppState) -> bool:
    """Return whether calls fail of an app that has more than calls."""
    return state_of_calls(app) in CALLS_FAIL and "calls" not in essential_of(frozenset(app["needs"]))


def _not_working(apps: Sequence[AppState], failing: Sequence[AppState], listed: Names) -> Iterator[str]:
    """Yield how many apps do not work, with those that are blocked, and then those that fail for another reason."""
    if failing:
        first, *others = _reasons(failing, listed)
        yield _counted(apps, len(failing), first)
        yield from others


def _reasons(failing: Sequence[AppState], listed: Names) -> Iterator[str]:
    by_state: dict[str, list[AppState]] = {}
    for app in failing:
        by_state.setdefault(app["state"] or "", []).append(app)
    for state, alike in by_state.items():
        yield _reason(state, len(alike), listed(state, alike))


def _reason(state: str, count: int, names: str) -> str:
    if state == "blocked":
        return tr_plural("{names} is blocked", "{names} are blocked", count, names=names)
    if state == "likely_blocked":
        return tr_plural("{names} is likely blocked", "{names} are likely blocked", count, names=names)
    if state == "filtered_locally":
        return tr_plural(
            "{names} is filtered on your own side", "{names} are filtered on your own side", count, names=names
        )
    if state == "down":
        return tr_plural("{names} is down", "{names} are down", count, names=names)
    return tr_plural("{names} fails, cause unclear", "{names} fail, cause unclear", count, names=names)


def _counted(apps: Sequence[AppState], failing: int, reason: str) -> str:
    count = len(apps)
    if count == 1:
        return reason
    if are_addresses(apps):
        return tr_plural(
            "{failing} of {all} web addresses does not open: {reason}",
            "{failing} of {all} web addresses do not open: {reason}",
            failing,
            failing=failing,
            all=count,
            reason=reason,
        )
    return tr_plural(
        "{failing} of {all} apps does not work: {reason}",
        "{failing} of {all} apps do not work: {reason}",
        failing,
        failing=failing,
        all=count,
        reason=reason,
    )


def _stopped(apps: Sequence[AppState], listed: Names) -> Iterator[str]:
    stopped = [app for app in apps if is_stopped(app)]
    if stopped:
        yield tr_plural(
            "{stopped} of {count} app cut off: {names}",
            "{stopped} of {count} apps cut off: {names}",
            len(apps),
            stopped=len(stopped),
            names=listed("blocked", stopped),
        )
    yield from _reasons([app for app in apps if does_not_work(app) and app not in stopped], listed)


def is_stopped(app: AppState) -> bool:
    """Return whether an app is blocked or likely blocked."""
    return app["state"] in {"blocked", "likely_blocked"}


def _partly(apps: Sequence[AppState], listed: Names) -> Iterator[str]:
    slowed = [app for app in apps if is_slowed(app)]
    badly = [app for app in apps if works_badly(app) and app not in slowed]
    if blocked := [app for app in apps if app not in slowed + badly]:
        yield tr_plural(
            "{count} partly blocked: {names}",
            "{count} partly blocked: {names}",
            len(blocked),
            names=listed("partly", blocked),
        )
    if slowed:
        yield tr_plural(
            "{count} slowed down: {names}", "{count} slowed down: {names}", len(slowed), names=listed("slowed", slowed)
        )
    if badly:
        yield tr_plural(
            "{count} works badly: {names}", "{count} work badly: {names}", len(badly), names=listed("badly", badly)
        )


def _others(apps: Sequence[AppState], *, any_bad: bool) -> Iterator[str]:
    """Yield how many apps were not tested, and how many work. Where nothing fails, that number comes first."""
    working = sum(app["state"] == "ok" for app in apps)
    unclear = sum(app["state"] in {"impaired", "filtered_locally"} and not does_not_work(app) for app in apps)
    if working and not any_bad:
        yield _working_of(apps, working)
    if unclear:
        yield tr_plural("{count} works in part", "{count} work in part", unclear)
    if untested := sum(app["state"] == "insufficient" for app in apps):
        yield tr_plural("{count} not tested to its end", "{count} not tested to their end", untested)
    if unusable := sum(not app["valid"] for app in apps):
        yield tr_plural("{count} without result", "{count} without result", unusable)
    if working and any_bad:
        yield tr_plural("{count} works", "{count} work", working)


def _working_of(apps: Sequence[AppState], working: int) -> str:
    count = len(apps)
    if count == 1:
        return tr_plural("{count} works", "{count} work", working)
    if are_addresses(apps):
        return tr_plural(
            "{working} of {all} web addresses opens",
            "{working} of {all} web addresses open",
            working,
            working=working,
            all=count,
        )
    return tr_plural(
        "{working} of {all} apps works", "{working} of {all} apps work", working, working=working, all=count
    )


def is_address(app: AppState) -> bool:
    """Return whether a web address was measured, whose target has the address as its name."""
    return "://" in app["app"]


def are_addresses(apps: Sequence[AppState]) -> bool:
    """Return whether only web addresses were measured."""
    return all(map(is_address, apps))
