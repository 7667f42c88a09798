"""Print a comparison as text of 80 columns, or as JSON with one object per cell."""

import json
import re
import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import Any

from probe.analysis.compare.axes import ARTIFICIAL
from probe.analysis.compare.cells import INSUFFICIENT, ROBUST, Cell, Comparison, network_name
from probe.analysis.compare.current import LEAST, NOW, Current, kind_of
from probe.analysis.compare.difference import LEAST_SOURCES, NEARLY_ALL, RATE, TEST, Difference
from probe.analysis.compare.units import FAILING
from probe.messages import mark, tr, tr_plural

WIDTH = 80
_SERVICE_WIDTH = 22
_CELL_WIDTH = 18  # at least, so that three vantage points fit beside each other
_GAP = 2
MIXED = "mixed"  # a day or hour in a series, without a state that most measurements have
WORDS = {
    "blocked": mark("BLOCKED"),
    "likely_blocked": mark("LIKELY BLOCKED"),
    "degraded": mark("WORKS BADLY"),
    "impaired": mark("NOT WORKING"),
    "down": mark("DOWN"),
    "connected": mark("CONNECTED"),
    "ok": mark("OK"),
    MIXED: mark("MIXED"),
}

REASONS = {
    "insufficient": mark("not enough data"),
    "ipv6_broken": mark("IPv6 does not work"),
    "instrument": mark("faulty software version"),
    "captive_portal": mark("captive portal"),
    "clock": mark("wrong clock"),
    "vpn": mark("VPN"),
    "tls_interception": mark("TLS interception"),
    "no_network": mark("no network"),
    "probe_bug": mark("bug in the probe"),
    "invalid": mark("not valid"),
}


def to_json(comparison: Comparison) -> str:
    """Return one JSON object per line and cell."""
    rows = (cell_to_dict(cell) for _, cells in comparison.rows() for cell in cells)
    return "".join(json.dumps(row, separators=(", ", ": "), allow_nan=False) + "\n" for row in rows)


def cell_to_dict(cell: Cell) -> dict[str, Any]:
    """Return a cell in the form of the JSON output."""
    written = asdict(cell)
    written["networks"] = [network._asdict() for network in cell.networks]
    order = ("service", "vantage", "state", "mechanisms", "n", "by_state", "networks", "reporters_max", "witness")
    return {key: written[key] for key in (*order, "difference", "found", "set_aside", "runs", "now")} | {
        "difference": difference_to_dict(cell.difference) if cell.difference else None
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
        "test": TEST,
        "p_value_uncorrected": difference.p_value_uncorrected,
        "direction": "less_often" if difference.worse else None,
        "odds_ratio": difference.odds_ratio._asdict() if difference.odds_ratio else None,
        **own,
        **others,
    }


def label(vantage: dict[str, str]) -> str:
    """Return a vantage point's name without its network's: `IR AS44244`, `IR 2026-11-24`, `LAB great-firewall`."""
    words = [f"{axis.upper()} {value}" if axis in ARTIFICIAL else value for axis, value in vantage.items() if value]
    return " ".join(words) or tr("all measurements")


