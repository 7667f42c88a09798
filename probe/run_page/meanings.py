"""Say what the state of an app means for the person, how sure it is, and which needs are met."""

from collections.abc import Mapping

from probe.analysis.run_result.app_words import (
    CALLS,
    CERTAINTIES,
    calls_of_app,
    is_slowed,
    state_of_calls,
    untestable_calls,
    works_badly,
)
from probe.analysis.run_result.headline_parts import is_address
from probe.analysis.verdicts.apps import AppVerdict
from probe.messages import mark, tr
from probe.targets.needs import NEEDS

MEANINGS = {
    "blocked": mark("This app does not work on this network, because its connections are interfered with."),
    "likely_blocked": mark("This app does not work on this network. A later run can show more."),
    "degraded": mark("Some functions of this app do not work on this network, because they are interfered with."),
    "impaired": mark("This app did not work during this run, and the cause is unknown. Run it again."),
    "down": mark("This app failed outside this network too. Wait until its servers work again."),
    "insufficient": mark("Nothing can be said about this app, because it was not tested. Run it again."),
    "ok": mark("You can use this app on this network."),
}
ADDRESS_MEANINGS = {
    "blocked": mark("This address does not open on this network, because its connections are interfered with."),
    "likely_blocked": mark("This address does not open on this network. A later run can show more."),
    "degraded": mark("This address does not always open on this network, because it is interfered with."),
    "impaired": mark("This address did not open during this run, and the cause is unknown. Run it again."),
    "down": mark("This address failed outside this network too. Wait until its server works again."),
    "insufficient": mark("Nothing can be said about this address, because it was not tested. Run it again."),
    "ok": mark("You can open this address on this network."),
}
SLOWED = mark("Pages load slowly on this network, because they are slowed down.")
CUT_OFF = mark("You can use it on this network, but its connections are broken off after some time.")
NO_MEANING = mark("Nothing can be said, because the measurement cannot be used.")
NEED_STATES = {
    "messages": mark("Messages: {state}"),
    "pages": mark("Pages: {state}"),
    "calls": mark("Calls: {state}"),
    "names": mark("Looking up names: {state}"),
    "media": mark("Pictures and files: {state}"),
    "sign_in": mark("Signing in: {state}"),
    "browser": mark("In a browser: {state}"),
}
CERTAINTY_REASONS = {
    "certain": mark("The evidence is clear."),
    "likely": mark("It rests on repeated attempts or on connections alone."),
    "unclear": mark("The evidence is not enough."),
}


def meaning_of(app: AppVerdict) -> str:
    """Return the sentence for the person about the state of an app or a web address."""
    if works_badly(app):
        return tr(SLOWED) if is_slowed(app) else tr(CUT_OFF)
    meanings = ADDRESS_MEANINGS if is_address(app) else MEANINGS
    return tr(meanings.get(app["state"] or "", NO_MEANING))


def needs_of_app(app: AppVerdict) -> list[dict[str, str]]:
    """Return the state of each need that was tested, with its sentence, and of calls that are not testable."""
    needs: Mapping[str, str] = app["needs"]
    tested = [
        {"state": needs[need], "sentence": tr(NEED_STATES[need], state=_word(app, need))}
        for need in NEEDS
        if need in needs and (need != "calls" or state_of_calls(app) is not None)
    ]
    untestable = untestable_calls(app["app"]) if app["valid"] else None
    return [*tested, *([{"state": "insufficient", "sentence": untestable}] if untestable else [])]


def _word(app: AppVerdict, need: str) -> str:
    state = app["needs"][need]
    return calls_of_app(app) if need == "calls" else tr(CALLS[state])


def certainty_of(app: AppVerdict) -> str:
    """Return how sure the state is, and why, or "" without a state."""
    if not app["valid"]:
        return ""
    certainty = app["certainty"]
    reason = tr(CERTAINTY_REASONS[certainty])
    return tr("How sure: {certainty}. {reason}", certainty=tr(CERTAINTIES[certainty]), reason=reason)
