"""Put the worst of a comparison into sentences, and what changed in the newest days."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from probe.analysis.compare.cells import INSUFFICIENT, Cell, Comparison, compare
from probe.analysis.compare.compare import (
    WORDS,
    cell_runs,
    cell_word,
    figure_lines,
    interval,
    label,
    networks_text,
    runs_text,
    whole_network,
)
from probe.analysis.compare.current import Current, newest_start
from probe.analysis.compare.partial_text import is_partly_blocked, partial_lines
from probe.analysis.compare.units import DOWN, FAILING, STATES, WORKING
from probe.analysis.compare.verdict_table import VerdictTable
from probe.countries.country_names import country_name
from probe.messages import listed, mark, tr, tr_plural

MOST_SENTENCES = 500  # of one list, so that a page of many countries stays small
_STATES = {
    "blocked": mark("In {place}, {service} is blocked"),
    "likely_blocked": mark("In {place}, {service} is likely blocked"),
    "degraded": mark("In {place}, {service} works badly"),
    "impaired": mark("In {place}, {service} does not work, and the cause is not clear"),
}


def by_country(table: VerdictTable, comparison: Comparison) -> Comparison:
    """Return the comparison of whole countries, whatever the vantage points of the page are."""
    wanted = replace(comparison.question, by=("cc",))
    return comparison if comparison.question == wanted else compare(table, wanted)


def summary_data(countries: Comparison, last: str) -> dict[str, Any]:
    """Return the sentences that the page begins with. `last` is the last day of its period.

    `worst` is the service and the country of the first sentence, None if no service fails.
    """
    cells = [cell for _, row in countries.rows() for cell in row if cell.now is not None]
    failing = [cell for cell in cells if cell.found in FAILING or cell.found == DOWN or cell.partial]
    clear = sorted((cell for cell in failing if cell.state != INSUFFICIENT), key=_badness)
    unclear = sorted((cell for cell in failing if cell.state == INSUFFICIENT), key=_badness)
    first = next((cell for cell in (*clear, *unclear) if cell.found != DOWN), None)
    return {
        "problems": _limited(map(_problem, clear)),
        "unclear": _limited(map(_unclear, unclear)),
        "unclear_title": _unclear_title(len(unclear)),
        "nothing": "" if clear or unclear else _nothing(cells, countries),
        "changes": _limited(_changes(cells, last)),
        "worst": [first.service, first.vantage.get("cc", "")] if first else None,
    }


def _limited(sentences: Iterator[str]) -> list[str]:
    found = list(sentences)
    more = len(found) - MOST_SENTENCES
    return found[:MOST_SENTENCES] + ([tr("{count} more are in the table.", count=more)] if more > 0 else [])


def _badness(cell: Cell) -> tuple[Any, ...]:
    """Return the sort key of a cell: the gravest state, then the largest share that surely fails."""
    if cell.now is None:
        return (len(STATES),)
    state = len(FAILING) - 1.5 if is_partly_blocked(cell) else STATES.index(cell.now.state)
    return state, -cell.now.low, -cell.now.failing, _place(cell.vantage), cell.service


def _place(vantage: Mapping[str, str]) -> str:
    """Return `Iran (IR)`, or the label of a vantage point that is no country with a name."""
    code, name = label(dict(vantage)), country_name(vantage.get("cc", ""))
    return code if name == vantage.get("cc") or not vantage.get("cc") else f"{name} ({code})"


def _problem(cell: Cell) -> str:
    """Return the sentence about a cell that fails, with every figure that is known."""
    now = cell.now
    assert now is not None
    if now.state == DOWN:
        return tr("In {place}, {service} is down. Its own servers fail, also outside.", **_names(cell))
    if is_partly_blocked(cell):
        what = tr("In {place}, {service} is blocked in part", **_names(cell))
        return tr("{what}: {facts}.", what=what, facts=listed([*partial_lines(cell), *cell.mechanisms]))
    return tr("{what}: {facts}.", what=tr(_STATES[now.state], **_names(cell)), facts=listed(_facts(cell, now)))


def _facts(cell: Cell, now: Current) -> list[str]:
    """Return where a cell fails, since when, how badly, how often and how."""
    where = [networks_text(now) or tr("on the only measured network")]
    since = [tr("since {day}", day=now.since)] if now.since else []
    share = [tr("fails on {interval} of the measured days", interval=interval(now))]
    return [*where, *since, *partial_lines(cell), *figure_lines(cell), *share, *whole_network(cell), *cell.mechanisms]


def _names(cell: Cell) -> dict[str, str]:
    return {"place": _place(cell.vantage), "service": cell.service}


def _unclear(cell: Cell) -> str:
    """Return `telegram/web in Iran (IR): BLOCKED 1/1`, which says how many runs there are, with all figures."""
    assert cell.now is not None
    state = f"{cell_word(cell)} {cell_runs(cell)}"
    facts = listed([state, *_facts(cell, cell.now)])
    return tr("{service} in {place}: {facts}.", facts=facts, **_names(cell))


def _unclear_title(count: int) -> str:
    return tr_plural(
        "{count} service may fail in a country. Too few runs, or too few devices, saw it for a sure statement.",
        "{count} services may fail in a country. Too few runs, or too few devices, saw it for a sure statement.",
        count,
    )


def _nothing(cells: list[Cell], countries: Comparison) -> str:
    """Return the sentence for a comparison in which no service fails clearly. A gap is not OK."""
    works = sum(cell.state in WORKING for cell in cells)
    if not works:
        return tr("No service has enough runs in a country for a statement.")
    return tr(
        "No service fails clearly. {works} of {count} services by country work. The others were not measured, or have "
        "too few runs.",
        works=works,
        count=len(countries.services) * len(countries.vantages),
    )


def _changes(cells: list[Cell], last: str) -> Iterator[str]:
    """Iterate over what began or ended in the newest days, the latest first."""
    first = newest_start(last)
    changed = [cell for cell in cells if cell.now and cell.state != INSUFFICIENT and (cell.now.since or "") >= first]
    for cell in sorted(changed, key=lambda cell: (cell.now.since if cell.now else "", cell.service), reverse=True):
        assert cell.now is not None
        state = f"{tr(WORDS[cell.now.state])} {runs_text(cell.now)}"
        if cell.now.state in FAILING:
            yield tr(
                "{day}: {service} began to fail in {place} ({state}).", day=cell.now.since, state=state, **_names(cell)
            )
        elif cell.now.state in WORKING:
            yield tr(
                "{day}: {service} works again in {place} ({state}).", day=cell.now.since, state=state, **_names(cell)
            )