def to_text(comparison: Comparison) -> str:
    """Return the comparison as ASCII text of at most 80 columns, in blocks of vantage points that fit."""
    fit = max(1, (WIDTH - _SERVICE_WIDTH) // (_CELL_WIDTH + _GAP - 1))
    places = range(len(comparison.vantages))
    blocks = [_block(comparison, places[start : start + fit]) for start in places[::fit]]
    return "\n".join([*blocks, "\n".join(_notes(comparison)) + "\n"])


def _block(comparison: Comparison, places: Sequence[int]) -> str:
    width = (WIDTH - _SERVICE_WIDTH - _GAP * len(places)) // len(places)
    heads = [_head(comparison.vantages[place], comparison.baseline and place == 0, width) for place in places]
    lines = [*_row([[comparison.question.row], *heads], width), "-" * WIDTH]
    for service, cells in comparison.rows():
        columns = [_cell_lines(cells[place], width) for place in places]
        lines += _row([folded(service, _SERVICE_WIDTH), *columns], width)
    return "\n".join(lines) + "\n"


def _head(vantage: dict[str, str], baseline: bool, width: int) -> list[str]:
    named = network_name(vantage["asn"]) if "asn" in vantage else ""
    return [
        *folded(vantage_name(vantage, baseline), width),
        *(folded(named, width) if named else []),
    ]


def vantage_name(vantage: dict[str, str], baseline: bool) -> str:
    """Return a vantage point's name, marked as the baseline if it is."""
    return tr("baseline {name}", name=label(vantage)) if baseline else label(vantage)


def _row(cells: list[list[str]], width: int) -> list[str]:
    """Join cells of several lines into the lines of one table row."""
    height = max(map(len, cells))
    widths = [_SERVICE_WIDTH, *([width] * (len(cells) - 1))]
    gap = " " * _GAP
    return [
        gap.join(
            (cell[number] if number < len(cell) else "").ljust(wide) for cell, wide in zip(cells, widths, strict=True)
        ).rstrip()
        for number in range(height)
    ]


def _cell_lines(cell: Cell, width: int) -> list[str]:
    """Return the lines of one cell: state with counts and mechanisms, or why no measurement counts."""
    if cell.found is None:
        return folded(not_counted(cell.set_aside) or "-", width)
    return [line for text in (*state_lines(cell), *cell.mechanisms) for line in folded(text, width)]


def cell_text(cell: Cell) -> str:
    """Return the lines of a cell that counts, in one line."""
    return ", ".join(state_lines(cell))


def state_lines(cell: Cell) -> list[str]:
    """Return `BLOCKED 7/7 *`, or `(BLOCKED 1/1)` for too few runs, then since when, networks and the interval."""
    if cell.now is None:
        return []
    words = f"{tr(WORDS[cell.now.state])} {_share(cell.now)}"
    if cell.state == INSUFFICIENT:
        return [f"({words})", *_circumstances(cell.now)]
    sure = [tr("fails {low}-{high} %", low=round(100 * cell.now.low), high=round(100 * cell.now.high))]
    starred = f"{words} *" if cell.difference and cell.difference.worse else words
    return [starred, *_circumstances(cell.now), *(sure if cell.now.state in FAILING else [])]


def _share(now: Current) -> str:
    """Return how many of the newest runs fail or work as the state says."""
    return f"{sum(now.runs.get(state, 0) for state in kind_of(now.state))}/{sum(now.runs.values())}"


def _circumstances(now: Current) -> list[str]:
    lines = [tr("since {day}", day=now.since)] if now.since else []
    if now.failing and now.networks > 1:
        fails = tr("on {failing} of {count} networks", failing=now.failing, count=now.networks)
        lines.append(fails if now.state in FAILING else tr("fails {where}", where=fails))
    return lines


def not_counted(set_aside: dict[str, int]) -> str:
    """Return how many measurements do not count, by reason, "" without any."""
    return ", ".join(
        tr("{n} not counted: {reason}", n=n, reason=tr(REASONS.get(reason, reason))) for reason, n in set_aside.items()
    )


def baseline_name(comparison: Comparison) -> str:
    """Return the name of what the cells are compared with."""
    if comparison.baseline:
        return label(dict(comparison.question.baseline))
    return tr("the vantage points in which the service works for nearly all")


def _notes(comparison: Comparison) -> list[str]:
    """Return the lines of the legend, and what the table does not show."""
    notes = [
        tr(
            "3/4: 3 of 4 runs of the newest {days} days. A day of a network counts once, as most of its runs ended.",
            days=NOW,
        ),
        tr("fails 60-90 %: the share of these network-days that fail is in this interval (95 %)."),
        tr("(...): fewer than {least} runs, too few for a statement about the network.", least=LEAST),
        tr("CONNECTED: the service was reached. Nothing proves that it was the right one."),
        tr(
            "*: works less often than at {baseline}, on {least} sources or more. Of all marks, {rate} may be false. "
            "A source is a network, or a software version in it.",
            baseline=baseline_name(comparison),
            least=LEAST_SOURCES,
            rate=f"{RATE:.0%}",
        ),
        tr("-: not measured. A gap is not OK."),
    ]
    if not comparison.baseline and comparison.untested:
        notes.append(
            tr_plural(
                "{count} service works for {share} of the sources at too few vantage points, so it has no baseline. "
                "Name one with --baseline.",
                "{count} services work for {share} of the sources at too few vantage points, so they have no baseline. "
                "Name one with --baseline.",
                comparison.untested,
                share=f"{NEARLY_ALL:.0%}",
            )
        )
    notes += [
        tr(
            "Not counted: results of {version} for {service}. It fails on networks where other versions work.",
            version=version,
            service=service,
        )
        for service, version in comparison.instrument
    ]
    beyond, n = comparison.left_out
    if beyond:
        notes.append(
            tr_plural(
                "{count} more vantage point is not shown (--top). Its number of measurements is {n}.",
                "{count} more vantage points are not shown (--top). They have {n} measurements together.",
                beyond,
                n=n,
            )
        )
    return [line for note in notes for line in textwrap.wrap(ascii_only(note), WIDTH - 1)]


def folded(text: str, width: int) -> list[str]:
    """Wrap a text at that width, as ASCII. A longer word is broken after one of `./_-`, if it has one."""
    broken = re.sub(r"\S+", lambda word: " ".join(_pieces(word[0], width)), ascii_only(text))
    return textwrap.wrap(broken, width, break_on_hyphens=False) or [""]


def _pieces(word: str, width: int) -> Iterator[str]:
    while len(word) > width:
        cut = max(word.rfind(char, 0, width) for char in "./_-") + 1 or width
        yield word[:cut]
        word = word[cut:]
    yield word


def ascii_only(text: str) -> str:
    """Replace Unicode and control characters by question marks, so that any terminal can show the text."""
    return "".join(char if " " <= char <= "~" else "?" for char in text)
