"""Name the partial blocks of all cells. The tests of one kind share one rate of false discoveries."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, timedelta

from probe.analysis.compare.axes import ROWS
from probe.analysis.compare.networks import Place
from probe.analysis.compare.partial_tests import (
    HOURS_OF_WEEK,
    KINDS,
    RATE,
    SOME_DAYS,
    SOME_NETWORKS,
    CellTests,
    Key,
    PartialBlock,
    Seen,
    Test,
)
from probe.analysis.compare.units import DEVICE, STATES, WORKING, Unit, sql_of_runs
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING, State
from probe.analysis.statistics.clean_failures import CleanFailures, learnt
from probe.analysis.statistics.contingency_tables import benjamini_hochberg
from probe.analysis.statistics.hour_scan import HOURS, WEEK

WEEKS = 4  # the newest ones, which are compared
LEAST = 4  # runs that accuse, and runs that work
_HOUR = "SUBSTR(corrected_start_time, 12, 2)"  # in UTC


def partial_blocks(
    table: VerdictTable,
    row: str,
    place: Place,
    cells: Mapping[Key, Sequence[Unit]],
    vantages: Sequence[tuple[str, ...]],
    clean_sources: CleanFailures,
) -> dict[Key, list[PartialBlock]]:
    """Return the partial blocks of cells, whose vantage points have these values of the axes."""
    last = max((unit.day for units in cells.values() for unit in units), default="")
    newest = {key: _counts(units, _since(last)) for key, units in cells.items()}
    candidates = [key for key, (accusing, count) in newest.items() if min(accusing, count - accusing) >= LEAST]
    if not candidates:
        return {}
    clean_runs = learnt([(accusing, count) for accusing, count in newest.values() if 2 * accusing <= count])
    seen, measured = _seen(table, row, place, candidates, vantages, _since(last)), Counter(name for name, _ in cells)
    country = "asn" not in place.axes
    tests = {}
    for key in candidates:
        others = [own for other, own in seen.items() if other[0] == key[0] and other != key]
        of_cell = CellTests(seen[key], country, clean_runs, clean_sources, others, measured[key[0]] - 1)
        tests[key] = list(of_cell.all())
    return _discovered(tests)


def _since(last: str) -> str:
    try:
        return (date.fromisoformat(last) - timedelta(days=WEEKS * WEEK - 1)).isoformat()
    except ValueError:
        return last


_ACCUSES = [place for place, state in enumerate(STATES) if state in ACCUSING]
_WORKS = [place for place, state in enumerate(STATES) if state in WORKING]
_UNCLEAR = STATES.index(State.IMPAIRED)


def _counts(units: Sequence[Unit], since: str) -> tuple[int, int]:
    """Return how many runs accuse since a day, and how many accuse or work."""
    newest = [unit.runs for unit in units if unit.day >= since]
    accusing, working = (sum(runs[place] for runs in newest for place in places) for places in (_ACCUSES, _WORKS))
    return accusing, accusing + working


def _seen(
    table: VerdictTable,
    row: str,
    place: Place,
    candidates: Iterable[Key],
    vantages: Sequence[tuple[str, ...]],
    since: str,
) -> dict[Key, list[Seen]]:
    """Return what was measured in the cells that are candidates."""
    wanted, numbers = set(candidates), {vantage: number for number, vantage in enumerate(vantages)}
    table.note("mixed_services", ("name VARCHAR",), [(name,) for name in sorted({name for name, _ in wanted})])
    keys = [ROWS[row], *place.columns(), "probe_cc", "probe_asn", "day", _HOUR, *DEVICE]
    condition = f"({place.condition}) AND day >= ? AND {ROWS[row]} IN (SELECT name FROM mixed_services)"
    found: dict[Key, list[Seen]] = defaultdict(list)
    for service, *rest in sorted(table.select(sql_of_runs(keys, condition), [*place.values, since])):
        key = service, numbers.get(tuple(rest[: len(place.axes)]), -1)
        if key in wanted and (one := _seen_in(*rest[len(place.axes) :])) is not None:
            found[key].append(one)
    return found


def _seen_in(
    cc: str, asn: str, day: str, hour: str, program: str, version: str, probe_id: str, *runs: int
) -> Seen | None:
    """Return what the runs of one hour found, None if they contradict each other or found nothing."""
    accusing, working = (sum(runs[place] for place in places) for places in (_ACCUSES, _WORKS))
    if not hour.isdigit() or int(hour) >= HOURS or (accusing == working and (accusing or not runs[_UNCLEAR])):
        return None
    unclear = runs[_UNCLEAR] > max(accusing, working)
    return Seen((cc, asn), (program, version), probe_id, day, int(hour), None if unclear else accusing > working)


def _discovered(tests: Mapping[Key, Sequence[Test]]) -> dict[Key, list[PartialBlock]]:
    """Return the partial blocks that are named at RATE. Each kind has a rate of its own."""
    found: dict[Key, list[PartialBlock]] = defaultdict(list)
    for kind in KINDS:
        own = [(key, block, named) for key, some in tests.items() for block, named in some if block.kind == kind]
        rates = benjamini_hochberg([block.p_value for _, block, _ in own])
        for (key, block, named), rate in zip(own, rates, strict=True):
            if named and rate <= RATE:
                found[key].append(block._replace(q_value=rate))
    return {key: _explaining(some) for key, some in found.items()}


def _explaining(own: Sequence[PartialBlock]) -> list[PartialBlock]:
    """Leave out what another partial block explains: the less improbable of hours and days, and part of the runs."""
    times = sorted((one for one in own if one.kind in (HOURS_OF_WEEK, SOME_DAYS)), key=lambda one: one.p_value)
    return [*times[:1], *(one for one in own if one.kind == SOME_NETWORKS)] or [*own]
