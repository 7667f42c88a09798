"""Compare two runs: the apps that have another state in the second one."""

from typing import NamedTuple

from probe.analysis.run_result.app_words import SEVERITY, state_of_app
from probe.analysis.run_result.run_sentences import latest_rounds
from probe.analysis.verdicts.apps import AppVerdict, judge_apps
from probe.messages import tr
from probe.run_page.run_facts import RunFacts
from probe.targets.titles import shown_title

NO_STATE = "invalid"  # style of an app without a state


class Change(NamedTuple):
    """Hold an app with its states in two runs, as styles and as words."""

    title: str
    before: tuple[str, str]
    after: tuple[str, str]


def differences(before: RunFacts, after: RunFacts) -> list[Change]:
    """Return the apps that have another state, the worst of the second run first."""
    earlier, later = _apps(before), _apps(after)
    changed = [name for name in {**later, **earlier} if _state(earlier.get(name)) != _state(later.get(name))]
    titles = {name: shown_title(app["title"]) for name, app in {**earlier, **later}.items()}
    found = [Change(titles[name], _state(earlier.get(name)), _state(later.get(name))) for name in changed]
    return sorted(found, key=lambda change: (_rank(change.after), _rank(change.before), change.title.casefold()))


def _apps(run: RunFacts) -> dict[str, AppVerdict]:
    return {app["app"]: app for app in latest_rounds(judge_apps(run.records, run.targets))}


def _state(app: AppVerdict | None) -> tuple[str, str]:
    if app is None:
        return NO_STATE, tr("not in this run")
    return app["state"] or NO_STATE, state_of_app(app)


def _rank(state: tuple[str, str]) -> int:
    return SEVERITY.get(state[0], len(SEVERITY))
