"""Choose one app or service of a run by its name or title."""

from collections.abc import Iterator
from typing import Any

from probe.analysis.observations.lenient_json import table, text
from probe.cli.screen import UsageError
from probe.messages import listed, tr
from probe.targets.titles import shown_title

Measurements = Iterator[tuple[str, int, dict[str, Any]]]
MOST_NAMED = 20  # apps in the sentence about an unknown one


def of_app(measurements: Measurements, wanted: str) -> Measurements:
    """Yield the measurements of an app, or of the app that has the service `telegram/web`. Raises UsageError (2)."""
    names: dict[str, None] = {}
    found = False
    for file, number, measurement in measurements:
        target = table(table(measurement.get("test_keys")).get("x_target"))
        name = text(target.get("name")) or text(measurement.get("test_name"))
        names[name] = None
        app, _, role = wanted.casefold().partition("/")
        is_service = app == name.casefold() and role in table(target.get("services"))
        title = text(target.get("title"))
        if is_service or wanted.casefold() in {one.casefold() for one in (name, title, shown_title(title))}:
            found = True
            yield file, number, measurement
    if not found:
        known = listed(list(names)[:MOST_NAMED])
        raise UsageError(tr("There is no app {app} in this run. It has: {names}.", app=repr(wanted), names=known), 2)


def of_service(records: list[dict[str, Any]], wanted: str | None) -> list[dict[str, Any]]:
    """Return the records of the service `telegram/web`, or all records if `wanted` names none of their services."""
    chosen = [record for record in records if wanted is not None and record["service"] == wanted.casefold()]
    return chosen or records
