"""Make one row per app: name, state, calls, the plain sentence, and how sure it is. A narrow row has two lines."""

from collections.abc import Iterator, Sequence

from probe.analysis.run_result.app_words import CERTAINTIES, calls_of_app, state_of_app, worst_first
from probe.analysis.verdicts.apps import AppVerdict
from probe.cli.screen import COLOURS
from probe.cli.summary.layout import Cell, row_lines, widest, widest_word
from probe.messages import printable, tr

LEAST_SENTENCE = 20  # columns for the sentence. With fewer it gets a line of its own.
MOST_SENTENCE = 60
INDENT = 2
Row = tuple[str, str, str, str, str]
"""Title, state, calls, sentence and certainty."""


def table_lines(apps: Sequence[AppVerdict], width: int, *, coloured: bool) -> Iterator[str]:
    """Yield the lines of the table, the gravest state first."""
    chosen = worst_first(list(apps))
    rows = [_row(app) for app in chosen]
    colours = [COLOURS.get(app["state"] or "", "0") if coloured else "" for app in chosen]
    head = tr("App"), tr("State"), tr("Calls"), tr("Why"), tr("Sure")
    with_calls = any("calls" in app["needs"] for app in apps)
    wide = _wide([head, *rows], width, with_calls)
    if wide is None:
        for row, colour in zip(rows, colours, strict=True):
            yield from _two_lines(row, colour, width)
        return
    widths, gap = wide
    for row, colour in zip([head, *rows], ["2" if coloured else "", *colours], strict=True):
        cells = [Cell(text, colour if place == 1 or row is head else "") for place, text in enumerate(row)]
        yield from row_lines(cells if with_calls else [*cells[:2], *cells[3:]], widths, gap)


def _row(app: AppVerdict) -> Row:
    sentence = app["sentence"] if app["valid"] else ""
    certainty = app["certainty"]
    word = tr(CERTAINTIES[certainty]) if app["valid"] else "-"
    return printable(app["title"]), state_of_app(app), calls_of_app(app), sentence, word


def _wide(rows: Sequence[Row], width: int, with_calls: bool) -> tuple[list[int], int] | None:
    """Return the widths of the columns and the gap between them, None if the sentence has too little space."""
    titles, states, calls, sentences, certainties = zip(*rows, strict=True)
    fixed = [widest(states), *([widest_word(calls)] if with_calls else []), widest(certainties)]
    for gap in (2, 1):
        space = width - sum(fixed) - gap * (len(fixed) + 1)  # for title and sentence
        wanted = min(widest(sentences), MOST_SENTENCE)
        title = min(widest(titles), max(space - wanted, space // 2))
        sentence = min(space - title, MOST_SENTENCE)
        if sentence >= (wanted if gap > 1 else min(LEAST_SENTENCE, wanted)):
            return [title, *fixed[:-1], sentence, fixed[-1]], gap
    return None


def _two_lines(row: Row, colour: str, width: int) -> Iterator[str]:
    """Yield the lines of an app on a narrow terminal: name and state, then the sentence and how sure it is."""
    title, state, _, sentence, certainty = row
    right = widest([state])
    yield from row_lines([Cell(title), Cell(state, colour)], [max(width - right - 1, 8), right], 1)
    if sentence:
        right = widest([certainty])
        cells = [Cell(""), Cell(sentence), Cell(certainty)]
        yield from row_lines(cells, [INDENT - 1, max(width - INDENT - right - 1, 8), right], 1)
