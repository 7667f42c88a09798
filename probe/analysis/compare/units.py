"""Count runs by network and day. These network-days are the units of states, tests and intervals."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from probe.analysis.compare.axes import AXES, ROWS
from probe.analysis.compare.contributors import DeviceDay, Kind
from probe.analysis.compare.instrument import SOFTWARE
from probe.analysis.compare.verdict_table import VerdictTable
from probe.analysis.rules.rule import State

CONNECTED, DOWN, OK = "connected", State.DOWN.value, State.OK.value
FAILING = (State.BLOCKED.value, State.LIKELY_BLOCKED.value, State.DEGRADED.value, State.IMPAIRED.value)
WORKING = (CONNECTED, OK)
STATES = (*FAILING, DOWN, *WORKING)
"""The states of measurements that count, from the gravest to the best."""

# Mechanisms that a network without working IPv6 causes. It never causes a reset that follows a name.
_BROKEN_FAMILY = ("", "tcp.timeout", "ip.unreachable", "udp.timeout")
SET_ASIDE = f"""CASE
  WHEN NOT valid THEN CASE WHEN invalid_reason = '' THEN 'invalid' ELSE invalid_reason END
  WHEN state = '' OR state = 'insufficient' THEN 'insufficient'
  WHEN state = '{State.FILTERED_LOCALLY}' THEN '{State.FILTERED_LOCALLY}'
  WHEN ipv6_broken AND state <> 'ok' AND mechanisms IN ({", ".join(f"'{name}'" for name in _BROKEN_FAMILY)})
    THEN 'ipv6_broken'
  WHEN state <> 'ok' AND EXISTS (SELECT 1 FROM suspects
    WHERE suspects.service = verdicts.service AND suspects.software = {SOFTWARE}) THEN 'instrument'
  ELSE '' END"""
# Every attempt reached the service, and none could prove that it was the right one.
_CONNECTED = "valid AND state = 'insufficient' AND attempts > 0 AND failures = 0 AND proof <> ''"
COUNTED_STATE = f"CASE WHEN {_CONNECTED} THEN '{CONNECTED}' ELSE state END"
NOT_COUNTED = f"CASE WHEN {_CONNECTED} THEN '' ELSE {SET_ASIDE} END"
RUN = "CASE WHEN run_id <> '' THEN run_id ELSE line_hash END"
"""SQL for the run of a row. Measurements without a run id are counted as different runs."""
_RANKS = " ".join(f"WHEN '{state}' THEN {rank}" for rank, state in enumerate(STATES))
_RANK = f"CASE {COUNTED_STATE} {_RANKS} END"
_DOWN, _WORKS = STATES.index(DOWN), STATES.index(CONNECTED)
# A run fails if at least as many of its measurements fail as work.
_OF_RUN = f"CASE WHEN failing > 0 AND failing >= working THEN worst WHEN working > 0 THEN best ELSE {_DOWN} END"


# OONI's app has another name for the runs that it begins by itself, on the same device: `softwareName` of the run type
# `autorun` in org/ooni/engine/Engine.kt of OONI's app for several platforms, read on 2026-12-01.
DEVICE = ("REPLACE(software_name, '-unattended', '') || ' ' || platform", "software_version", "probe_id")
"""SQL for the kind of a device, and for OONI's pseudonym of the device."""


class Unit(NamedTuple):
    """Hold one network on one day, as measured by one kind of device. `runs` counts its runs in order of STATES.

    `probe_id` is the pseudonym of a single device, or "".
    """

    cc: str
    asn: str
    day: str
    kind: Kind
    probe_id: str
    runs: tuple[int, ...]

    @property
    def network(self) -> tuple[str, str]:
        return self.cc, self.asn

    @property
    def fails(self) -> bool | None:
        """Return True if more runs fail than work, None if none of them does either."""
        return fails(by_state([self]))


Units = dict[tuple[str, ...], dict[str, list[Unit]]]  # by vantage point and service


def select_units(
    table: VerdictTable, row: str, axes: Sequence[str], condition: str = "1 = 1", values: Sequence[str] = ()
) -> Units:
    """Return the units of every vantage point and service among the rows that meet the condition.

    Units have a country and a network. So one reading of the rows serves vantage points with and without these axes.
    """
    others = tuple(axis for axis in axes if axis not in ("cc", "asn"))
    key = "units", row, others, condition, *values
    found: Units = defaultdict(lambda: defaultdict(list))
    for service, named, unit in table.kept(key, lambda: _read_units(table, row, others, condition, values)):
        known = dict(zip(others, named, strict=True)) | {"cc": unit.cc, "asn": unit.asn}
        found[tuple(known[axis] for axis in axes)][service].append(unit)
    return found


_Named = tuple[str, tuple[str, ...], Unit]  # service, values of the other axes, and the unit


def _read_units(
    table: VerdictTable, row: str, axes: Sequence[str], condition: str, values: Sequence[str]
) -> list[_Named]:
    keys = [ROWS[row], *(AXES[axis] for axis in axes), "probe_cc", "probe_asn", "day", *DEVICE]
    found = list[_Named]()
    for service, *rest in sorted(table.select(sql_of_runs(keys, condition), values)):  # sums of fractions need an order
        named, (cc, asn, day, program, version, probe_id, *runs) = tuple(rest[: len(axes)]), rest[len(axes) :]
        found.append((service, named, Unit(cc, asn, day, (program, version), probe_id, tuple(runs))))
    return found


def sql_of_runs(keys: Sequence[str], condition: str = "1 = 1", source: str = "verdicts") -> str:
    """Return SQL for the values of the keys, with the number of runs in each of STATES. `source` has the verdicts."""
    names = [f"key{number}" for number in range(len(keys))]
    listed = ", ".join(f"{key} AS {name}" for key, name in zip(keys, names, strict=True))
    counts = ", ".join(f"SUM(CASE WHEN found = {rank} THEN 1 ELSE 0 END)" for rank in range(len(STATES)))
    return f"""
SELECT {", ".join(names)}, {counts} FROM (
  SELECT {", ".join(names)}, {_OF_RUN} AS found FROM (
    SELECT {", ".join(names)}, run, MIN(state_rank) AS worst, MAX(state_rank) AS best,
      SUM(CASE WHEN state_rank < {_DOWN} THEN 1 ELSE 0 END) AS failing,
      SUM(CASE WHEN state_rank >= {_WORKS} THEN 1 ELSE 0 END) AS working
    FROM (
      SELECT {listed}, {RUN} AS run, {_RANK} AS state_rank FROM {source} WHERE ({condition}) AND {NOT_COUNTED} = ''
    ) AS counted GROUP BY {", ".join(names)}, run
  ) AS run_rows
) AS found_rows GROUP BY {", ".join(names)}"""


def measured(units: Iterable[Unit]) -> list[DeviceDay]:
    """Return what the units found, without those that neither fail nor work."""
    outcomes = ((unit, unit.fails) for unit in units)
    return [
        DeviceDay(unit.network, unit.kind, unit.probe_id, unit.day, outcome)
        for unit, outcome in outcomes
        if outcome is not None
    ]


def by_state(units: Iterable[Unit]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for unit in units:
        for state, n in zip(STATES, unit.runs, strict=True):
            if n:
                counts[state] += n
    return counts


def fails(states: Counter[str]) -> bool | None:
    """Return True if more runs fail than work, None if none of them does either. A tie accuses nothing."""
    failing, working = (sum(states[state] for state in kind) for kind in (FAILING, WORKING))
    return failing > working if failing or working else None
