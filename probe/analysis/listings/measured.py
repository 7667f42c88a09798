"""Count what runs in each country found about apps, from a table of verdicts."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from probe.analysis.compare.axes import Question
from probe.analysis.compare.networks import Place, days_together, newest_days, of_whole_runs
from probe.analysis.compare.verdict_table import EVERYTHING, VerdictTable
from probe.analysis.engines.sql_engine import SQLiteEngine
from probe.analysis.observations.lenient_json import tables
from probe.analysis.run_result.runs import runs_in
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.analysis.verdicts.verdicts import Located

STATES = ("works", "degraded", "blocked")
_OF_APP = {"ok": "works", "degraded": "degraded", "likely_blocked": "blocked", "blocked": "blocked"}

Networks = Mapping[tuple[str, str], Mapping[str, int]]
"""Runs by state, for each country (two lower-case letters) and target."""


def networks_in(measurements: Iterable[Located]) -> Networks:
    """Return what the measurements found. Artificial ones, and apps without such a state, are left out."""
    found: dict[tuple[str, str], Counter[str]] = {}
    for run in runs_in(measurements):
        if not run.origin.artificial:
            counted(found, judge_apps(run.records, run.targets))
    return found


def counted(found: dict[tuple[str, str], Counter[str]], apps: Iterable[AppVerdict]) -> None:
    """Add app verdicts to the counts by country and target. An app without such a state is left out."""
    for app in apps:
        if (state := _OF_APP.get(str(app["state"]))) is not None:
            found.setdefault((app["probe_cc"].lower(), app["app"]), Counter())[state] += 1


def beside(networks: Networks, storefront: str, target: str) -> dict[str, Any] | None:
    """Return the runs by state in the storefront's country, None if there is none."""
    counts = networks.get((storefront, target))
    return None if counts is None else {state: counts.get(state, 0) for state in STATES}


_COLUMNS = (
    *("probe_cc", "run_id", "measurement_file", "measurement_line", "target", "service", "state", "valid"),
    *("invalid_reason", "rule_id", "mechanisms", "endpoints"),
)
_ARTIFICIAL = "CASE WHEN lab <> '' OR synthetic <> '' THEN 1 ELSE 0 END"
_BY_COUNTRY = Place(("cc",), "1 = 1", ())

Measured = dict[bool, Networks]
"""Runs by app, of real networks (False) and of artificial ones (True)."""


def networks_measured(table: VerdictTable, question: Question) -> Measured:
    """Return the runs of the newest days by state of the app, in each country. The table is filtered by the question.

    An app is judged from all of its services, also from those that the question leaves out.
    """
    days = _days(table)
    found: dict[bool, dict[tuple[str, str], Counter[str]]] = {False: {}, True: {}}
    with SQLiteEngine() as engine:
        for some in days_together(table, sorted(days)):
            for artificial, records in _records(table, question, days, some).items():
                counted(found[artificial], judge_apps(records, {}, engine))
    return {artificial: dict(networks) for artificial, networks in found.items()}


def _days(table: VerdictTable) -> dict[str, set[str]]:
    """Return the newest days, with the countries in which they count."""
    firsts = newest_days(table, _BY_COUNTRY)
    found: dict[str, set[str]] = defaultdict(set)
    for cc, day in table.select("SELECT DISTINCT probe_cc, day FROM verdicts"):
        if day >= firsts.get((cc,), "~"):
            found[day].add(cc)
    return found


def _records(
    table: VerdictTable, question: Question, wanted: dict[str, set[str]], days: Sequence[str]
) -> dict[bool, list[dict[str, Any]]]:
    condition, values = of_whole_runs(question)
    statement = (
        f"SELECT {_ARTIFICIAL}, day, {', '.join(_COLUMNS)} FROM {EVERYTHING} WHERE ({condition}) "
        f"AND day IN ({', '.join('?' * len(days))}) ORDER BY line_hash, service"
    )
    found: dict[bool, list[dict[str, Any]]] = {False: [], True: []}
    for artificial, day, *row in table.select(statement, [*values, *days]):
        record = dict(zip(_COLUMNS, row, strict=True))
        if record["probe_cc"] in wanted[day]:
            found[bool(artificial)].append(_record(record))
    return found


def _record(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the form of a verdict record, as far as apps need it."""
    return row | {
        "state": row["state"] or None,
        "valid": bool(row["valid"]),
        "mechanisms": row["mechanisms"].split(),
        "endpoints": list(_endpoints(row["endpoints"])),
    }


def _endpoints(written: str) -> Iterator[dict[str, Any]]:
    try:
        yield from tables(json.loads(written or "[]"))
    except ValueError:
        return
