"""Validate measurements against the schema of their version, and group the problems by place.

This module needs jsonschema-rs (extra [analysis]). It supports draft 2020-12 and names every place. A long line takes
milliseconds, where validators in Python take seconds. No run loads it.
"""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any, TypedDict

from jsonschema_rs import Draft202012Validator, ValidationError, ValidationErrorKind

from probe import __version__
from probe.messages import tr
from probe.results import Problem

FOLDER = Path(__file__).parents[1] / "data" / "schema"
OURS = "censorprobe"
MOST_GROUPS = 500  # groups of problems per file, and
MOST_OF_A_LINE = 10_000  # problems per line. They limit memory and time for a malicious file
LONGEST_VALUE, LONGEST_PLACE = 60, 300  # characters
MASK = "the value"
_COLON = re.compile(r":\s|：")  # Chinese has no blank behind it

Version = tuple[int, int, int]


class SchemaFinding(TypedDict):
    """Represent one problem and its count. `place` has [] for every index, and `first_path` has the indices."""

    place: str
    sentence: str
    count: int
    first_line: int
    first_path: str
    first_value: str


@dataclass
class ValidationTally:
    """Hold the result for one file so far."""

    lines: int = 0
    fitting: int = 0
    unreadable: int = 0
    foreign: Counter[str] = field(default_factory=Counter)  # lines of other software by its name and version
    beyond: int = 0  # problems beyond MOST_GROUPS
    findings: dict[tuple[str, str], SchemaFinding] = field(default_factory=dict)

    def add(self, number: int, measurement: Mapping[str, Any] | Problem) -> None:
        """Check one line, numbered from 1."""
        self.lines += 1
        if isinstance(measurement, Problem):
            self.unreadable += 1
            sentence, *detail = map(str.strip, _COLON.split(measurement.sentence, 1))
            self._note(number, "", sentence.removesuffix("."), _short(detail[0]) if detail else "")
        elif (software := other_software(measurement)) is not None:
            self.foreign[software if len(self.foreign) < MOST_GROUPS else "other software"] += 1
        else:
            found = False
            for place, path, sentence, value in problems(measurement):
                found = True
                self._note(number, place, sentence, value, path)
            self.fitting += not found

    @property
    def ours(self) -> int:
        """Return the number of lines that are not known to come from other software."""
        return self.lines - self.unreadable - self.foreign.total()

    def _note(self, number: int, place: str, sentence: str, value: str, path: str = "") -> None:
        known = self.findings.get((place, sentence))
        if known is not None:
            known["count"] += 1
        elif len(self.findings) >= MOST_GROUPS:
            self.beyond += 1
        else:
            first = SchemaFinding(
                place=place, sentence=sentence, count=1, first_line=number, first_path=path, first_value=value
            )
            self.findings[place, sentence] = first


def other_software(measurement: Mapping[str, Any]) -> str | None:
    """Return name and version of the software that wrote the measurement, None for our own."""
    name = measurement.get("software_name")
    if not isinstance(name, str) or name == OURS:
        return None
    return shortened(f"{name} {measurement.get('software_version', '')}".strip(), LONGEST_VALUE)


def problems(measurement: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """Yield (place, path, sentence, value) of each difference from the schema of the measurement's version."""
    named = str(measurement.get("software_version"))
    version, own = _version(named), _version(__version__)
    if version is not None and own is not None and version > own:
        yield (
            "software_version",
            "software_version",
            tr("newer than this program ({version})", version=__version__),
            _short(named),
        )
        return
    try:
        for error in islice(_validator(_belonging(version)).iter_errors(measurement), MOST_OF_A_LINE):
            yield from _described(error)
    except UnicodeEncodeError:
        yield "", "", tr("a text contains half of a surrogate pair, which no other program reads"), ""
    except (ValueError, RecursionError):
        yield "", "", tr("it is nested too deeply to be checked"), ""


def _described(error: ValidationError) -> Iterator[tuple[str, str, str, str]]:
    kind, path = error.kind, list(error.instance_path)
    if isinstance(kind, ValidationErrorKind.AdditionalProperties):
        for name in kind.unexpected:
            yield _place([*path, name]), _path([*path, name]), tr("this field is unknown here"), ""
    elif isinstance(kind, ValidationErrorKind.Required):
        yield _place([*path, kind.property]), _path([*path, kind.property]), tr("it is missing"), ""
    else:
        yield _place(path), _path(path), error.message, _short(error.instance)


def _place(path: list[str | int]) -> str:
    return _bounded("".join("[]" if isinstance(step, int) else f".{step}" for step in path))


def _path(path: list[str | int]) -> str:
    return _bounded("".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path))


def _bounded(path: str) -> str:
    return shortened(path.removeprefix("."), LONGEST_PLACE)


def _short(value: Any) -> str:
    if isinstance(value, dict | list):
        return f"an object of {len(value)} keys" if isinstance(value, dict) else f"a list of {len(value)}"
    return shortened(json.dumps(value, ensure_ascii=False), LONGEST_VALUE)


def shortened(text: str, longest: int) -> str:
    """Return the text, cut to `longest` characters."""
    return text if len(text) <= longest else text[: longest - 1] + "…"


# -- versions ------------------------------------------------------------------------------------------------------


@cache
def schemas() -> dict[Version, Path]:
    """Return the schema files by version, oldest first."""
    found = {_version(path.stem.removeprefix("measurement-")): path for path in FOLDER.glob("measurement-*.json")}
    return dict(sorted((version, path) for version, path in found.items() if version is not None))


def _belonging(version: Version | None) -> Version:
    """Return the newest schema that is not newer than the software, the oldest if there is no version."""
    known = list(schemas())
    return max((one for one in known if version is not None and one <= version), default=known[0])


@cache
def _validator(version: Version) -> Draft202012Validator:
    return Draft202012Validator(json.loads(schemas()[version].read_text(encoding="utf-8")), mask=MASK, offline=True)


def _version(text: str) -> Version | None:
    """Return the first three numbers of a version, None for any other text."""
    found = re.match(r"(\d{1,9})\.(\d{1,9})\.(\d{1,9})", text, re.ASCII)
    return (int(found[1]), int(found[2]), int(found[3])) if found else None
