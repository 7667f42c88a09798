"""Write down what is true in a synthetic world, so that verdicts, comparisons and events can be measured against it."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

from probe.lab.synth.measurements import Drawn, Templates
from probe.lab.synth.plan import FIRST_DAY, Event, Plan
from probe.lab.synth.templates import ACCUSED, ExpectedVerdict
from probe.lab.synth.users import User

ENOUGH = 5  # least measurements of a cell
FAILING = frozenset({*ACCUSED, "impaired"})

Cell = tuple[str, tuple[tuple[str, str], ...]]
Told = dict[str, Any]


class Cells:
    """Count the verdicts that the measurements of every cell must get."""

    def __init__(self) -> None:
        self._verdicts: dict[Cell, Counter[ExpectedVerdict]] = defaultdict(Counter)

    def add(self, drawn: Drawn) -> None:
        """Count one measurement, for its country and for its network."""
        network = drawn.network
        for service, verdict in drawn.verdicts().items():
            for by in ((("cc", network.country),), (("asn", network.asn), ("cc", network.country))):
                self._verdicts[service, by][verdict] += 1

    def told(self) -> list[Told]:
        """Return one object per cell: {service, by, state, share, mechanisms, n}.

        `n` counts valid and sufficient verdicts. `share` of them fail, if the state is one that fails, or else do not.
        `mechanisms` has all true ones, if the state of the cell accuses or is `insufficient`.
        """
        return [_cell(service, dict(by), verdicts) for (service, by), verdicts in sorted(self._verdicts.items())]


def _cell(service: str, by: dict[str, str], verdicts: Counter[ExpectedVerdict]) -> Told:
    states: Counter[str] = Counter()
    mechanisms: set[str] = set()
    for verdict, count in verdicts.items():
        if verdict.state is not None and verdict.state != "insufficient":
            states[verdict.state] += count
    n, failing = states.total(), sum(states[state] for state in FAILING)
    fails = failing > states["ok"]
    shown = Counter({state: count for state, count in states.items() if (state in FAILING) == fails})
    state = shown.most_common(1)[0][0] if n >= ENOUGH else "insufficient"
    for verdict in verdicts:
        if verdict.state in ACCUSED and state in {*ACCUSED, "insufficient"}:
            mechanisms.update(verdict.mechanisms)
    share = round(shown.total() / n, 3) if n else None
    return {"service": service, "by": by, "state": state, "share": share, "mechanisms": sorted(mechanisms), "n": n}


def truth_of(event: Event, templates: Templates) -> Iterator[Told]:
    """Yield the entries of an event, one for each service and mechanism. `onset` is None before the first day."""
    for target in event.targets:
        for service, mechanisms in _accused(event.scenario, target, templates):
            for mechanism in mechanisms:
                yield {
                    "service": service,
                    "networks": list(event.networks),
                    "onset": event.onset.isoformat() if event.onset > FIRST_DAY else None,
                    "end": event.end.isoformat() if event.end else None,
                    "mechanism": mechanism,
                }


def truth_of_plan(plan: Plan, templates: Templates) -> Told:
    """Return what happens to networks and countries: events, shutdowns, silent networks, and outages."""
    silent = [(network, network.silent) for network in plan.networks if network.silent]
    return {
        "events": [one for event in plan.events for one in truth_of(event, templates)],
        "shutdowns": [{"cc": country, **_period(absent)} for country, absent in plan.shutdowns.items()],
        "silent_networks": [{"cc": one.country, "asn": one.asn, **_period(absent)} for one, absent in silent],
        "service_outages": [day.isoformat() for day in sorted(plan.outages)],
        "helper_outages": [_period(absent) for absent in sorted(plan.helper_outages, key=min)],
    }


def truth_of_users(users: Iterable[User], templates: Templates) -> Iterator[str]:
    """Yield one JSON line for each user that measured."""
    for user in users:
        made = [run.run_id for day in _days_of(user) for run, _ in user.measured(day)]
        if made:
            yield json.dumps(
                {
                    "user": user.number,
                    "cc": user.network.country,
                    "asn": user.network.asn,
                    "came": user.came.isoformat(),
                    "left": user.left.isoformat() if user.left else None,
                    "clock_error": user.clock_error,
                    "filtered": dict(_filtered(user, templates)),
                    "runs": made,
                }
            )


def _days_of(user: User) -> list[date]:
    return sorted({run.day for run in user.runs})


def _filtered(user: User, templates: Templates) -> Iterator[tuple[str, list[str]]]:
    """Yield each service that the user's own filter blocks, with its mechanisms."""
    if user.filter is not None:
        for target in user.filter.targets:
            yield from _accused(user.filter.scenario, target, templates)


def _accused(scenario: str, target: str, templates: Templates) -> Iterator[tuple[str, list[str]]]:
    for service, verdict in templates[scenario, target].truth.items():
        if verdict.state in ACCUSED:
            yield service, list(verdict.mechanisms)


def _period(absent: frozenset[date]) -> dict[str, str]:
    """Return the first and the last day of a period."""
    return {"onset": min(absent).isoformat(), "last": max(absent).isoformat()}
