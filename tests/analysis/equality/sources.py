"""List the measurements that the repository holds or can make, in groups.

A source is a part of a group that one process reads. It yields lines, each with the words that distinguish it.
"""

import gzip
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from probe.formats.__main__ import FIXTURE
from probe.lab.synth.write import synthesise
from tests.analysis.ooni_import.test_measurements import SAMPLES
from tests.analysis.rules.test_every_rule_fires import RECORDED
from tests.support.hostile.measurements import STRANGE, UNUSABLE, as_line, mutated
from tests.support.measurements.ablation import labels_swapped
from tests.support.measurements.cuts import CUTS
from tests.support.measurements.false_controls.recordings import chosen, working_answer
from tests.support.measurements.false_controls.replaced_answers import replaced
from tests.support.measurements.false_controls.whole_answers import WHOLE_ANSWERS

Line = tuple[str, bytes]
"""What distinguishes the line within its source, and its bytes."""

GROUPS = ("recorded", "fixtures", "ooni", "hostile", "cuts", "answers", "synthetic")
LONGEST_HOSTILE = 2_000_000  # bytes. Longer hostile lines only test the reader, which is not part of judging


@dataclass(frozen=True)
class Source:
    """Name one part of a group. `lines` can be sent to another process."""

    group: str
    name: str
    lines: Callable[[], Iterable[Line]]


def sources_of(synthetic: int, seed: int, folder: Path) -> list[Source]:
    """Return all sources. `folder` gets the synthetic measurements, half of them light ones."""
    recordings = sorted(RECORDED.glob("*.jsonl.gz"))
    found = [Source("recorded", _stem(path), partial(lines_of, path)) for path in recordings]
    found += [Source("fixtures", _stem(FIXTURE), partial(lines_of, FIXTURE))]
    found += [Source("ooni", "samples", ooni_samples), Source("ooni", "mutated", mutated_ooni_samples)]
    found += [Source("hostile", "made", hostile), Source("hostile", "mutated", mutated_measurements)]
    found += [Source("cuts", _stem(path), partial(cuts_of, path)) for path in recordings]
    found += [Source("answers", name, partial(false_answers, name)) for name in WHOLE_ANSWERS]
    return found + [
        Source("synthetic", f"{path.parent.parent.name}/{_stem(path)}", partial(lines_of, path))
        for path in _synthetic(synthetic, seed, folder)
    ]


def _stem(path: Path) -> str:
    return path.name.partition(".jsonl")[0]


def _synthetic(measurements: int, seed: int, folder: Path) -> list[Path]:
    light = measurements // 2
    for name, many in (("full", measurements - light), ("light", light)):
        if many:
            synthesise(many, seed, folder / name, light=name == "light")
    return sorted(folder.glob("*/lines/*.jsonl.gz"))


def lines_of(path: Path) -> Iterator[Line]:
    """Yield the lines of a file, with their numbers from 1."""
    with gzip.open(path, "rb") as lines:
        yield from ((str(number), line) for number, line in enumerate(lines, 1))


def ooni_samples() -> Iterator[Line]:
    """Yield OONI's measurements of tests/fixtures/ooni."""
    yield from ((name, as_line(sample)) for name, sample in SAMPLES.items())


def mutated_ooni_samples() -> Iterator[Line]:
    """Yield each of OONI's measurements once for each of its keys, with a wrong value there."""
    for name, sample in SAMPLES.items():
        yield from ((f"{name} {number}", line) for number, line in enumerate(mutated(sample, each=False)))


def hostile() -> Iterator[Line]:
    """Yield the lines that cannot be used, and the strange ones that can."""
    for name, line in {**UNUSABLE, **STRANGE}.items():
        if len(line) < LONGEST_HOSTILE:
            yield name, line


def mutated_measurements() -> Iterator[Line]:
    """Yield one of our measurements once for each of its keys and each wrong value there."""
    yield from ((str(number), line) for number, line in enumerate(mutated()))


def cuts_of(path: Path) -> Iterator[Line]:
    """Yield each measurement without each kind of evidence in it, and with exchanged labels."""
    for number, raw in lines_of(path):
        whole = json.loads(raw)
        for name, cut in CUTS.items():
            if (less := cut(whole)) != whole:
                yield f"{number} without {name}", as_line(less)
        for name, swapped in _swapped(whole):
            yield f"{number} with {name}", as_line(swapped)


def _swapped(whole: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    yield "exchanged labels", labels_swapped(whole)
    yield "exchanged labels and names", labels_swapped(whole, wire_too=True)


def false_answers(name: str) -> Iterator[Line]:
    """Yield the measurements that would follow from one kind of false answer of the test helper."""
    for number, line in enumerate(chosen()):
        yield str(number), as_line(replaced(line, WHOLE_ANSWERS[name](line, working_answer(line))))
