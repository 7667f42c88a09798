"""Print what the networks of vantage points do to all connections."""

from collections.abc import Iterator, Mapping

from probe.analysis.compare.cells import Comparison
from probe.analysis.compare.compare import folded
from probe.analysis.compare.networks import NetworkRegimes, together
from probe.analysis.compare.terminal.cell_rows import named
from probe.analysis.compare.terminal.style import Style
from probe.analysis.rules.regimes import REGIMES, UNKNOWN, sentence_of
from probe.messages import listed, tr

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
