"""Parse the question that a comparison answers: which rows, which columns, which measurements, which baseline."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from probe.analysis.compare.instrument import SOFTWARE
from probe.messages import listed, tr

ROWS = {"service": "service", "target": "target"}
AXES = {
    "cc": "probe_cc",
    "asn": "probe_asn",
    "day": "day",
    "lab": "lab",
    "synthetic": "synthetic",
    "file": "measurement_file",
    "software": SOFTWARE,
}
CONDITIONS = ROWS | AXES
DEFAULT = ("cc", "asn")
ARTIFICIAL = ("lab", "synthetic")  # axes that keep artificial measurements apart, also from each other
REAL = " AND ".join(f"{AXES[axis]} = ''" for axis in ARTIFICIAL)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(T\d\d(:\d\d(:\d\dZ?)?)?)?")


class QuestionError(ValueError):
    """Report that a question to a store or to measurements cannot be answered.

    The text is one sentence for the user.
    """


@dataclass(frozen=True)
class Question:
    """Hold a parsed question. Names in `by`, `baseline` and `only` are keys of CONDITIONS.

    `since` (inclusive) and `until` (exclusive) are prefixes of `YYYY-MM-DDTHH:MM:SSZ`, compared with the time corrected
    by the clock's error. `only` holds (name, value) pairs of the measurements to keep. `lab` includes artificial ones.
    """

    by: tuple[str, ...] = DEFAULT
    row: str = "service"
    baseline: tuple[tuple[str, str], ...] = ()
    since: str = ""
    until: str = ""
    only: tuple[tuple[str, str], ...] = ()
    lab: bool = False

    def axes(self) -> tuple[str, ...]:
        """Return the keys that make a vantage point. Artificial measurements are kept apart."""
        return tuple(dict.fromkeys((*self.by, *(ARTIFICIAL if self.lab else ()))))

    def condition(self) -> tuple[str, list[str]]:
        """Return the SQL condition for the rows, and the values of its placeholders. The baseline's rows match too."""
        parts, values = ["1 = 1"], list[str]()
        if not self.lab:
            parts.append(REAL)
        for bound, comparison in ((self.since, ">="), (self.until, "<")):
            if bound:
                parts.append(f"corrected_start_time {comparison} ?")
                values.append(bound)
        for names in dict.fromkeys(name for name, _ in self.only):
            wanted = [value for name, value in self.only if name == names]
            parts.append(f"({CONDITIONS[names]} IN ({', '.join('?' * len(wanted))}){self._or_baseline(names)})")
            values += wanted + ([value for _, value in self.baseline] if self._or_baseline(names) else [])
        return " AND ".join(parts), values

    def _or_baseline(self, name: str) -> str:
        """Return SQL that keeps the baseline's rows, since `--only cc=IR` must not remove a baseline in DE."""
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
    """Parse a question from the words used on the command line and in notebooks. Raises QuestionError."""
    row, axes = parse_by(by)
    bounds = parse_moment("--since", since), parse_moment("--until", until)
    if all(bounds) and bounds[0] >= bounds[1]:
        raise QuestionError(tr("--until {until} must be later than --since {since}.", until=until, since=since))
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
    """Parse `target,cc` into ("target", ("cc",)): the row name, and the axes of the columns. Raises QuestionError."""
    names = [name.strip() for name in (words or ",".join(DEFAULT)).split(",") if name.strip()]
    if unknown := [name for name in names if name not in CONDITIONS]:
        raise QuestionError(
            tr("--by: '{name}' is not known. Use some of {known}.", name=unknown[0], known=listed(CONDITIONS))
        )
    row = "target" if "target" in names else "service"
    return row, tuple(dict.fromkeys(name for name in names if name in AXES)) or DEFAULT


def parse_pairs(option: str, words: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """Parse `cc=DE` or `cc=DE,asn=AS3320` into pairs of name and value. Raises QuestionError."""
    pairs = []
    for word in (part for given in words for part in given.split(",")):
        name, equals, value = word.strip().partition("=")
        if not equals or name not in CONDITIONS:
            raise QuestionError(
                tr(
                    "{option}: '{word}' is not of the form NAME=VALUE. NAME is one of {known}.",
                    option=option,
                    word=word,
                    known=listed(CONDITIONS),
                )
            )
        pairs.append((name, value))
    return tuple(pairs)


def parse_moment(option: str, word: str | None) -> str:
    """Return a day, or a day with a time, as a prefix of a row's time. Raises QuestionError."""
    if word and not (_MOMENT.fullmatch(word) and _exists(word)):
        raise QuestionError(
            tr(
                "{option}: '{word}' is no day or time. Use a form such as 2026-11-24 or 2026-11-24T13:00.",
                option=option,
                word=word,
            )
        )
    return word or ""


def _exists(word: str) -> bool:
    try:
        datetime.fromisoformat(word)
    except ValueError:
        return False
    return True
