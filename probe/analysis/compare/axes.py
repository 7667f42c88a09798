"""What is asked of a table of verdicts: by which columns, which rows, against which baseline."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from probe.analysis.compare.instrument import SOFTWARE

ROWS = {"service": "service", "target": "target"}
AXES = {
    "cc": "probe_cc",
    "asn": "probe_asn",
    "day": "day",
    "lab": "lab",
    "file": "measurement_file",
    "software": SOFTWARE,
}
CONDITIONS = ROWS | AXES
DEFAULT = ("cc", "asn")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\dZ?)?)?)?")


class QuestionError(ValueError):
    """A question that has no answer; its text is one sentence for the user."""


@dataclass(frozen=True)
class Question:
    """`until` is exclusive; both bounds are beginnings of `YYYY-MM-DDTHH:MM:SSZ`. `only`: (name, value) to keep."""

    by: tuple[str, ...] = DEFAULT
    row: str = "service"
    baseline: tuple[tuple[str, str], ...] = ()
    since: str = ""
    until: str = ""
    only: tuple[tuple[str, str], ...] = ()
    lab: bool = False

    def condition(self) -> tuple[str, list[str]]:
        """The SQL condition for the rows that are asked for, and its values. The baseline's are among them."""
        parts, values = ["1 = 1"], list[str]()
        if not self.lab:
            parts.append("lab = ''")
        for bound, comparison in ((self.since, ">="), (self.until, "<")):
            if bound:
                parts.append(f"measurement_start_time {comparison} ?")
                values.append(bound)
        for names in dict.fromkeys(name for name, _ in self.only):
            wanted = [value for name, value in self.only if name == names]
            parts.append(f"({CONDITIONS[names]} IN ({', '.join('?' * len(wanted))}){self._or_baseline(names)})")
            values += wanted + ([value for _, value in self.baseline] if self._or_baseline(names) else [])
        return " AND ".join(parts), values

    def _or_baseline(self, name: str) -> str:
        """What is compared with stays in view: a condition on places does not take the baseline away."""
        if not self.baseline or name in ROWS:
            return ""
        return " OR (" + " AND ".join(f"{CONDITIONS[key]} = ?" for key, _ in self.baseline) + ")"


def parse_question(
    by: str | None = None,
    *,
    since: str | None = None,
    until: str | None = None,
    only: Sequence[str] = (),
    baseline: str | None = None,
    lab: bool = False,
) -> Question:
    """A question as it is written on the command line and in a notebook. Raises QuestionError."""
    row, axes = parse_by(by)
    bounds = parse_moment("--since", since), parse_moment("--until", until)
    if all(bounds) and bounds[0] >= bounds[1]:
        raise QuestionError(f"--until {until}: that is not later than --since {since}")
    return Question(
        by=axes,
        row=row,
        baseline=parse_pairs("--baseline", [baseline] if baseline else []),
        since=bounds[0],
        until=bounds[1],
        only=parse_pairs("--only", only),
        lab=lab,
    )


def parse_by(words: str | None) -> tuple[str, tuple[str, ...]]:
    """`--by target,cc` → ("target", ("cc",)): what the rows are, and the columns' axes. Raises QuestionError."""
    names = [name.strip() for name in (words or ",".join(DEFAULT)).split(",") if name.strip()]
    if unknown := [name for name in names if name not in CONDITIONS]:
        raise QuestionError(f"--by {unknown[0]}: there are {', '.join(CONDITIONS)}")
    row = "target" if "target" in names else "service"
    return row, tuple(dict.fromkeys(name for name in names if name in AXES)) or DEFAULT


def parse_pairs(option: str, words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """`cc=DE` or `cc=DE,asn=AS3320` → pairs of a column's name and its value. Raises QuestionError."""
    pairs = []
    for word in (part for given in words for part in given.split(",")):
        name, equals, value = word.strip().partition("=")
        if not equals or name not in CONDITIONS:
            raise QuestionError(f"{option} {word}: write NAME=VALUE, where NAME is one of {', '.join(CONDITIONS)}")
        pairs.append((name, value))
    return tuple(pairs)


def parse_moment(option: str, word: str | None) -> str:
    """A day, or a day and a time, as it begins in a row. Raises QuestionError."""
    if word and not (_MOMENT.fullmatch(word) and _exists(word)):
        raise QuestionError(f"{option} {word}: write a day, as 2026-11-24, or a time, as 2026-11-24T13:00")
    return word or ""


def _exists(word: str) -> bool:
    try:
        datetime.fromisoformat(word)
    except ValueError:
        return False
    return True


def matches(pairs: Sequence[tuple[str, str]], vantage: dict[str, str]) -> bool:
    """Say whether a vantage point lies inside what the pairs name."""
    return bool(pairs) and all(vantage.get(name) == value for name, value in pairs)
