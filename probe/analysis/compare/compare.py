"""Return the cells of a comparison as JSON, and the words that name their states."""

import json
import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.axes import ARTIFICIAL
from probe.analysis.compare.cells import INSUFFICIENT, ROBUST, Cell, Comparison
from probe.analysis.compare.current import Current, kind_of
from probe.analysis.compare.difference import Difference
from probe.analysis.compare.networks import NetworkRegimes
from probe.analysis.compare.partial_text import PARTLY_BLOCKED, is_partly_blocked, partial_lines
from probe.analysis.compare.run_figures import Calls
from probe.analysis.compare.units import FAILING
from probe.messages import listed, mark, printable, tr, tr_plural
from probe.messages.line_breaks import has_only_blanks, lines_of

WORDS = {
    "blocked": mark("BLOCKED"),
    "likely_blocked": mark("LIKELY BLOCKED"),
    "degraded": mark("WORKS BADLY"),
    "impaired": mark("NOT WORKING"),
    "down": mark("DOWN"),
    "connected": mark("CONNECTED"),
    "ok": mark("OK"),
}

REASONS = {
    "insufficient": mark("not enough data"),
    "filtered_locally": mark("filtered by the user's own side"),
    "ipv6_broken": mark("IPv6 does not work"),
    "instrument": mark("faulty software version"),
    "captive_portal": mark("captive portal"),
    "clock": mark("wrong clock"),
    "vpn": mark("VPN"),
    "network_changed": mark("another network during the run"),
    "computer_slept": mark("sleep during the run"),
    "tls_interception": mark("TLS interception"),
    "no_network": mark("no network"),
    "probe_bug": mark("bug in the probe"),
    "invalid": mark("not valid"),
}

LEAST_DELAY = 0.1  # seconds of growth that a call's user can notice

Stores = Mapping[tuple[str, str], Sequence[Mapping[str, Any]]]
"""What app stores say about an app, by country and target."""


def to_json(comparison: Comparison, stores: Stores | None = None) -> str:
    """Return one JSON object per line and cell. `stores` has what app stores say by country and target."""
    rows = (
        cell_to_dict(cell, networks) | _of_stores(cell, stores)
        for _, cells in comparison.rows()
        for cell, networks in zip(cells, comparison.networks, strict=True)
    )
    return "".join(json.dumps(row, separators=(", ", ": "), allow_nan=False) + "\n" for row in rows)


def _of_stores(cell: Cell, stores: Stores | None) -> dict[str, Any]:
    """Return the key `stores` of a cell with a country, {} if no store was asked."""
    if stores is None:
        return {}
    return {"stores": stores.get((cell.vantage.get("cc", ""), cell.service.partition("/")[0]), [])}


def cell_to_dict(cell: Cell, networks: NetworkRegimes) -> dict[str, Any]:
    """Return a cell in the form of the JSON output. `networks` are the regimes of its vantage point."""
    written = asdict(cell)
    written["networks"] = [network._asdict() for network in cell.networks]
    order = ("service", "vantage", "state", "mechanisms", "n", "by_state", "networks", "reporters_max", "witness")
    return {
        key: written[key] for key in (*order, "difference", "found", "set_aside", "runs", "now", "derived", "q_value")
    } | {
        "partial": [one._asdict() for one in cell.partial],
        "difference": difference_to_dict(cell.difference) if cell.difference else None,
        "whole_network": cell.whole_network,
        "throughput": cell.throughput._asdict() if cell.throughput else None,
        "cutoff": cell.cutoff._asdict() if cell.cutoff else None,
        "calls": cell.calls._asdict() if cell.calls else None,
        "regimes": asdict(networks) if networks.runs else None,
    }


