"""Print one cell for a terminal: its state, runs, share of failing network-days, and begin."""

import unicodedata
from collections.abc import Iterator
from itertools import zip_longest

from probe.analysis.compare.axes import ARTIFICIAL
from probe.analysis.compare.cells import INSUFFICIENT, Cell
from probe.analysis.compare.compare import (
    WORDS,
    derivation,
    figure_lines,
    folded,
    interval,
    label,
    networks_text,
    not_counted,
    runs_text,
    whole_network,
)
from probe.analysis.compare.current import Current
from probe.analysis.compare.terminal.style import Style
from probe.analysis.compare.units import DOWN
from probe.asn.network_names import network_name
from probe.countries.names import country_name
from probe.messages import tr
from probe.messages.cells import padded

NARROW = 72  # columns below which a cell has several short lines
_NAME, _STATE, _RUNS, _BAR, _INTERVAL = 22, 16, 7, 8, 8
_BEFORE_STATE = 2 + _NAME + 1


def share_of(cell: Cell) -> float | None:
    """Return the share of the newest network-days that fail, None without any, and for a service that is down."""
    if cell.now is None or cell.now.state == DOWN or not cell.now.days:
        return None
    return cell.now.failing_days / cell.now.days


def header(style: Style) -> list[str]:
    """Return the names of the columns."""
    if style.width < NARROW:
        return []
    state = padded(tr("state now"), _STATE)
    return [_row(tr("vantage point"), state, tr("runs"), tr("fail"), "95 %", tr("since")), "-" * (style.width - 1)]


def cell_lines(cell: Cell, vantage: dict[str, str], name: str, style: Style) -> Iterator[str]:
    """Yield the lines of one cell under its service. `name` is the vantage point's."""
    if cell.now is None:
        told = not_counted(cell.set_aside) or tr("not measured")
        yield from _wrapped(f"{name}: {told}", style)
    elif style.width < NARROW:
        yield from _narrow_lines(cell, cell.now, name, style)
    else:
        names = [*folded(name, _NAME), *_operator(vantage)]
        yield _row(names[0], *_columns(cell, cell.now, style))
        details = folded("  ".join(_details(cell, cell.now)), style.width - 1 - _BEFORE_STATE)
        for left, right in zip_longest(names[1:], filter(None, details), fillvalue=""):
            yield f"  {padded(left, _NAME)} {right}".rstrip()


def named(vantage: dict[str, str], *, origin: bool = True) -> str:
    """Return a vantage point's name with that of its country if it fits: `IR Iran AS44244`.

    An invented country has no name, because its code may be that of a real one. Without `origin`, what invented it is
    left out.
    """
    shown = {axis: value for axis, value in vantage.items() if origin or axis not in ARTIFICIAL}
    plain, real = label(shown), not any(vantage.get(axis) for axis in ARTIFICIAL)
    country = ascii_name(country_name(vantage["cc"])) if vantage.get("cc") and real else ""
    longer = plain.replace(vantage.get("cc", ""), f"{vantage.get('cc')} {country}", 1)
    return longer if country not in ("", vantage["cc"]) and len(longer) <= _NAME else plain


def ascii_name(text: str) -> str:
    """Return a name without accents."""
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _operator(vantage: dict[str, str]) -> list[str]:
    name = network_name(vantage["asn"]) if vantage.get("asn") else ""
    return folded(name, _NAME) if name else []


def _row(name: str, state: str, runs: str, bar: str, likely: str, since: str) -> str:
    return f"  {padded(name, _NAME)} {state} {runs:>{_RUNS}} {bar:<{_BAR}} {likely:>{_INTERVAL}} {since}".rstrip()


def _columns(cell: Cell, now: Current, style: Style) -> tuple[str, str, str, str, str]:
    """Return state, runs, bar, interval and begin."""
    share, state = share_of(cell), style.paint(now.state, padded(_state(cell, now), _STATE))
    bar, likely = ("", "") if share is None else (style.bar(share, _BAR), interval(now))
    return state, runs_text(now), bar, likely, now.since or ""


def _state(cell: Cell, now: Current) -> str:
    """Return the state's word, with `*` if the cell is marked, and in parentheses for too few runs."""
    word = tr(WORDS[now.state])
    if cell.state == INSUFFICIENT:
        return f"({word})"
    return f"{word} *" if cell.difference and cell.difference.worse else word


def _details(cell: Cell, now: Current) -> list[str]:
    return [
        *figure_lines(cell),
        *whole_network(cell),
        *derivation(cell),
        *filter(None, [networks_text(now)]),
        *cell.mechanisms,
    ]


def _narrow_lines(cell: Cell, now: Current, name: str, style: Style) -> Iterator[str]:
    """Yield the name, then the state with its bar, then the other facts, each line short."""
    yield from _wrapped(name, style)
    share, head = share_of(cell), f"{_state(cell, now)} {runs_text(now)}"
    bar = "" if share is None else f" {style.bar(share, _BAR)} {interval(now)}"
    if 4 + len(head + bar) < style.width:
        yield "    " + style.paint(now.state, head) + bar
    else:
        yield "    " + style.paint(now.state, head)
        yield "   " + bar
    since = [tr("since {day}", day=now.since)] if now.since else []
    for line in folded("  ".join([*since, *_details(cell, now)]), style.width - 5):
        if line:
            yield f"    {line}"


def _wrapped(text: str, style: Style) -> list[str]:
    first, *others = folded(text, style.width - 5)
    return [f"  {first}", *(f"    {line}" for line in others)]
