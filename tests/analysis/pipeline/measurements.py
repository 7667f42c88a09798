"""Choose the measurements that the tests of the pipeline judge."""

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

from probe.analysis.verdicts.verdicts import Flattened
from probe.formats.__main__ import FIXTURE
from tests.analysis.equality.judging import flattened
from tests.analysis.equality.sources import Line, hostile, lines_of, ooni_samples
from tests.analysis.pipeline.perturbed import perturbed
from tests.analysis.rules.test_every_rule_fires import RECORDED

SCENARIOS = (
    *("dns-conflict", "ech-drop", "ech-name", "ech-refused", "http-redirect", "quic-mitm", "server-certificates"),
    *("sip-silent", "starttls-masked", "stun-drop", "tls-mitm"),
)
"""Scenarios that together give rows to almost every table."""


def recordings(every: int = 1) -> list[Flattened]:
    """Return each Nth measurement of all recorded scenarios."""
    return list(_usable(islice(_recorded(sorted(RECORDED.glob("*.jsonl.gz"))), 0, None, every)))


def _recorded(paths: Iterable[Path]) -> Iterator[Line]:
    yield from ((f"{path.name} {number}", raw) for path in paths for number, raw in lines_of(path))


def others() -> list[Flattened]:
    """Return the measurements of the fixtures, of OONI, and the hostile ones that can be judged."""
    return list(_usable(chain(lines_of(FIXTURE), ooni_samples(), hostile())))


def changed(every: int) -> list[Flattened]:
    """Return each Nth recorded measurement with contradictions that no recording has."""
    return _changed(recordings(every))


def _changed(measurements: list[Flattened]) -> list[Flattened]:
    return [
        one._replace(facts=perturbed(one.facts, number), file=f"{one.file} changed")
        for number, one in enumerate(measurements)
    ]


def alike() -> list[Flattened]:
    """Return measurements of a few targets and their changed copies: same names and addresses, other contents."""
    found = list(_usable(_recorded(RECORDED / f"{name}.jsonl.gz" for name in SCENARIOS)))
    return [*found, *_changed(found), *others()[::20]]


def _usable(lines: Iterator[Line]) -> Iterator[Flattened]:
    yield from (one for one in (flattened(*line) for line in lines) if isinstance(one, Flattened))
