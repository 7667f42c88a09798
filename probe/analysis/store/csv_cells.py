"""Write values into CSV files, and read them back. Texts of measurements are untrusted, and spreadsheets run formulas.

A spreadsheet ignores invisible characters and quotes before the sign that begins a formula, and some read it in other
spellings. A comma-separated file is divided at semicolons, tabs and line breaks where these are the separators.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import Any, TextIO

from probe.analysis.store.columns import schema

SIGNS = "=⁼₌﹦＝⩵⩶+⁺₊﬩﹢＋-⁻₋−﹣－@﹫＠"
"""Characters that are = + - or @ in some form: small, full-width, superscript, subscript, the minus sign."""
SEPARATORS = ";\t\r\n\v\f\x1c\x1d\x1e\x85\u2028\u2029"
MARK = "'"  # before a sign it makes a text of the cell
SIGN_OF_NUL = "\N{SYMBOL FOR NULL}"  # in place of a NUL character
_QUOTES = "'\"`´＇＂‘’‚‛“”„‟«»‹›"
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and a symbol that are shown as nothing
IGNORED = _QUOTES + _BLANKS  # besides separators, control and format characters, and marks
_AFTER_SEPARATOR = re.compile(f"[{SEPARATORS}]")
_PANDAS_TYPES = {"int64": "Int64", "double": "float64", "bool": "boolean"}  # Float64 would not read every digit
_TIME = "measurement_start_time"


def joined(value: Any) -> Any:
    """Return a list as texts joined with spaces, which names of mechanisms never contain, and other values as is."""
    return " ".join(value) if isinstance(value, list) else value


def write_csv(stream: TextIO, names: Iterable[str], batches: Iterable[Any]) -> int:
    """Write batches of Arrow so that a spreadsheet runs none of their texts. Return the number of rows.

    Columns of numbers stay as they are.
    """
    writer, rows = csv.writer(stream), 0
    writer.writerow(map(neutralized, names))
    for batch in batches:
        for row in batch.to_pylist():
            writer.writerow(map(cell, row.values()))
            rows += 1
    return rows


def cell(value: Any) -> Any:
    """Return a value for a CSV file. Texts are neutralized, and pandas would end them at a NUL character.

    Arrow gives a number for every other column.
    """
    flat = joined(value)
    return neutralized(flat.replace("\0", SIGN_OF_NUL)) if isinstance(flat, str) else flat


def pandas_options(table: str) -> dict[str, Any]:
    """Return the keyword arguments with which pandas.read_csv reads an exported table as it was.

    Texts are `str`, also `NA`, `1.0` and absent ones, which are "". Lists are lists of `str`. Whole numbers and
    booleans are Int64 and boolean, absent ones pandas.NA. Fractions are float64. The time has the zone UTC.
    """
    columns = schema(table)
    types = {column.name: _PANDAS_TYPES.get(str(column.type)) for column in columns}
    typed = {name: kind for name, kind in types.items() if kind}
    lists = {column.name for column in columns if str(column.type).startswith("list")}
    return {
        "dtype": typed,
        "converters": {name: _words if name in lists else original for name in types if name not in typed},
        "keep_default_na": False,
        "na_values": dict.fromkeys(typed, ""),
        "parse_dates": [_TIME] if _TIME in types else False,
        "float_precision": "round_trip",
    }


def _words(text: str) -> list[str]:
    return original(text).split()


def neutralized(text: str) -> str:
    """Return the text with a mark at its start, and after each separator, where a formula could begin."""
    return MARK.join(_parts(text))


def original(text: str) -> str:
    """Return the text of which `neutralized` made this one."""
    first, *others = _parts(text)
    return "".join([first, *(part.removeprefix(MARK) for part in others)])


def _parts(text: str) -> list[str]:
    """Divide a text at each place where a formula could begin."""
    places = [0, *_beginnings(text), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def _beginnings(text: str) -> Iterator[int]:
    """Yield the places from which only ignored characters come before a sign."""
    if _sign_follows(text, 0, separators=True):
        yield 0
    for found in _AFTER_SEPARATOR.finditer(text):
        if _sign_follows(text, found.end(), separators=False):
            yield found.end()


def _sign_follows(text: str, place: int, *, separators: bool) -> bool:
    """Return whether a sign follows after ignored characters, which include separators only at the text's start."""
    while place < len(text) and _is_ignored(text[place]) and (separators or text[place] not in SEPARATORS):
        place += 1
    return place < len(text) and text[place] in SIGNS


def _is_ignored(char: str) -> bool:
    """Return whether a character is invisible (separator, control, format, mark) or a quote."""
    return char in IGNORED or unicodedata.category(char)[0] in "ZCM"
