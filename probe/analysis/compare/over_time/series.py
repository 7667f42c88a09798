"""Count verdicts of each service at each vantage point, by day or hour. Gaps are shown as gaps."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from probe.analysis.compare.axes import AXES, ROWS, Question
from probe.analysis.compare.cells import INSUFFICIENT, prepare
from probe.analysis.compare.current import LEAST, kind_of, state_of
from probe.analysis.compare.over_time.period import period_of
from probe.analysis.compare.over_time.timeline import step_of, steps
from probe.analysis.compare.units import COUNTED_STATE, FAILING, NOT_COUNTED, STATES, WORKING, fails, sql_of_runs
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING


@dataclass
class Bucket:
    """Count one day or hour. `by_state` has the measurements that count, and `runs` the runs with one of them."""

    time: str
    by_state: Counter[str] = field(default_factory=Counter)
    runs: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        return self.by_state.total()

    @property
    def accusing(self) -> int:
        return sum(self.by_state[state] for state in ACCUSING)

    @property
    def found(self) -> str | None:
        """Return the most frequent state of the runs that fail if they are more than those that work, else of others.

        It is None without runs. A tie accuses nothing.
        """
        return state_of(self.runs, fails(self.runs) is True)

    @property
    def state(self) -> str:
        """Return the state that was found, if it rests on LEAST runs."""
        return self.found if self.found is not None and self.runs.total() >= LEAST else INSUFFICIENT

    @property
    def agreeing(self) -> int:
        """Return how many runs fail, if the state is one of failing, or else work."""
        return sum(self.runs[state] for state in kind_of(self.found)) if self.found else 0

    @property
    def failing_share(self) -> float | None:
        """Return the share of runs that fail, of those that fail or work. None without any."""
        failing, working = (sum(self.runs[state] for state in kind) for kind in (FAILING, WORKING))
        return failing / (failing + working) if failing or working else None


@dataclass
class Series:
    """Hold all buckets of one service at one vantage point, from the table's first day or hour to its last."""

    service: str
    vantage: dict[str, str]
    buckets: list[Bucket]


def series(table: VerdictTable, question: Question, grain: str = "day") -> list[Series]:
    """Return the series of every service and vantage point, those with most measurements first.

    Raises QuestionError if the measurements span too many days or hours.
    """
    prepare(table, question)
    axes = axes_of(question)
    found = _buckets(table, [ROWS[question.row], *(AXES[axis] for axis in axes), step_of(grain)])
    times = _times({time for buckets in found.values() for time in buckets}, period_of(table).days, grain)
    all_series = [
        Series(service, dict(zip(axes, vantage, strict=True)), [buckets.get(time) or Bucket(time) for time in times])
        for (service, *vantage), buckets in found.items()
    ]
    return sorted(all_series, key=lambda one: (one.service, -sum(bucket.n for bucket in one.buckets), str(one.vantage)))


def _times(seen: set[str], days: Sequence[str], grain: str) -> list[str]:
    """Return the steps of the period. Times that a wrong clock put before or after it have no gaps between them."""
    inside = {time for time in seen if days and days[0] <= time[:10] <= days[-1]}
    outside = {one for time in seen - inside for one in steps([time], grain)}
    return sorted({*steps(inside, grain), *outside}) if inside else steps(seen, grain)


def axes_of(question: Question) -> list[str]:
    """Return the keys that make a vantage point of a series, whose buckets are days or hours already."""
    return [axis for axis in question.axes() if axis != "day"]


_Buckets = dict[tuple[str, ...], dict[str, Bucket]]  # by service and vantage point, then by time


def _buckets(table: VerdictTable, keys: Sequence[str]) -> _Buckets:
    """Return the buckets. The last of the keys is the time."""
    names = [*keys, COUNTED_STATE, NOT_COUNTED]
    numbers = ", ".join(str(number + 1) for number in range(len(names)))
    found: _Buckets = defaultdict(dict)
    for *key, time, state, aside, n in table.select(
        f"SELECT {', '.join(names)}, COUNT(*) FROM verdicts GROUP BY {numbers}"
    ):
        bucket = found[tuple(key)].setdefault(time, Bucket(time))
        counter = bucket.set_aside if aside else bucket.by_state
        counter[aside or state] += n
    for row in table.select(sql_of_runs(keys)):
        *key, time = row[: len(keys)]
        runs = zip(STATES, row[len(keys) :], strict=True)
        found[tuple(key)][time].runs.update({state: n for state, n in runs if n})
    return found


def to_json(found: list[Series]) -> str:
    """Return one JSON object per line, for each service, vantage point and step, gaps included."""
    return "".join(json.dumps(row, allow_nan=False) + "\n" for one in found for row in _dicts(one))


def _dicts(one: Series) -> Iterator[dict[str, Any]]:
    for bucket in one.buckets:
        yield {
            "service": one.service,
            "vantage": one.vantage,
            "time": bucket.time,
            "state": bucket.state,
            "n": bucket.n,
            "by_state": _ordered(bucket.by_state),
            "found": bucket.found,
            "runs": _ordered(bucket.runs),
            "share": bucket.agreeing / bucket.runs.total() if bucket.found else None,
            "set_aside": dict(sorted(bucket.set_aside.items())),
        }


def _ordered(counts: Counter[str]) -> dict[str, int]:
    return {state: counts[state] for state in STATES if state in counts}
