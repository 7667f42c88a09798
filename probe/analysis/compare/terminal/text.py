"""Print a comparison for a terminal: each service with the vantage points where it fails, the worst first."""

from collections.abc import Iterable, Iterator

from probe.analysis.compare.axes import ARTIFICIAL
from probe.analysis.compare.cells import INSUFFICIENT, Cell, Comparison
from probe.analysis.compare.compare import WORDS, folded, not_counted, runs_text
from probe.analysis.compare.terminal.cell_rows import cell_lines, header, named, network_lines, share_of
from probe.analysis.compare.terminal.legend import legend
from probe.analysis.compare.terminal.style import PLAIN, Style
from probe.analysis.compare.units import DOWN, FAILING, STATES
from probe.messages import tr, tr_plural

LISTED = 12  # vantage points that are named in one list

_Places = dict[int, Cell]  # a service's cells by the number of the vantage point


def to_text(comparison: Comparison, style: Style = PLAIN) -> str:
    """Return the comparison as lines of at most the style's width. Only its bars and colours are not ASCII."""
    networks = network_lines(comparison, style, origin=not _shared_origin(comparison))
    lines = [*_heading(comparison, style), "", *networks, *header(style)]
    for service, places in sorted(_by_service(comparison).items(), key=lambda one: _rank(one[1].values(), one[0])):
        lines += _service_lines(service, places, comparison, style)
    return "\n".join([*lines, "", *legend(comparison, style)]) + "\n"


def _by_service(comparison: Comparison) -> dict[str, _Places]:
    """Return the cells. The baseline is first, then the vantage points at which most services fail."""
    rows, baseline = dict(comparison.rows()), 0 if comparison.baseline else None
    failing = [sum(cells[place].state in FAILING for cells in rows.values()) for place in _numbers(comparison)]
    order = sorted(_numbers(comparison), key=lambda place: (place != baseline, -failing[place], place))
    return {service: {place: cells[place] for place in order} for service, cells in rows.items()}


def _numbers(comparison: Comparison) -> range:
    return range(len(comparison.vantages))


def _rank(cells: Iterable[Cell], service: str) -> tuple[int, int, float, str]:
    """Return the sort key of a service. The one that fails at most vantage points is first, then the share decides."""
    found = [cell for cell in cells if cell.found in FAILING]
    enough = sum(cell.state in FAILING for cell in found)
    return -enough, -len(found), -sum(share_of(cell) or 0 for cell in found), service


def _heading(comparison: Comparison, style: Style) -> list[str]:
    """Return what is compared: the invented world, the numbers of services and vantage points, and the days."""
    cells = [cell for _, cells in comparison.rows() for cell in cells]
    lines = [" ".join(f"{axis.upper()} {value}" for axis, value in _shared_origin(comparison).items())]
    lines.append(
        tr(
            "Services that fail somewhere: {failing} of {count}. Vantage points: {places}.",
            count=len(comparison.services),
            failing=sum(any(cell.state in FAILING for cell in cells) for _, cells in comparison.rows()),
            places=len(comparison.vantages),
        )
    )
    if newest := [cell.now for cell in cells if cell.now is not None]:
        first = max(min(now.first for now in newest), comparison.question.since[:10])
        last = max(now.last for now in newest)
        lines.append(tr("The states are those of {first} to {last}.", first=first, last=last))
    return [part for line in lines if line for part in folded(line, style.width - 1)]


def _shared_origin(comparison: Comparison) -> dict[str, str]:
    """Return what invented the measurements, if it is the same for all vantage points. A baseline seldom names it."""
    vantages = comparison.vantages[1 if comparison.baseline else 0 :]
    origins = [{axis: vantage.get(axis, "") for axis in ARTIFICIAL} for vantage in vantages]
    same = bool(origins) and all(origin == origins[0] for origin in origins)
    return {axis: value for axis, value in origins[0].items() if value} if same else {}


def _service_lines(service: str, places: _Places, comparison: Comparison, style: Style) -> Iterator[str]:
    """Yield the service's heading, the cells that fail, and lists of the others."""
    enough = [cell for cell in places.values() if cell.state != INSUFFICIENT]
    yield from folded(f"{service}: {_told([cell.state for cell in enough])}", style.width - 1)
    baseline = 0 if comparison.baseline else None
    shown = [place for place, cell in places.items() if place == baseline or _is_shown(cell)]
    for place in sorted(shown, key=lambda place: (place != baseline, *_severity(places[place]))):
        name = _name(comparison, place)
        name = tr("baseline {name}", name=name) if place == baseline else name
        yield from cell_lines(places[place], comparison.vantages[place], name, style)
    yield from _lists({_name(comparison, place): places[place] for place in places if place not in shown}, style)


def _told(states: list[str]) -> str:
    """Return where a service fails, of the vantage points with enough runs."""
    count, fails, down = len(states), sum(state in FAILING for state in states), states.count(DOWN)
    if not count:
        return tr("too few runs")
    if down and not fails:
        return tr_plural(
            "down at {down} of {count} vantage point", "down at {down} of {count} vantage points", count, down=down
        )
    if not fails:
        return tr_plural("fails at none of {count} vantage point", "fails at none of {count} vantage points", count)
    return tr_plural(
        "fails at {fails} of {count} vantage point", "fails at {fails} of {count} vantage points", count, fails=fails
    )


def _name(comparison: Comparison, place: int) -> str:
    return named(comparison.vantages[place], origin=not _shared_origin(comparison))


def _is_shown(cell: Cell) -> bool:
    """Return True for a cell that fails or is down, is blocked in part, or in which a network fails."""
    return cell.now is not None and (cell.now.state in (*FAILING, DOWN) or cell.now.failing > 0 or bool(cell.partial))


def _severity(cell: Cell) -> tuple[bool, int, float]:
    """Return the sort key of a cell, the worst first. Cells with too few runs are last."""
    state = STATES.index(cell.now.state) if cell.now else len(STATES)
    return cell.state == INSUFFICIENT, state, -(share_of(cell) or 0)


def _lists(others: dict[str, Cell], style: Style) -> Iterator[str]:
    """Yield the vantage points at which the service works, those with too few runs, and those without a run."""
    lists: dict[str, list[str]] = {tr(WORDS[state]): [] for state in ("ok", "connected")}
    few, aside, gaps = tr("too few runs"), tr("not counted"), tr("not measured")
    lists |= {few: [], aside: [], gaps: []}
    for name, cell in others.items():
        if cell.now is None:
            lists[aside if cell.set_aside else gaps].append(
                f"{name} ({not_counted(cell.set_aside)})" if cell.set_aside else name
            )
            continue
        words = f"{tr(WORDS[cell.now.state])} {runs_text(cell.now)}"
        if cell.state == INSUFFICIENT:
            lists[few].append(f"{name} {words}")
        else:
            lists[tr(WORDS[cell.now.state])].append(f"{name} {runs_text(cell.now)}")
    for title, names in lists.items():
        if names:
            yield from _listed(title, names, style)


def _listed(title: str, names: list[str], style: Style) -> Iterator[str]:
    """Yield the lines of one list. A line is broken between two vantage points, not inside one."""
    beyond, line = len(names) - LISTED, f"  {title}:"
    shown = [*names[:LISTED], *([tr("{count} more (--json)", count=beyond)] if beyond > 0 else [])]
    for name in (f"{name}," if number < len(shown) else name for number, name in enumerate(shown, 1)):
        for part in folded(name, style.width - 5):
            if len(line) + 1 + len(part) >= style.width:
                yield line
                line = "   "
            line += f" {part}"
    yield line
