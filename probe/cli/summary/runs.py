"""Collect the verdicts of each run of a results file."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from probe.analysis.observations.lenient_json import table, text
from probe.analysis.verdicts.verdicts import Located, judge_each
from probe.cli.screen import targets_of, with_services
from probe.formats.origin import REAL, Origin, origin_of

MOST_RECORDS = 2000  # verdicts that are held for one screen. A run has about 60.


@dataclass
class RunVerdicts:
    """Hold the verdict records of one run, what its measurements say about their targets, and their origin."""

    run: tuple[str, str] = ("", "")
    records: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    origin: Origin = REAL

    def add(self, records: list[dict[str, Any]], measurement: dict[str, Any]) -> None:
        """Add the records of one measurement."""
        self.records += records
        for name, target in targets_of([measurement]).items():
            self.targets[name] = with_services(self.targets.get(name), target)
        self.origin = self.origin if self.origin.artificial else origin_of(measurement)


def runs_in(measurements: Iterable[Located]) -> Iterator[RunVerdicts]:
    """Yield the verdicts of each run. A run with very many measurements, as in an archive, gives several parts."""
    held = RunVerdicts()
    for (file, _, measurement), records in judge_each(measurements):
        run = file, text(table(table(measurement.get("test_keys")).get("x_run")).get("run_id"))
        if held.records and (run != held.run or len(held.records) >= MOST_RECORDS):
            yield held
            held = RunVerdicts()
        held.run = run
        held.add(records, measurement)
    if held.records:
        yield held