def difference_to_dict(difference: Difference) -> dict[str, Any]:
    """Return a difference in the form of the JSON output."""
    own = {"failing_sources": difference.failing, "sources": difference.sources}
    others = {
        "baseline_failing_sources": difference.baseline_failing,
        "baseline_sources": difference.baseline_sources,
        "baseline_columns": difference.columns,
    }
    return {
        "baseline": difference.baseline or ROBUST,
        "p_value": difference.p_value,
        "test": difference.test,
        "p_value_uncorrected": difference.p_value_uncorrected,
        "direction": "less_often" if difference.worse else None,
        "enough_contributors": difference.enough,
        "odds_ratio": difference.odds_ratio._asdict() if difference.odds_ratio else None,
        **own,
        **others,
    }


def label(vantage: dict[str, str]) -> str:
    """Return a vantage point's name without its network's: `IR AS44244`, `IR 2026-11-24`, `LAB great-firewall`."""
    words = [f"{axis.upper()} {value}" if axis in ARTIFICIAL else value for axis, value in vantage.items() if value]
    return " ".join(words) or tr("all measurements")


def vantage_name(vantage: dict[str, str], baseline: bool) -> str:
    """Return a vantage point's name, marked as the baseline if it is."""
    return tr("baseline {name}", name=label(vantage)) if baseline else label(vantage)


def cell_text(cell: Cell) -> str:
    """Return the lines of a cell that counts, in one line."""
    return listed(state_lines(cell))


def state_lines(cell: Cell) -> list[str]:
    """Return `BLOCKED 7/7 *`, or `(BLOCKED 1/1)` for too few runs, then since when, networks and the interval."""
    if cell.now is None:
        return []
    enough = cell.state != INSUFFICIENT
    words = f"{cell_word(cell)} {cell_runs(cell)}"
    words = words if enough else f"({words})"
    if not enough:
        return [words, *whole_network(cell), *_circumstances(cell.now)]
    starred = f"{words} *" if cell.difference and cell.difference.worse else words
    sure = [tr("fails {interval}", interval=interval(cell.now))]
    beside = [*partial_lines(cell), *figure_lines(cell), *whole_network(cell), *derivation(cell)]
    beside += _circumstances(cell.now)
    return [starred, *beside, *(sure if cell.now.state in FAILING else [])]


def cell_word(cell: Cell) -> str:
    """Return the word for the state of a cell with runs. A service that works can be blocked in part."""
    return tr(PARTLY_BLOCKED if is_partly_blocked(cell) else WORDS[cell.now.state]) if cell.now else ""


def cell_runs(cell: Cell) -> str:
    """Return how many of the newest runs fail or work, as the word for the cell says."""
    if cell.now is None or not is_partly_blocked(cell):
        return runs_text(cell.now) if cell.now else ""
    return f"{sum(cell.now.runs.get(state, 0) for state in FAILING)}/{sum(cell.now.runs.values())}"


def derivation(cell: Cell) -> list[str]:
    """Return what the state was derived by, if its measurements have another one."""
    return [tr("by repetition ({rule})", rule=cell.derived.rule)] if cell.derived else []


def throughput_text(cell: Cell) -> list[str]:
    """Return `speed 23 % (12-31 % in 4 runs)`: the median of the runs and the ends of their intervals."""
    if (found := cell.throughput) is None:
        return []
    middle, low, high = (round(100 * share) for share in (found.median, found.low, found.high))
    return [
        tr_plural(
            "speed {middle} % ({low}-{high} % in {count} run)",
            "speed {middle} % ({low}-{high} % in {count} runs)",
            found.runs,
            middle=middle,
            low=low,
            high=high,
        )
    ]


def cutoff_text(cell: Cell) -> list[str]:
    """Return `ends after 5.2 s (4.9-5.4 s in 4 runs)`: the median of the runs and the ends of their intervals."""
    if (found := cell.cutoff) is None:
        return []
    middle, low, high = (f"{seconds:.1f}" for seconds in (found.median, found.low, found.high))
    return [
        tr_plural(
            "ends after {middle} s ({low}-{high} s in {count} run)",
            "ends after {middle} s ({low}-{high} s in {count} runs)",
            found.runs,
            middle=middle,
            low=low,
            high=high,
        )
    ]


