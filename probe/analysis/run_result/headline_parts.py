"""Compose the headline of a result: how many apps are blocked, which ones, whose calls, and how many work."""

from collections.abc import Callable, Iterator, Sequence

from probe.analysis.run_result.app_words import AppState, are_calls_bad, is_slowed, state_of_calls, works_badly
from probe.messages import tr, tr_plural

Names = Callable[[str, Sequence[AppState]], str]
"""A function that lists the titles of apps. It gets the kind of the list too."""


def headline_parts(apps: Sequence[AppState], listed: Names, *, together: bool = False) -> Iterator[str]:
    """Yield the parts of the sentence that apply, in the order of their weight.

    With `together` the network blocks whatever it does not list, so that blocked and likely blocked apps are one part.
    """
    yield from _stopped(apps, listed) if together else _accused(apps, listed)
    yield from _calls(apps, listed)
    unclear, down, untested, working = (
        sum(app["state"] == state for app in apps) for state in ("impaired", "down", "insufficient", "ok")
    )
    if unclear:
        yield tr_plural("{count} unclear", "{count} unclear", unclear)
    if down:
        yield tr_plural("{count} down", "{count} down", down)
    if untested:
        yield tr_plural("{count} not tested", "{count} not tested", untested)
    if unusable := sum(not app["valid"] for app in apps):
        yield tr_plural("{count} without result", "{count} without result", unusable)
    if working:
        yield tr_plural("{count} works", "{count} work", working)


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
    if partly := [app for app in apps if app["state"] == "degraded"]:
        yield from _partly(partly, listed)


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


def _accused(apps: Sequence[AppState], listed: Names) -> Iterator[str]:
    blocked, likely, partly = (
        [app for app in apps if app["state"] == state] for state in ("blocked", "likely_blocked", "degraded")
    )
    if blocked and are_addresses(apps):
        yield tr_plural(
            "{blocked} of {count} web address blocked: {names}",
            "{blocked} of {count} web addresses blocked: {names}",
            len(apps),
            blocked=len(blocked),
            names=listed("blocked", blocked),
        )
    elif blocked:
        yield tr_plural(
            "{blocked} of {count} app blocked: {names}",
            "{blocked} of {count} apps blocked: {names}",
            len(apps),
            blocked=len(blocked),
            names=listed("blocked", blocked),
        )
    if likely:
        yield tr_plural(
            "{count} likely blocked: {names}",
            "{count} likely blocked: {names}",
            len(likely),
            names=listed("likely", likely),
        )
    if partly:
        yield from _partly(partly, listed)
    if not blocked + likely + partly and any(app["valid"] for app in apps):
        yield tr("No web address is blocked") if are_addresses(apps) else tr("No app is blocked")


def is_address(app: AppState) -> bool:
    """Return whether a web address was measured, whose target has the address as its name."""
    return "://" in app["app"]


def are_addresses(apps: Sequence[AppState]) -> bool:
    """Return whether only web addresses were measured."""
    return all(map(is_address, apps))


def _calls(apps: Sequence[AppState], listed: Names) -> Iterator[str]:
    blocked, likely, partly = (
        [app for app in apps if state_of_calls(app) == state] for state in ("blocked", "likely_blocked", "degraded")
    )
    if blocked:
        yield tr("calls blocked: {names}", names=listed("calls", blocked))
    if likely:
        yield tr("calls likely blocked: {names}", names=listed("calls likely", likely))
    bad = [app for app in partly if are_calls_bad(app)]
    partly = [app for app in partly if app not in bad]
    if bad:
        yield tr("calls bad: {names}", names=listed("calls bad", bad))
    if partly:
        yield tr("calls in part: {names}", names=listed("calls in part", partly))
