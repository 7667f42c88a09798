"""Fit the first line of a result into a few lines of the screen, with as many names as they hold."""

from collections.abc import Sequence

from rich.cells import cell_len

from probe.analysis.run_result.app_words import AppState, worst_first
from probe.analysis.run_result.headline_parts import headline_parts
from probe.cli.summary.layout import wrap
from probe.messages import listed, printable
from probe.targets.titles import shown_title

KEPT = 3  # names by which the list of blocked apps may be longer than the others
NARROW = 60  # columns. Below them the first line may take six lines, else three.


class _Lists:
    """Print lists of names, short ones first. The longest list is shortened by one name at a time."""

    def __init__(self, rest: str) -> None:
        self._rest = rest
        self._shown: dict[str, int] = {}

    def __call__(self, kind: str, apps: Sequence[AppState]) -> str:
        """Return the names of the apps, the last ones left out if the list was shortened."""
        shown = self._shown.setdefault(kind, len(apps))
        names = sorted((printable(shown_title(app["title"])) for app in apps), key=cell_len)[:shown]
        return listed([*names, self._rest] if len(apps) > shown else names)

    def shorten(self) -> bool:
        """Leave one name out of the longest list. Return False if every list has one name only."""
        kind = max(self._shown, key=lambda each: self._shown[each] - (KEPT if each == "blocked" else 0), default="")
        if self._shown.get(kind, 0) < 2:
            return False
        self._shown[kind] -= 1
        return True


def headline(apps: Sequence[AppState], width: int, *, unicode: bool, together: bool = False) -> list[str]:
    """Return the lines of the first sentence. Long lists of names are shortened so that few lines are enough.

    `together` is that of `headline_parts`.
    """
    between, rest = (" · ", "…") if unicode else (" | ", "...")
    lists, ordered, most = _Lists(rest), worst_first(apps), 6 if width < NARROW else 3
    while True:
        lines = wrap(between.join(headline_parts(ordered, lists, together=together)), width)
        if len(lines) <= most or not lists.shorten():
            return lines