def calls_text(cell: Cell) -> list[str]:
    """Return `27 kbit/s, 12 % of the packets lost, MOS 2.1 (median of 4 failing runs)` of a service that fails."""
    if (found := cell.calls) is None or cell.found not in FAILING or not (figures := _call_figures(found)):
        return []
    return [
        tr_plural(
            "{figures} (in {count} failing run)",
            "{figures} (median of {count} failing runs)",
            found.runs,
            figures=listed(figures),
        )
    ]


def _call_figures(calls: Calls) -> list[str]:
    """Return each figure that is known, without those that say that nothing is wrong."""
    found = [tr("{rate} kbit/s", rate=round(calls.rate / 1000))] if calls.rate is not None else []
    if calls.loss and (lost := round(100 * calls.loss)):
        found.append(tr("{percent} % of the packets lost", percent=lost))
    if calls.late and (late := round(100 * calls.late)):
        found.append(tr("{percent} % of the packets late", percent=late))
    if calls.delay is not None and calls.delay >= LEAST_DELAY:
        found.append(tr("{seconds} s more delay", seconds=f"{calls.delay:.1f}"))
    return found if calls.mos is None else [*found, tr("MOS {score}", score=f"{calls.mos:.1f}")]


def figure_lines(cell: Cell) -> list[str]:
    """Return the figures of a cell in words: its speed, the age at which connections end, and how calls fare."""
    return [*throughput_text(cell), *cutoff_text(cell), *calls_text(cell)]


def whole_network(cell: Cell) -> list[str]:
    """Return `allowlist_name in 4 runs`: failing runs in which the network stops most connections alike."""
    return [
        tr_plural("{regime} in {count} run", "{regime} in {count} runs", runs, regime=regime)
        for regime, runs in cell.whole_network.items()
    ]


def state_text(state: str, runs: str, *, enough: bool) -> str:
    """Return `BLOCKED 7/8`: 7 of 8 runs fail. Too few runs for a statement are in parentheses."""
    words = f"{tr(WORDS[state])} {runs}"
    return words if enough else f"({words})"


def runs_text(now: Current) -> str:
    """Return how many of the newest runs fail or work as the state says, and how many there are."""
    return f"{sum(now.runs.get(state, 0) for state in kind_of(now.state))}/{sum(now.runs.values())}"


def interval(now: Current) -> str:
    """Return the interval for the share of network-days that fail, such as `60-90 %`."""
    return f"{round(100 * now.low)}-{round(100 * now.high)} %"


def _circumstances(now: Current) -> list[str]:
    lines = [tr("since {day}", day=now.since)] if now.since else []
    where = networks_text(now)
    return lines + ([where if now.state in FAILING else tr("fails {where}", where=where)] if where else [])


def networks_text(now: Current) -> str:
    """Return on how many of several networks a service fails, "" if it fails on none or has one network."""
    if not now.failing or now.networks < 2:
        return ""
    return tr("on {failing} of {count} networks", failing=now.failing, count=now.networks)


def not_counted(set_aside: dict[str, int]) -> str:
    """Return how many measurements do not count, by reason, "" without any."""
    return listed(
        tr("{n} not counted: {reason}", n=n, reason=tr(REASONS.get(reason, reason))) for reason, n in set_aside.items()
    )


def baseline_name(comparison: Comparison) -> str:
    """Return the name of what the cells are compared with."""
    if comparison.baseline:
        return label(dict(comparison.question.baseline))
    return tr("the vantage points in which the service works for nearly all")


def folded(text: str, width: int) -> list[str]:
    """Wrap a text at that width, without control characters. A longer word is broken after `./_-`, if it has one."""
    shown = printable(text)
    if not has_only_blanks(shown):
        return lines_of(shown, width)
    broken = re.sub(r"\S+", lambda word: " ".join(_pieces(word[0], width)), shown)
    return textwrap.wrap(broken, width, break_on_hyphens=False) or [""]


def _pieces(word: str, width: int) -> Iterator[str]:
    while len(word) > width:
        cut = max(word.rfind(char, 0, width) for char in "./_-") + 1 or width
        yield word[:cut]
        word = word[cut:]
    yield word
