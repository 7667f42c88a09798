"""Collect what the measurements of a run say about their targets."""

from collections.abc import Iterable, Mapping
from typing import Any

Targets = Mapping[str, Mapping[str, Any]]  # name of a target, and what a measurement's `x_target` says about it


def targets_of(measurements: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Return `x_target` of each measurement, by the target's name, with the services of all its measurements."""
    keys = [one for measurement in measurements if isinstance(one := measurement.get("test_keys"), dict)]
    found: dict[str, Mapping[str, Any]] = {}
    for test_keys in keys:
        if isinstance(target := test_keys.get("x_target"), dict):
            name = str(target.get("name"))
            found[name] = with_services(found.get(name), target)
    return found


def with_services(earlier: Mapping[str, Any] | None, target: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return `x_target` with the services of an earlier measurement of the target added."""
    known, services = (earlier or {}).get("services"), target.get("services")
    if not isinstance(known, dict) or not isinstance(services, dict):
        return target
    return {**target, "services": {**known, **services}}
