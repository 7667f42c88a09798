"""Describe a cell as it is now: its state in the newest days, since when, and on how many of its networks."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import NamedTuple

from probe.analysis.compare.contributors import Source, contributors, enough, failing_networks, sources_in
from probe.analysis.compare.units import DOWN, FAILING, STATES, WORKING, Unit, by_state, measured
from probe.analysis.statistics.cusum import interference
from probe.analysis.statistics.shares import wilson

NOW = 14  # days, the newest ones of a cell
STREAK = 3  # last days in a row that make a change, if they have LEAST runs, and least days of the other way before
LEAST = 5  # runs are needed for a statement about a vantage point


class NetworkNow(NamedTuple):
    """Hold one network. `found` is its state in the newest days, None if they have no run. `n` counts all runs."""

    n: int
    found: str | None
    since: str | None
    runs: Counter[str]
    days: tuple[int, int]  # of the newest days, those that fail and those that fail or work
    sources: list[Source]  # of the newest days, or of all days since the network began to fail


@dataclass(frozen=True)
class Current:
    """Hold the state of a cell in its newest days, from `first` to `last`.

    - `runs` counts these days' runs by state. `failing` of the `networks` that measured fail.
    - `network_states` counts these networks by state.
    - `since` is the first day of the state, None if no change was seen.
    - `low` and `high` are the interval of 95 % for the share of network-days that fail.
    - `contributors` made the failing runs of these networks, at least. `enough` is True if they are enough to accuse a
      country.
    """

    state: str
    first: str
    last: str
    since: str | None
    runs: dict[str, int]
    networks: int
    failing: int
    days: int
    failing_days: int
    low: float
    high: float
    contributors: int
    enough: bool
    network_states: dict[str, int] = field(default_factory=dict)


def describe(
    units: Sequence[Unit], *, country: bool = False
) -> tuple[Current | None, dict[tuple[str, str], NetworkNow]]:
    """Return the state of a cell and of each of its networks. The cell's is None without a run.

    A cell that is about a country fails only by enough contributors, or by most of its networks.
    """
    if not units:
        return None, {}
    first, last = _newest(units)
    by_network: dict[tuple[str, str], list[Unit]] = defaultdict(list)
    for unit in units:
        by_network[unit.network].append(unit)
    networks = {name: _network(own, first) for name, own in by_network.items()}
    known = [network for network in networks.values() if network.found is not None]
    return _cell(known, first, last, country=country), networks


def newest_start(last: str) -> str:
    """Return the first of the NOW days that end with a day. A text that is no day is returned."""
    try:
        return (date.fromisoformat(last) - timedelta(days=NOW - 1)).isoformat()
    except ValueError:
        return last


def _newest(units: Sequence[Unit]) -> tuple[str, str]:
    """Return the first and the last of the newest NOW days, or of more days if they have fewer than LEAST runs."""
    runs: Counter[str] = Counter()
    for unit in units:
        runs[unit.day] += sum(unit.runs)
    days, last, total = sorted(runs, reverse=True), max(runs), 0
    for day in days:
        total += runs[day]
        if total >= LEAST:
            break
    return min(day, newest_start(last)), last


def _network(units: list[Unit], first: str) -> NetworkNow:
    """Return the state of a network. A change that its days show moves the begin of the newest days.

    The network fails if most of its sources fail in these days, each with the same weight.
    """
    states: dict[str, Counter[str]] = defaultdict(Counter)
    votes: dict[str, Counter[bool | None]] = defaultdict(Counter)
    for unit in units:
        states[unit.day] += by_state([unit])
        votes[unit.day][unit.fails] += 1
    outcomes = {day: _majority(votes[day]) for day in sorted(states)}
    changed, lasts = _last_change(outcomes)
    newest = [day for day in outcomes if day >= max(first, changed or "")]
    streak = _streak(newest, outcomes)
    if len(streak) >= STREAK and sum(states[day].total() for day in streak) >= LEAST:
        changed, lasts, newest = streak[0], outcomes[streak[0]] is True, streak
    runs = sum((states[day] for day in newest), Counter[str]())
    bad, good = (sum(outcomes[day] is kind for day in newest) for kind in (True, False))
    everything = sum(counts.total() for counts in states.values())
    sources = sources_in(measured(unit for unit in units if unit.day in newest))
    failing = bool(failing_networks(sources))
    since = changed if lasts == failing else None
    if failing and lasts:  # contributors of the whole time have seen what is so now
        sources = sources_in(measured(unit for unit in units if unit.day >= (changed or "")))
    return NetworkNow(everything, state_of(runs, failing), since, runs, (bad, bad + good), sources)


def _majority(votes: Counter[bool | None]) -> bool | None:
    """Return what most sources of a day found, each once. A tie accuses nothing."""
    return votes[True] > votes[False] if votes[True] or votes[False] else None


def _streak(newest: list[str], outcomes: dict[str, bool | None]) -> list[str]:
    """Return the last days that all fail or all work, if most days before ended in the other way. Else no day."""
    known = [day for day in newest if outcomes[day] is not None]
    start = next((n + 1 for n in range(len(known) - 1, -1, -1) if outcomes[known[n]] != outcomes[known[-1]]), 0)
    other = sum(outcomes[day] != outcomes[known[-1]] for day in known[:start])
    return known[start:] if other >= STREAK and 2 * other > start else []


def _last_change(outcomes: dict[str, bool | None]) -> tuple[str | None, bool]:
    """Return the day of the last change, None if it is not known, and True if the network fails since then."""
    days = list(outcomes)
    changes = interference([(int(outcomes[day] is True), int(outcomes[day] is False)) for day in days])
    if not changes:
        return None, False
    lasts = changes[-1].end is None
    edge = changes[-1].onset if lasts else changes[-1].end
    return (None if edge is None else days[edge]), lasts


def state_of(runs: Counter[str], failing: bool) -> str | None:
    """Return the most frequent state among those that fail, or among the others. None without a run."""
    wanted = [state for state in STATES if (state in FAILING) == failing and runs[state]] or [*filter(runs.get, STATES)]
    return max(wanted, key=lambda state: (runs[state], -STATES.index(state))) if wanted else None


def _cell(networks: Iterable[NetworkNow], first: str, last: str, *, country: bool) -> Current:
    known = list(networks)
    failing = [network for network in known if network.found in FAILING]
    accusing = [source for network in failing for source in network.sources if source.fails]
    heard = 2 * len(failing) >= len(known) or any(network.runs.total() >= LEAST for network in failing)
    if country:
        heard = heard and (enough(accusing) or 2 * len(failing) > len(known))
    shown = failing if failing and heard else [network for network in known if network not in failing]
    runs = sum((network.runs for network in known), Counter[str]())
    bad, days = (sum(network.days[place] for network in known) for place in (0, 1))
    state = state_of(sum((network.runs for network in shown), Counter[str]()), shown is failing) or DOWN
    changes = [network.since for network in shown if network.since]
    since = (min if shown is failing else max)(
        changes, default=None
    )  # the first network that fails, the last that works
    ordered = {state: runs[state] for state in STATES if runs[state]}
    return Current(
        state,
        first,
        last,
        since,
        ordered,
        len(known),
        len(failing),
        days,
        bad,
        *wilson(bad, days),
        contributors(accusing),
        enough(accusing),
        {state: n for state in STATES if (n := sum(network.found == state for network in known))},
    )


def kind_of(state: str) -> tuple[str, ...]:
    """Return the states that are counted together with a state: those that fail, those that work, or `down`."""
    return next((kind for kind in (FAILING, WORKING) if state in kind), (state,))
