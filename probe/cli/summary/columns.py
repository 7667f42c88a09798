"""Choose the widths of the columns of the table of apps: title, state, calls if any app has them, sentence, certainty.

English and most languages fit with whole states beside each other. Where words are longer, as in Russian and Spanish,
many rows would get a second line. Then states and titles are wrapped so that the whole table has the fewest lines.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

from probe.cli.summary.layout import widest_word, wrap
from probe.messages.cells import widest

LEAST_SENTENCE = 20  # columns for the sentence. With fewer it gets a line of its own.
MOST_SENTENCE = 60
MOST_TITLES = 6  # widths of the title that are tried
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
    """Return the widths in which states and certainties are in one line."""
    titles, states, *calls, sentences, certainties = columns
    fixed = [widest(states), *map(widest_word, calls), widest(certainties)]
    for gap in (2, 1):
        space = width - sum(fixed) - gap * (len(fixed) + 1)  # for title and sentence
        wanted = min(widest(sentences), MOST_SENTENCE)
        title = min(widest(titles), max(space - wanted, space // 2))
        sentence = min(space - title, MOST_SENTENCE)
        if sentence >= (wanted if gap > 1 else min(LEAST_SENTENCE, wanted)):
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
    """Return the width of the longest text, of the longest word, and one between them."""
    most, least = widest(column), widest_word(column)
    return {most, (most + least) // 2, least}


def _lines(table: Sequence[Sequence[str]], widths: Widths) -> int:
    return sum(max(map(_height, row, widths[0])) for row in table)


@lru_cache(maxsize=4096)
def _height(text: str, width: int) -> int:
    return len(wrap(text, width))
