"""Count verdicts of each service at each vantage point, by day or hour. Gaps are shown as gaps."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from probe.analysis.compare.axes import AXES, ROWS, Question
from probe.analysis.compare.cells import INSUFFICIENT, prepare
from probe.analysis.compare.compare import MIXED, WORDS, ascii_only, folded, label, not_counted
from probe.analysis.compare.current import LEAST
from probe.analysis.compare.over_time.timeline import step_of, steps
from probe.analysis.compare.units import SET_ASIDE
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import ACCUSING, SEVERITY
from probe.messages import tr

BAR = 20
SHARE = 0.8  # of the measurements of a day or hour must have its state


@dataclass
class Bucket:
    """Count the verdicts of one day or hour. `by_state` has the valid and sufficient ones."""

    time: str
    by_state: Counter[str] = field(default_factory=Counter)
    set_aside: Counter[str] = field(default_factory=Counter)

    @property
    def n(self) -> int:
        return self.by_state.total()

    @property
    def accusing(self) -> int:
        return sum(self.by_state[state] for state in ACCUSING)


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
    return prepared_series(table, question, grain)


def axes_of(question: Question) -> list[str]:
    """Return the keys that make a vantage point of a series, whose buckets are days or hours already."""
    return [axis for axis in question.axes() if axis != "day"]


def winner(states: Counter[str]) -> str | None:
    """Return the state of at least SHARE of the measurements, `mixed` without one, None without measurements."""
    n = sum(states.values())
    if not n:
        return None
    ((state, most),) = states.most_common(1)
    return state if most >= SHARE * n else MIXED


def prepared_series(table: VerdictTable, question: Question, grain: str = "day") -> list[Series]:
    """Return the series of a table that `prepare` has filtered."""
    axes = axes_of(question)
    names = [ROWS[question.row], *(AXES[axis] for axis in axes), step_of(grain), "state", SET_ASIDE]
    keys = ", ".join(str(number + 1) for number in range(len(names)))
    found: dict[tuple[str, ...], dict[str, Bucket]] = defaultdict(dict)
    for *key, time, state, aside, n in table.select(
        f"SELECT {', '.join(names)}, COUNT(*) FROM verdicts GROUP BY {keys}"
    ):
        bucket = found[tuple(key)].setdefault(time, Bucket(time))
        counter = bucket.set_aside if aside else bucket.by_state
        counter[aside or state] += n
    times = steps({time for buckets in found.values() for time in buckets}, grain)
    all_series = [
        Series(service, dict(zip(axes, vantage, strict=True)), [buckets.get(time) or Bucket(time) for time in times])
        for (service, *vantage), buckets in found.items()
    ]
    return sorted(all_series, key=lambda one: (one.service, -sum(bucket.n for bucket in one.buckets), str(one.vantage)))


def to_json(found: list[Series]) -> str:
    """Return one JSON object per line, for each service, vantage point and step, gaps included."""
    return "".join(json.dumps(row, allow_nan=False) + "\n" for one in found for row in _dicts(one))


def _dicts(one: Series) -> Iterator[dict[str, Any]]:
    for bucket in one.buckets:
        found = winner(bucket.by_state)
        yield {
            "service": one.service,
            "vantage": one.vantage,
            "time": bucket.time,
            "state": found if found is not None and bucket.n >= LEAST else INSUFFICIENT,
            "n": bucket.n,
            "by_state": _ordered(bucket),
            "found": found,
            "set_aside": dict(sorted(bucket.set_aside.items())),
        }


def _ordered(bucket: Bucket) -> dict[str, int]:
    return {str(state): bucket.by_state[state] for state in SEVERITY if state in bucket.by_state}


def to_text(found: list[Series]) -> str:
    """Return bars as ASCII text of at most 80 columns: `#` accuses, `.` works, `?` neither. A gap has no bar."""
    blocks = []
    for one in found:
        title = folded(f"{one.service}  {label(one.vantage)}", 79)
        blocks.append("\n".join([*title, *(_line(bucket) for bucket in one.buckets)]))
    notes = (
        tr("# blocked or works badly   . works   ? neither (DOWN or NOT WORKING)"),
        tr("A row without a bar was not measured, so it is not OK."),
    )
    return "\n\n".join([*blocks, "\n".join(line for note in notes for line in folded(note, 79))]) + "\n"


def _line(bucket: Bucket) -> str:
    if not bucket.n:
        aside = not_counted(dict(sorted(bucket.set_aside.items())))
        return f"  {bucket.time:<13}  {'':<{BAR}}  {ascii_only(aside or tr('not measured'))}"[:80].rstrip()
    counts = ", ".join(f"{n} {tr(WORDS[state])}" for state, n in _ordered(bucket).items())
    return f"  {bucket.time:<13}  {_bar(bucket)}  {counts}"[:80]


def _bar(bucket: Bucket) -> str:
    """Return BAR characters. Every kind of verdict in the bucket gets at least one of them."""
    parts = {"#": bucket.accusing, "?": bucket.n - bucket.accusing - bucket.by_state["ok"], ".": bucket.by_state["ok"]}
    drawn = {char: max(1, round(BAR * count / bucket.n)) for char, count in parts.items() if count}
    longest = max(drawn, key=drawn.__getitem__)
    drawn[longest] += BAR - sum(drawn.values())
    return "".join(char * length for char, length in drawn.items())
