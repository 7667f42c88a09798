"""Make one row per app: name, state, calls, the plain sentence, and how sure it is. A narrow row has two lines."""

from collections.abc import Callable, Iterator, Sequence

from probe.analysis.run_result.app_words import CERTAINTIES, calls_of_app, state_of_app, worst_first
from probe.analysis.verdicts.apps import AppVerdict
from probe.cli.screen import COLOURS
from probe.cli.summary.columns import best_columns
from probe.cli.summary.layout import Cell, row_lines
from probe.messages import printable, tr
from probe.messages.cells import widest
from probe.targets.titles import shown_title

INDENT = 2
Row = tuple[str, str, str, str, str]
"""Title, state, calls, sentence and certainty."""


def table_lines(
    apps: Sequence[AppVerdict], width: int, *, coloured: bool, marked: Callable[[str], str] = str
) -> Iterator[str]:
    """Yield the lines of the table, the gravest state first. `marked` adds marks for the directions of a cell."""
    chosen = worst_first(list(apps))
    rows = [_row(app) for app in chosen]
    colours = [COLOURS.get(app["state"] or "", "0") if coloured else "" for app in chosen]
    head = tr("App"), tr("State"), tr("Calls"), tr("Why"), tr("Sure")
    with_calls = any("calls" in app["needs"] for app in apps)
    table: list[tuple[str, ...]] = [row if with_calls else (*row[:2], *row[3:]) for row in (head, *rows)]
    wide = best_columns(table, width)
    if wide is None:
        for row, colour in zip(rows, colours, strict=True):
            yield from _two_lines(row, colour, width, marked)
        return
    widths, gap = wide
    for texts, colour in zip(table, ["2" if coloured else "", *colours], strict=True):
        cells = [Cell(text, colour if place == 1 or texts is table[0] else "") for place, text in enumerate(texts)]
        yield from row_lines(cells, widths, gap, marked)


def _row(app: AppVerdict) -> Row:
    sentence = app["sentence"] if app["valid"] else ""
    certainty = app["certainty"]
    word = tr(CERTAINTIES[certainty]) if app["valid"] else "-"
    return printable(shown_title(app["title"])), state_of_app(app), calls_of_app(app), sentence, word


def _two_lines(row: Row, colour: str, width: int, marked: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of an app on a narrow terminal: name and state, then the sentence and how sure it is."""
    title, state, _, sentence, certainty = row
    right = widest([state])
    yield from row_lines([Cell(title), Cell(state, colour)], [max(width - right - 1, 8), right], 1, marked)
    if sentence:
        right = widest([certainty])
        cells = [Cell(""), Cell(sentence), Cell(certainty)]
        yield from row_lines(cells, [INDENT - 1, max(width - INDENT - right - 1, 8), right], 1, marked)
