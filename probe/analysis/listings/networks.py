"""Count what runs in a country found about an app, to stand beside its listing in the store of that country."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from probe.analysis.run_result.runs import runs_in
from probe.analysis.verdicts.apps import AppVerdict, judge_apps
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
