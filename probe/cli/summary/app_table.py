"""Make one row per app: name, state, calls, the plain sentence, and how sure it is.

On a narrow screen a row has two lines, and the sentence is in the second. Where a screen has few lines, apps with the
same state and calls share a row, and the sentences are left out.

Choose the widths of the columns of the table of apps: title, state, calls if any app has them, sentence, certainty.

English and most languages fit with whole states beside each other. Where words are longer, as in Russian and Spanish,
many rows would get a second line. Then states and titles are wrapped so that the whole table has the fewest lines.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import chain, product
from typing import NamedTuple

from probe.analysis.run_result.app_words import (
    CALLS,
    CERTAINTIES,
    apps_and_basics,
    are_basics,
    calls_of_app,
    state_of_app,
    state_of_calls,
    worst_first,
)
from probe.analysis.run_result.headline_parts import is_address, is_stopped
from probe.analysis.verdicts.app_verdicts import AppVerdict
from probe.cli.screen import COLOURS
from probe.cli.summary.table_layout import MOST_LINES, TableCell, row_lines, widest_word, wrap
from probe.messages import listed, printable, tr
from probe.messages.line_breaks import can_break_in_words
from probe.messages.terminal_cells import widest
from probe.targets.titles import shown_title

LEAST_SENTENCE = 20  # columns for the sentence. With fewer it gets a line of its own.
MOST_SENTENCE = 60
MOST_TITLES = 6  # widths of the title that are tried
MOST_SHARED = 44  # columns of the titles of apps that share a row
SECOND_LINES = 3  # one row in so many may have a second line before other widths are tried

Widths = tuple[list[int], int]
"""The widths of the columns, and the gap between them."""


def best_columns(table: Sequence[Sequence[str]], width: int) -> Widths | None:
    """Return the widths with which the table fits and has few lines, None if the sentence has too little space."""
    columns = list(zip(*table, strict=True))
    usual = _usual(columns, width)
    if usual is not None and _lines(table, usual) <= len(table) + len(table) // SECOND_LINES:
        return usual
    possible = [*([usual] if usual is not None else []), *_narrower(columns, width)]
    return min(possible, key=lambda one: _lines(table, one), default=None)


def _usual(columns: Sequence[Sequence[str]], width: int) -> Widths | None:
    """Return the widths in which states and certainties are in one line, and the words for calls too if they fit."""
    titles, states, *calls, sentences, certainties = columns
    for calls_width in (widest, widest_word):
        fixed = [widest(states), *map(calls_width, calls), widest(certainties)]
        for gap in (2, 1):
            space = width - sum(fixed) - gap * (len(fixed) + 1)  # for title and sentence
            wanted = min(widest(sentences), MOST_SENTENCE)
            title = min(widest(titles), max(space - wanted, space // 2))
            sentence = min(space - title, MOST_SENTENCE)
            enough = wanted if gap > 1 or calls_width is widest else min(LEAST_SENTENCE, wanted)
            if sentence >= enough and title >= widest_word(titles):
                return [title, *fixed[:-1], sentence, fixed[-1]], gap
    return None


def _narrower(columns: Sequence[Sequence[str]], width: int) -> Iterator[Widths]:
    """Yield widths in which a title, or the words for states, calls and certainties, need a second line."""
    titles, *words, sentences, certainties = columns
    long_titles = sorted({widest([title]) for title in titles}, reverse=True)[:MOST_TITLES]
    for title, *others in product(long_titles, *map(_word_widths, [*words, certainties])):
        kept = [max(title, widest_word(titles)), *others]
        sentence = min(width - sum(kept) - len(kept), MOST_SENTENCE)
        if sentence >= min(LEAST_SENTENCE, widest(sentences)):
            yield [*kept[:-1], sentence, kept[-1]], 1


def _word_widths(column: Sequence[str]) -> set[int]:
    """Return the width of the longest text, of the longest word, and one between them.

    In Chinese and Burmese a word is broken, so that half of it is enough.
    """
    most, least = widest(column), widest_word(column)
    if any(map(can_break_in_words, column)):
        least = min(least, max((most + 1) // 2, LEAST_TITLE))
    return {most, (most + least) // 2, least}


def _lines(table: Sequence[Sequence[str]], widths: Widths) -> int:
    return sum(max(map(_height, row, widths[0])) for row in table)


@lru_cache(maxsize=4096)
def _height(text: str, width: int) -> int:
    return len(wrap(text, width))


def _best_of_words(table: Sequence[Sequence[str]], width: int) -> Widths:
    """Return the widths with which a table of titles and short words has the fewest lines. The title gets the rest."""
    titles, *words = zip(*table, strict=True)
    possible = list[Widths]()
    for chosen in sorted(product(*map(_word_widths, words)), key=sum):
        title = min(width - sum(chosen) - len(chosen), widest(titles))
        if title >= min(LEAST_TITLE, widest(titles)) or not possible:
            possible.append(([max(title, LEAST_TITLE), *chosen], 1))
    return min(possible, key=lambda one: _lines(table, one))


INDENT = 2
LEAST_TITLE = 8


class TableForm(NamedTuple):
    """Say what the table of apps leaves out where a screen has few lines.

    `shared` is the number of columns of the titles that share a row. Further ones get a row of their own, or with `cut`
    they are counted. `reasons` stands for the columns that say why, and how sure it is.
    """

    shared: int | None = MOST_SHARED
    cut: bool = False
    reasons: bool = True
    basics: bool = True


FORMS = (
    TableForm(),
    TableForm(shared=None),
    TableForm(shared=None, reasons=False),
    TableForm(shared=None, reasons=False, basics=False),
    TableForm(shared=50, cut=True, reasons=False, basics=False),
    TableForm(shared=0, cut=True, reasons=False, basics=False),
)
"""The forms of the table, from the one with most lines to that with fewest."""


class ShownRow(NamedTuple):
    """Hold the cells of a row, and the state that gives its colour."""

    title: str
    state: str
    calls: str
    sentence: str = ""
    certainty: str = ""
    colour_of: str | None = None


def table_lines(
    apps: Sequence[AppVerdict],
    width: int,
    form: TableForm = FORMS[0],
    *,
    coloured: bool,
    marked: Callable[[str], str] = str,
) -> Iterator[str]:
    """Yield the lines of the table, the gravest state first. `marked` adds marks for the directions of a cell."""
    chosen, basics = apps_and_basics(worst_first(list(apps)))
    groups = [_rows(chosen, form), _rows(basics, form) if form.basics else []]
    with_calls = any(state_of_calls(app) is not None for app in apps)
    lines = _Lines(list(chain(*groups)), width, form, with_calls=with_calls, coloured=coloured, marked=marked)
    yield from lines.heading()
    yield from chain.from_iterable(map(lines.of_row, groups[0]))
    if groups[1]:
        yield marked(tr("This network's basics"))
        yield from chain.from_iterable(map(lines.of_row, groups[1]))


class _Lines:
    """Print rows in columns of one width. Where the sentences do not fit beside the states, they get a second line."""

    def __init__(
        self,
        rows: Sequence[ShownRow],
        width: int,
        form: TableForm,
        *,
        with_calls: bool,
        coloured: bool,
        marked: Callable[[str], str],
    ) -> None:
        self._width, self._coloured, self._marked = width, coloured, marked
        self._most = MOST_LINES if form.shared == MOST_SHARED else None
        self._head = ShownRow(tr("App"), tr("State"), tr("Calls"), tr("Why"), tr("Sure"))
        self._columns = [0, 1, *([2] if with_calls else []), *([3, 4] if form.reasons else [])]
        wide = best_columns(self._table(rows), width) if form.reasons else None
        self._has_second_lines = form.reasons and wide is None
        if wide is None:
            self._columns = [column for column in self._columns if column < 3]
        self._widths = wide or _best_of_words(self._table(rows), width)

    def _table(self, rows: Sequence[ShownRow]) -> list[list[str]]:
        return [[str(row[column]) for column in self._columns] for row in (self._head, *rows)]

    def heading(self) -> Iterator[str]:
        cells = [TableCell(str(self._head[column]), "2" if self._coloured else "") for column in self._columns]
        yield from row_lines(cells, *self._widths, self._marked)

    def of_row(self, row: ShownRow) -> Iterator[str]:
        """Yield the lines of a row. Only the state has a colour."""
        colour = COLOURS.get(row.colour_of or "", "0") if self._coloured else ""
        cells = [TableCell(str(row[column]), colour if column == 1 else "") for column in self._columns]
        yield from row_lines(cells, *self._widths, self._marked, most=self._most)
        if self._has_second_lines and row.sentence:
            right = widest([row.certainty])
            cells = [TableCell(""), TableCell(row.sentence), TableCell(row.certainty)]
            yield from row_lines(cells, [INDENT - 1, max(self._width - INDENT - right - 1, 8), right], 1, self._marked)


def _rows(apps: Sequence[AppVerdict], form: TableForm) -> list[ShownRow]:
    """Return the rows of the apps. Apps of which all the rest is equal share a row, as far as it goes."""
    shared: dict[tuple[str, ...], list[AppVerdict]] = {}
    for app in apps:
        shared.setdefault(tuple(_row(app, form)[1:-1]), []).append(app)
    return [
        _row(alike[0], form)._replace(title=titles)
        for alike in shared.values()
        for titles in _titles([printable(shown_title(app["title"])) for app in alike], form)
    ]


def _titles(titles: Sequence[str], form: TableForm) -> Iterator[str]:
    """Yield the titles that share a row, for each row of apps that are alike."""
    begin = 0
    for end in range(1, len(titles) + 1):
        fits = form.shared is None or widest([listed(titles[begin : end + 1])]) <= form.shared
        if end == len(titles):
            yield listed(titles[begin:])
        elif not fits and form.cut:
            yield f"{listed([*titles[:end], '…'])} ({len(titles)})"
            return
        elif not fits:
            yield listed(titles[begin:end])
            begin = end


def _row(app: AppVerdict, form: TableForm) -> ShownRow:
    title, state, colour_of = printable(shown_title(app["title"])), state_of_app(app), app["state"]
    if not form.reasons:
        return ShownRow(title, state, _calls_in_short(app), colour_of=colour_of)
    sentence = app["sentence"] if app["valid"] else ""
    certainty = CERTAINTIES[app["certainty"]] if app["valid"] else ""
    word = tr(certainty) if certainty else "-"
    return ShownRow(title, state, calls_of_app(app), sentence, word, colour_of)


def _calls_in_short(app: AppVerdict) -> str:
    """Return the word for the calls of an app. It is the same for all apps that are blocked."""
    is_same = is_stopped(app) and not are_basics(app) and not is_address(app)
    return tr(CALLS[f"app_{app['state']}"]) if is_same else calls_of_app(app)
