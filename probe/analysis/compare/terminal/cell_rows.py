"""Print one cell for a terminal: its state, runs, share of failing network-days, and begin."""

import unicodedata
from collections.abc import Iterator, Mapping
from itertools import zip_longest

from probe.analysis.compare.axes import ARTIFICIAL
from probe.analysis.compare.cells import INSUFFICIENT, Cell, Comparison
from probe.analysis.compare.compare import (
    cell_runs,
    cell_word,
    derivation,
    figure_lines,
    folded,
    interval,
    label,
    networks_text,
    not_counted,
    whole_network,
)
from probe.analysis.compare.current import Current
from probe.analysis.compare.networks import NetworkRegimes, together
from probe.analysis.compare.partial_text import partial_lines
from probe.analysis.compare.terminal.style import Style
from probe.analysis.compare.units import DOWN
from probe.analysis.rules.regime_rules import REGIMES, UNKNOWN, sentence_of
from probe.asn.network_names import network_name
from probe.countries.country_names import country_name
from probe.messages import listed, tr
from probe.messages.terminal_cells import padded

PLAIN = frozenset({"open", UNKNOWN})  # regimes that restrict nothing, as far as is known
MOST = 12  # vantage points in a list


def network_lines(comparison: Comparison, style: Style, *, origin: bool) -> Iterator[str]:
    """Yield a row for each vantage point with a network that restricts connections, and one for all others together.

    `origin` is that of `named`. There is no row if no run says what its network does.
    """
    pairs = list(zip(comparison.vantages, comparison.networks, strict=True))
    shown = [(named(vantage, origin=origin), one) for vantage, one in pairs if one.main.keys() - PLAIN]
    others = together(one for _, one in pairs if one.runs and not one.main.keys() - PLAIN)
    if not shown and not others.runs:
        return
    rows = [f"{name}: {regimes_text(one)}" for name, one in shown[:MOST]]
    rows += [tr("{count} more (--json)", count=len(shown) - MOST)] if len(shown) > MOST else []
    if others.runs:
        rest = regimes_text(others)
        rows.append(tr("other vantage points: {regimes}", regimes=rest) if shown else rest)
    yield from folded(tr("What the networks do to all connections, by runs of the newest days:"), style.width - 1)
    for row in rows:
        first, *more = folded(row, style.width - 5)
        yield from (f"  {first}", *(f"    {line}" for line in more))
    yield ""


def regimes_text(regimes: NetworkRegimes) -> str:
    """Return `allowlist_name 4, unknown 1, also quic_blocked 4`."""
    beside = [tr("also {regimes}", regimes=_counts(regimes.restrictions))] if regimes.restrictions else []
    return listed([_counts(regimes.main), *beside])


def _counts(counts: Mapping[str, int]) -> str:
    return listed(f"{regime} {runs}" for regime, runs in counts.items())


def network_notes(comparison: Comparison) -> Iterator[str]:
    """Yield the meaning of the regimes in the rows, and of regimes beside a state."""
    shown = {name for one in comparison.networks for name in (*one.main, *one.restrictions)} - PLAIN
    if any(cell.whole_network for cell in comparison.cells.values()):
        yield tr(
            "{example} in 4 runs: in these failing runs the network stops most connections. They do not show that "
            "this service was singled out by its name.",
            example=next(name for cell in comparison.cells.values() for name in cell.whole_network),
        )
    yield from (f"{name}: {tr(sentence_of(name))}" for name in (*REGIMES, UNKNOWN) if name in shown)


NARROW = 72  # columns below which a cell has several short lines
_NAME, _STATE, _RUNS, _BAR, _INTERVAL = 22, 16, 7, 8, 8
_BEFORE_STATE = 2 + _NAME + 1


def share_of(cell: Cell) -> float | None:
    """Return the share of the newest network-days that fail, None without any, and for a service that is down."""
    if cell.now is None or cell.now.state == DOWN or not cell.now.days:
        return None
    return cell.now.failing_days / cell.now.days


def header(style: Style) -> list[str]:
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
    plain, code = label(shown), shown.get("cc", "")
    real = not any(vantage.get(axis) for axis in ARTIFICIAL)
    country = ascii_name(country_name(code)) if code and real else ""
    if country in ("", code):
        return plain
    longer = label({**shown, "cc": f"{code} {country}"})
    return longer if len(longer) <= _NAME else plain


def ascii_name(text: str) -> str:
    return unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()


def _operator(vantage: dict[str, str]) -> list[str]:
    name = network_name(vantage["asn"]) if vantage.get("asn") else ""
    return folded(name, _NAME) if name else []


def _row(name: str, state: str, runs: str, bar: str, likely: str, since: str) -> str:
    return f"  {padded(name, _NAME)} {state} {runs:>{_RUNS}} {bar:<{_BAR}} {likely:>{_INTERVAL}} {since}".rstrip()


def _columns(cell: Cell, now: Current, style: Style) -> tuple[str, str, str, str, str]:
    """Return state, runs, bar, interval and begin."""
    share, state = share_of(cell), style.paint(now.state, padded(_state(cell), _STATE))
    bar, likely = ("", "") if share is None else (style.bar(share, _BAR), interval(now))
    return state, cell_runs(cell), bar, likely, now.since or ""


def _state(cell: Cell) -> str:
    """Return the state's word, with `*` if the cell is marked, and in parentheses for too few runs."""
    word = cell_word(cell)
    if cell.state == INSUFFICIENT:
        return f"({word})"
    return f"{word} *" if cell.difference and cell.difference.worse else word


def _details(cell: Cell, now: Current) -> list[str]:
    return [
        *partial_lines(cell),
        *figure_lines(cell),
        *whole_network(cell),
        *derivation(cell),
        *filter(None, [networks_text(now)]),
        *cell.mechanisms,
    ]


def _narrow_lines(cell: Cell, now: Current, name: str, style: Style) -> Iterator[str]:
    """Yield the name, then the state with its bar, then the other facts, each line short."""
    yield from _wrapped(name, style)
    share, head = share_of(cell), f"{_state(cell)} {cell_runs(cell)}"
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
