"""Compare two runs: the apps that have another state in the second one, or other calls."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from probe.analysis.run_result.app_words import NO_CALLS, SEVERITY, calls_of_app, state_of_app
from probe.analysis.run_result.run_sentences import latest_rounds
from probe.analysis.run_result.runs import RunVerdicts
from probe.analysis.run_result.unfinished_runs import is_explained_by_missing_tests, missing_of
from probe.analysis.verdicts.app_verdicts import AppVerdict, judge_apps
from probe.messages import listed, mark, tr
from probe.targets.titles import shown_title

NO_STATE = "invalid"  # style of an app without a state
CHANGED = mark("These apps have another state:")
SAME = mark("All apps that were compared have the same state in both runs.")
NOTHING_COMPARED = mark("No app was tested in both runs, so nothing was compared.")
CAUTION = mark("One difference between two runs can be chance. Measure again to be sure.")
NETWORKS = mark("The runs were made on different networks. The difference can come from that.")
FIRST, SECOND = mark("First run"), mark("Second run")


class StateChange(NamedTuple):
    """Hold an app with its states in two runs, as styles and as words."""

    title: str
    before: tuple[str, str]
    after: tuple[str, str]


def differences(before: RunVerdicts, after: RunVerdicts) -> list[StateChange]:
    """Return the apps that have another state or other calls, the worst of the second run first.

    An app of which one of the runs did not test enough is left out, because only that may explain the difference. So is
    an app that one of the runs does not have.
    """
    changed = [each for each in _compared(before, after) if each.before != each.after]
    return sorted(changed, key=lambda change: (_rank(change.after), _rank(change.before), change.title.casefold()))


def no_differences(before: RunVerdicts, after: RunVerdicts) -> str:
    """Return the sentence about two runs without differences."""
    return tr(SAME) if _compared(before, after) else tr(NOTHING_COMPARED)


def _compared(before: RunVerdicts, after: RunVerdicts) -> list[StateChange]:
    """Return the apps that are in both runs, with their states, apart from those that cannot be compared."""
    earlier, later = _apps(before), _apps(after)
    left_out = _not_compared(before, after)
    return [_change(earlier[name], app) for name, app in later.items() if name in earlier and name not in left_out]


def missing(before: RunVerdicts, after: RunVerdicts) -> list[str]:
    """Return what is missing of two runs, and which apps are not compared for this reason or are in one run only."""
    runs = ((FIRST, before), (SECOND, after))
    found = [(name, missing_of(run.ending, list(_apps(run).values()))) for name, run in runs]
    sentences = [f"{tr(name)}: {sentence}" for name, sentence in found if sentence]
    if titles := _not_compared(before, after):
        left_out = listed(titles.values())
        sentences.append(tr("Not compared, because one run did not test enough of them: {names}.", names=left_out))
    return [*sentences, *_only_in_one(before, after)]


def _only_in_one(before: RunVerdicts, after: RunVerdicts) -> list[str]:
    """Return a sentence for each run that has apps which the other run did not have to test."""
    earlier, later, left_out = _apps(before), _apps(after), _not_compared(before, after)
    first, second = (
        listed(sorted(shown_title(app["title"]) for name, app in some.items() if name not in {*others, *left_out}))
        for some, others in ((earlier, later), (later, earlier))
    )
    return [
        *([tr("Tested in the first run only: {names}.", names=first)] if first else []),
        *([tr("Tested in the second run only: {names}.", names=second)] if second else []),
    ]


def are_on_other_networks(before: RunVerdicts, after: RunVerdicts) -> bool:
    """Return whether country or network of the two runs differ."""
    return _network(before.records) != _network(after.records)


def _not_compared(before: RunVerdicts, after: RunVerdicts) -> dict[str, str]:
    """Return names and titles of the apps that cannot be compared, because one of the runs did not test enough."""
    earlier, later = _apps(before), _apps(after)
    return {
        name: shown_title(app["title"])
        for name, app in {**later, **earlier}.items()
        if is_explained_by_missing_tests(earlier.get(name), later.get(name), (before.ending, after.ending))
    }


def _apps(run: RunVerdicts) -> dict[str, AppVerdict]:
    return {app["app"]: app for app in latest_rounds(judge_apps(run.records, run.targets))}


def _change(before: AppVerdict, after: AppVerdict) -> StateChange:
    """Return the states of an app. Its calls are named if they alone make the difference."""
    title = shown_title(after["title"])
    change = StateChange(title, _state(before), _state(after))
    if change.before != change.after:
        return change
    return StateChange(title, _with_calls(before, change.before), _with_calls(after, change.after))


def _state(app: AppVerdict) -> tuple[str, str]:
    return app["state"] or NO_STATE, state_of_app(app)


def _with_calls(app: AppVerdict, state: tuple[str, str]) -> tuple[str, str]:
    calls = calls_of_app(app)
    return state if calls == NO_CALLS else (state[0], f"{state[1]} ({tr('Calls')}: {calls})")


def _rank(state: tuple[str, str]) -> int:
    return SEVERITY.get(state[0], len(SEVERITY))


def _network(records: list[dict[str, Any]]) -> tuple[object, object]:
    first: Mapping[str, Any] = records[0] if records else {}
    return first.get("probe_cc"), first.get("probe_asn")
