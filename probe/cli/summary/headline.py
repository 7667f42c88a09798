"""Fit the first line of a result into a few lines of the screen, with as many names as they hold."""

from collections.abc import Sequence

from probe.analysis.run_result.app_words import AppState, worst_first
from probe.analysis.run_result.headline_parts import headline_parts
from probe.cli.summary.table_layout import wrap
from probe.messages import listed, printable
from probe.targets.titles import shown_title

KEPT = 3  # names by which the list of blocked apps may be longer than the others
NARROW = 60  # columns. Below them the first line may take six lines, else three.


class _Lists:
    """Print lists of names in the order of the apps. The longest list is shortened by one name at a time."""

    def __init__(self, rest: str, kept: int) -> None:
        self._rest, self._kept = rest, kept
        self._shown: dict[str, int] = {}

    def __call__(self, kind: str, apps: Sequence[AppState]) -> str:
        """Return the names of the apps, the last ones left out if the list was shortened."""
        shown = self._shown.setdefault(kind, len(apps))
        names = [printable(shown_title(app["title"])) for app in apps][:shown]
        return listed([*names, self._rest] if len(apps) > shown else names)

    def shorten(self) -> bool:
        """Leave one name out of the longest list. Return False if every list has one name only."""
        kind = max(
            self._shown, key=lambda each: self._shown[each] - (self._kept if each == "blocked" else 0), default=""
        )
        if self._shown.get(kind, 0) < 2:
            return False
        self._shown[kind] -= 1
        return True


def headline(
    apps: Sequence[AppState], width: int, *, unicode: bool, together: bool = False, most: int | None = None
) -> list[str]:
    """Return the lines of the first sentence. Long lists of names are shortened so that few lines are enough.

    `together` is that of `headline_parts`. With `most` the sentence has no more lines, and its last parts are left out.
    """
    lists = _Lists(_signs(unicode)[1], KEPT)
    usual = 6 if width < NARROW else 3
    parts = _shortened(apps, (), lists, width, usual if most is None else most, unicode=unicode, together=together)
    if most is not None:
        parts = _without_last(parts, 1, width, most, unicode=unicode)
    return wrap(_signs(unicode)[0].join(parts), width)


def short_headline(apps: Sequence[AppState], first: Sequence[str], width: int, most: int, *, unicode: bool) -> str:
    """Return the first sentence behind the parts `first`, in `most` lines. Names are left out, then the last parts."""
    parts = _shortened(apps, first, _Lists(_signs(unicode)[1], 0), width, most, unicode=unicode)
    return _signs(unicode)[0].join(_without_last(parts, len(first) + 1, width, most, unicode=unicode))


def _shortened(
    apps: Sequence[AppState],
    first: Sequence[str],
    lists: _Lists,
    width: int,
    most: int,
    *,
    unicode: bool,
    together: bool = False,
) -> list[str]:
    """Return the parts with as many names as `most` lines hold, or with one name in each list."""
    ordered = worst_first(apps)
    while True:
        parts = [*first, *headline_parts(ordered, lists, together=together)]
        if _height(parts, width, unicode) <= most or not lists.shorten():
            return parts


def _without_last(parts: list[str], kept: int, width: int, most: int, *, unicode: bool) -> list[str]:
    """Return the parts that `most` lines hold, the first ones in any case, and a sign for those that are left out."""
    if _height(parts, width, unicode) <= most:
        return parts
    rest = _signs(unicode)[1]
    while len(parts) > kept and _height([*parts, rest], width, unicode) > most:
        parts = parts[:-1]
    return [*parts, rest]


def _height(parts: Sequence[str], width: int, unicode: bool) -> int:
    return len(wrap(_signs(unicode)[0].join(parts), width))


def _signs(unicode: bool) -> tuple[str, str]:
    """Return what stands between two parts, and for what is left out."""
    return (" · ", "…") if unicode else (" | ", "...")
