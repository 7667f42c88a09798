"""Compose the first line of a result: how many apps are blocked, which ones, whose calls, and how many work."""

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len

from probe.analysis.verdicts.apps import AppVerdict
from probe.cli.summary.layout import wrap
from probe.cli.summary.words import worst_first
from probe.messages import printable, tr, tr_plural

Names = Callable[[str, Sequence[AppVerdict]], str]
KEPT = 3  # names by which the list of blocked apps may be longer than the others
NARROW = 60  # columns. Below them the first line may take six lines, else three.


class _Lists:
    """Print lists of names, short ones first. The longest list is shortened by one name at a time."""

    def __init__(self, rest: str) -> None:
        self._rest = rest
        self._shown: dict[str, int] = {}

    def __call__(self, kind: str, apps: Sequence[AppVerdict]) -> str:
        """Return the names of the apps, the last ones left out if the list was shortened."""
        shown = self._shown.setdefault(kind, len(apps))
        names = sorted((printable(app["title"]) for app in apps), key=cell_len)[:shown]
        return ", ".join([*names, self._rest] if len(apps) > shown else names)

    def shorten(self) -> bool:
        """Leave one name out of the longest list. Return False if every list has one name only."""
        kind = max(self._shown, key=lambda each: self._shown[each] - (KEPT if each == "blocked" else 0), default="")
        if self._shown.get(kind, 0) < 2:
            return False
        self._shown[kind] -= 1
        return True


def headline(apps: Sequence[AppVerdict], width: int, *, unicode: bool) -> list[str]:
    """Return the lines of the first sentence. Long lists of names are shortened so that few lines are enough."""
    between, rest = (" · ", "…") if unicode else (" | ", "...")
    lists, ordered, most = _Lists(rest), worst_first(list(apps)), 6 if width < NARROW else 3
    while True:
        lines = wrap(between.join(_parts(ordered, lists)), width)
        if len(lines) <= most or not lists.shorten():
            return lines


def _parts(apps: list[AppVerdict], listed: Names) -> Iterator[str]:
    """Yield the parts of the sentence that apply, in the order of their weight."""
    yield from _accused(apps, listed)
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


def _accused(apps: list[AppVerdict], listed: Names) -> Iterator[str]:
    blocked, likely, partly = (
        [app for app in apps if app["state"] == state] for state in ("blocked", "likely_blocked", "degraded")
    )
    if blocked and _are_addresses(apps):
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
        yield tr_plural(
            "{count} partly blocked: {names}",
            "{count} partly blocked: {names}",
            len(partly),
            names=listed("partly", partly),
        )
    if not blocked + likely + partly and any(app["valid"] for app in apps):
        yield tr("No web address is blocked") if _are_addresses(apps) else tr("No app is blocked")


def _are_addresses(apps: list[AppVerdict]) -> bool:
    """Return whether only web addresses were measured, whose targets have the address as their name."""
    return all("://" in app["app"] for app in apps)


def _calls(apps: list[AppVerdict], listed: Names) -> Iterator[str]:
    blocked, likely, partly = (
        [app for app in apps if app["needs"].get("calls") == state]
        for state in ("blocked", "likely_blocked", "degraded")
    )
    if blocked:
        yield tr("calls blocked: {names}", names=listed("calls", blocked))
    if likely:
        yield tr("calls likely blocked: {names}", names=listed("calls likely", likely))
    if partly:
        yield tr("calls in part: {names}", names=listed("calls in part", partly))
