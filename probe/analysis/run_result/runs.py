"""Collect the verdicts of each run of a results file."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from probe.analysis.observations.lenient_json import table, text
from probe.analysis.run_result.figure_sentences import MadeCall, calls_of
from probe.analysis.run_result.run_targets import targets_of, with_services
from probe.analysis.run_result.unfinished_runs import Ending, ending_of, later
from probe.analysis.verdicts.network_regimes import RegimeVerdict, judge_regime
from probe.analysis.verdicts.run_network import RunNetwork
from probe.analysis.verdicts.verdicts import Located, judge_each
from probe.formats.origin import REAL, Origin, origin_of

MOST_RECORDS = 2000  # verdicts that are held for one screen. A run has about 60.


@dataclass
class RunVerdicts:
    """Hold the verdict records of one run, and what its measurements say about targets, network, calls and origin."""

    run: tuple[str, str] = ("", "")
    records: list[dict[str, Any]] = field(default_factory=list)
    targets: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    origin: Origin = REAL
    calls: dict[str, MadeCall] = field(default_factory=dict)  # to the helper, of the last round, by their protocol
    network_facts: RunNetwork = field(default_factory=RunNetwork)
    measured_ending: Ending = ""

    @property
    def ending(self) -> Ending:
        """Return why the run did not come to its end, "" if it did."""
        return "not_closed" if self.run[0].endswith(".part") else self.measured_ending

    def note(self, measurement: dict[str, Any]) -> None:
        """Note what a measurement says about the network and the end of the run."""
        self.network_facts.add(measurement)
        self.measured_ending = later(self.measured_ending, ending_of(measurement))

    def add(self, records: list[dict[str, Any]], measurement: dict[str, Any]) -> None:
        self.records += records
        self.note(measurement)
        for name, target in targets_of([measurement]).items():
            self.targets[name] = with_services(self.targets.get(name), target)
        self.calls |= calls_of(measurement)
        self.origin = self.origin if self.origin.artificial else origin_of(measurement)

    def regime(self) -> RegimeVerdict | None:
        """Return the verdict about the network of the run, None for measurements that say nothing about it."""
        return judge_regime(self.records, self.network_facts)


Run = TypeVar("Run", bound=RunVerdicts)


def runs_in(measurements: Iterable[Located]) -> Iterator[RunVerdicts]:
    """Yield the verdicts of each run. A run with very many measurements, as in an archive, gives several parts."""
    return runs_made(RunVerdicts, measurements, MOST_RECORDS)


def runs_made(make: Callable[[], Run], measurements: Iterable[Located], most: int) -> Iterator[Run]:
    """Yield each run as an object of another class. From `most` verdicts on, the next part of a run begins."""
    held = make()
    for (file, _, measurement), records in judge_each(measurements):
        run = file, text(table(table(measurement.get("test_keys")).get("x_run")).get("run_id"))
        if held.records and (run != held.run or len(held.records) >= most):
            yield held
            held = make()
        held.run = run
        held.add(records, measurement)
    if held.records:
        yield held
