"""Measure shutdowns on unkind worlds: the false ones while users come and leave, and the true ones that are found."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from probe.analysis.compare.axes import Question
from probe.analysis.compare.over_time.event import SHUTDOWN
from probe.analysis.compare.over_time.events import events
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.verdicts.verdict_row import VerdictRow
from probe.lab.synth.plan import COUNTRIES, DAYS, Plan, draw_plan
from probe.lab.synth.users import population
from tests.support.measurements.verdict_rows import PLAIN
from tests.worlds.claim import Claim
from tests.worlds.unkind import UNKIND

MEASUREMENTS, SEEDS = 100_000, range(1, 13)
A_YEAR = 0.1  # false shutdowns promised for each country


@dataclass
class Shutdowns:
    """Count shutdowns. A true one is found with its country and its first day."""

    true: int = 0
    found: int = 0
    false: int = 0
    worlds: int = 0

    @property
    def years(self) -> float:
        return self.worlds * len(COUNTRIES) * DAYS / 365


def score(seeds: Iterable[int], measurements: int = MEASUREMENTS) -> Shutdowns:
    """Find the shutdowns of several worlds, and compare them with the truth."""
    total = Shutdowns()
    for seed in seeds:
        plan = draw_plan(seed, UNKIND.keys)
        true = {(country, min(days).isoformat()) for country, days in plan.shutdowns.items()}
        all_events = events(VerdictTable.of_rows(runs(plan, seed, measurements)), Question())
        found = [(event.cc, event.onset) for event in all_events if event.kind == SHUTDOWN]
        right = len(true.intersection(found))
        total = Shutdowns(
            total.true + len(true), total.found + right, total.false + len(found) - right, total.worlds + 1
        )
    return total


def runs(plan: Plan, seed: int, measurements: int) -> Iterator[VerdictRow]:
    """Yield one row for each run, since shutdowns are found in the runs alone. Users are those of the world."""
    assert UNKIND.keys.users is not None
    for user in population(measurements, seed, plan, UNKIND.keys.users):
        for run in user.runs:
            yield replace(
                PLAIN,
                line_hash=run.run_id,
                run_id=run.run_id,
                day=run.day.isoformat(),
                measurement_start_time=f"{run.day}T12:00:00Z",
                probe_cc=user.network.country,
                probe_asn=user.network.asn,
            )


def claims(seeds: Sequence[int] = SEEDS) -> Iterator[Claim]:
    found = score(seeds)
    rate = found.false / found.years
    yield Claim(
        f"`probe events`: shutdowns while users come and leave, {len(seeds)} worlds",
        f"at most {A_YEAR} false a year and country",
        f"{rate:.3f} ({found.false} in {found.years:.0f} years)",
        f"found: {found.found} of {found.true}",
        rate <= A_YEAR,
    )
