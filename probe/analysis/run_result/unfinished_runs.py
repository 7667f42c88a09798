"""Say what is missing of a run that did not come to its end, and which changes only that explains."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from probe.analysis.observations.lenient_json import flag, table
from probe.analysis.run_result.app_words import AppState, worst_first
from probe.messages import listed, mark, printable, tr
from probe.targets.titles import shown_title

Ending = Literal["", "out_of_time", "interrupted", "not_closed"]
"""Why a run did not come to its end, "" for one that did. The last one that applies is told."""

ENDINGS: tuple[Ending, ...] = ("", "out_of_time", "interrupted", "not_closed")
SENTENCES: dict[Ending, str] = {
    "out_of_time": mark("The time limit ended this run, so a part of it is missing."),
    "interrupted": mark("This run was stopped before its end, so a part of it is missing."),
    "not_closed": mark("This run is still going on, or its end was cut off, so a part of it is missing."),
}
MOST_NAMES = 20
UNTESTED = "insufficient"


def ending_of(measurement: Mapping[str, Any]) -> Ending:
    """Return why the run of a measurement ended early, as far as the measurement says."""
    run = table(table(measurement.get("test_keys")).get("x_run"))
    return "out_of_time" if flag(run.get("out_of_time")) else "interrupted" if flag(run.get("interrupted")) else ""


def later(one: Ending, other: Ending) -> Ending:
    """Return which of two endings is told about a run."""
    return max(one, other, key=ENDINGS.index)


def missing_of(ending: Ending, apps: Sequence[AppState], most: int = MOST_NAMES) -> str:
    """Return the sentence that begins every view of an unfinished run, "" if nothing is missing.

    It names no more than `most` apps.
    """
    untested = [app for app in worst_first(apps) if app["valid"] and UNTESTED in {app["state"], *app["needs"].values()}]
    if not ending or (ending == "out_of_time" and not untested):
        return ""
    if not untested or not most:
        return tr(SENTENCES[ending])
    names = [printable(shown_title(app["title"])) for app in untested]
    shown = listed([*names[:most], "…"] if len(names) > most else names)
    missing = tr("Not tested to their end: {names}.", names=shown)
    return f"{tr(SENTENCES[ending])} {missing}"


def is_explained_by_missing_tests(one: AppState | None, other: AppState | None, endings: Sequence[Ending]) -> bool:
    """Return whether only what one of two runs did not test explains that an app has another state in it.

    `endings` are those of the two runs. An app that is not in an unfinished run may be missing for that reason.
    """
    if UNTESTED in {app["state"] for app in (one, other) if app is not None}:
        return True
    if one is None or other is None:
        return bool(endings[0] if one is None else endings[1])
    pairs = ({one["needs"].get(need), other["needs"].get(need)} for need in {**one["needs"], **other["needs"]})
    return any(UNTESTED in pair and pair - {UNTESTED, "ok", None} for pair in pairs)
