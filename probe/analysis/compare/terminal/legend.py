"""Explain the words and signs of a comparison's text, as far as it has them."""

from collections.abc import Iterator

from probe.analysis.compare.cells import INSUFFICIENT, Cell, Comparison
from probe.analysis.compare.compare import baseline_name, folded
from probe.analysis.compare.contributors import CONTRIBUTORS, NETWORKS
from probe.analysis.compare.current import LEAST, NOW
from probe.analysis.compare.difference import LEAST_SOURCES, NEARLY_ALL, RATE
from probe.analysis.compare.terminal.cell_rows import network_notes
from probe.analysis.compare.terminal.style import Style
from probe.analysis.compare.units import CONNECTED, DOWN
from probe.analysis.ruleset.mechanisms import MEANINGS
from probe.messages import tr, tr_plural


def legend(comparison: Comparison, style: Style) -> list[str]:
    """Return the lines of the legend, and what the table does not show."""
    cells = [cell for _, cells in comparison.rows() for cell in cells]
    notes = [
        *_signs(comparison, cells, style),
        *network_notes(comparison),
        *_mechanisms(cells),
        *_not_shown(comparison),
    ]
    return [line for note in notes for line in folded_note(note, style.width - 1)]


def folded_note(note: str, width: int) -> list[str]:
    """Wrap a note. Its later lines are indented."""
    first, *others = folded(note, width - 2)
    return [first, *(f"  {line}" for line in others)]


def _signs(comparison: Comparison, cells: list[Cell], style: Style) -> Iterator[str]:
    yield tr("runs 3/4: of 4 runs in the newest {days} days, 3 fail. They work if the state is OK.", days=NOW)
    yield tr(
        "fail: the share of network-days that fail, with an interval of 95 %. Each day of a network counts once, with "
        "the result that most of its runs had."
    )
    yield tr("since: the first day of the state. Without a day, no change was seen.")
    if any(cell.now is not None and cell.state == INSUFFICIENT for cell in cells):
        yield tr("(...): fewer than {least} runs, too few for a statement about the network.", least=LEAST)
    if any(cell.now is not None and cell.state == INSUFFICIENT and cell.runs >= LEAST for cell in cells):
        yield tr(
            "(...) for a country: fewer than {contributors} devices on {networks} networks are known to fail. One or "
            "two devices with a filter of their own can do that. The cells of its networks say more.",
            contributors=CONTRIBUTORS,
            networks=NETWORKS,
        )
    if any(cell.found == DOWN for cell in cells):
        yield tr("DOWN: the service fails from the test helper too, so nothing accuses the network.")
    if any(cell.found == CONNECTED for cell in cells):
        yield tr("CONNECTED: a server accepted the connection. Nothing proves that it was the service's own.")
    if any(cell.difference and cell.difference.worse for cell in cells):
        yield _star(comparison)
    if any(cell.partial for cell in cells):
        yield tr(
            "PARTLY BLOCKED 3/40: the service mostly works, and 3 of 40 runs fail. Failures are at some hours, on some "
            "days or networks, or in part of the runs, more than chance, outages and filters of single devices explain."
        )
    if any(cell.throughput for cell in cells):
        yield tr(
            "speed 23 % (12-31 % in 4 runs): the median speed of the service is 23 % of that of the transfers that "
            "were compared with it. The intervals of the runs go from 12 to 31 %."
        )
    if any(cell.cutoff for cell in cells):
        yield tr(
            "ends after 5.2 s (4.9-5.4 s in 4 runs): the median age at which connections to the service ended. "
            "The intervals of the runs go from 4.9 to 5.4 s."
        )
    if any(cell.derived for cell in cells):
        yield tr(
            "by repetition: each measurement is NOT WORKING, because it tried only once. Many of them fail alike, "
            "while the test helper and other services worked."
        )
    if any(cell.now is None and not cell.set_aside for cell in cells):
        yield tr("not measured: a gap is not OK.")


def _star(comparison: Comparison) -> str:
    return tr(
        "*: works less often than at {baseline}, on {least} sources or more. Of all marks, {rate} may be false. "
        "A source is a network, or a software version in it.",
        baseline=baseline_name(comparison),
        least=LEAST_SOURCES,
        rate=f"{RATE:.0%}",
    )


def _mechanisms(cells: list[Cell]) -> Iterator[str]:
    """Yield the meaning of the mechanisms in the table."""
    named = {name for cell in cells for name in cell.mechanisms}
    yield from (f"{name}: {MEANINGS[name]}" for name in MEANINGS if name in named)


def _not_shown(comparison: Comparison) -> Iterator[str]:
    """Yield what was not compared, not counted or not shown."""
    if not comparison.baseline and comparison.untested:
        yield tr_plural(
            "{count} service works for {share} of the sources at too few vantage points, so it has no baseline. "
            "Name one with --baseline.",
            "{count} services work for {share} of the sources at too few vantage points, so they have no baseline. "
            "Name one with --baseline.",
            comparison.untested,
            share=f"{NEARLY_ALL:.0%}",
        )
    for service, version in comparison.instrument:
        yield tr(
            "Not counted: results of {version} for {service}. It fails on networks where other versions work.",
            version=version,
            service=service,
        )
    beyond, n = comparison.left_out
    if beyond:
        yield tr_plural(
            "{count} more vantage point is not shown (--top). Its number of measurements is {n}.",
            "{count} more vantage points are not shown (--top). They have {n} measurements together.",
            beyond,
            n=n,
        )
