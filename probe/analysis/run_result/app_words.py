"""Name the states of apps and of their calls, in the words of the screen and the page."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, TypeVar, cast

from probe.messages import mark, tr

if TYPE_CHECKING:
    from probe.analysis.verdicts.app_verdicts import AppVerdict

STATES = {
    "blocked": mark("BLOCKED"),
    "likely_blocked": mark("LIKELY BLOCKED"),
    "degraded": mark("PARTLY BLOCKED"),
    "filtered_locally": mark("FILTERED LOCALLY"),
    "impaired": mark("UNCLEAR"),
    "down": mark("DOWN"),
    "insufficient": mark("NOT TESTED"),
    "ok": mark("WORKS"),
}
BADLY = mark("WORKS BADLY")  # pages are slowed down or connections break off, and nothing is blocked
PARTLY_TESTED = mark("PARTLY TESTED")  # something works, and what the app is needed for most was not tested to its end
INVALID = mark("NO RESULT")
CALLS = {
    "blocked": mark("blocked"),
    "likely_blocked": mark("likely blocked"),
    "degraded": mark("in part"),
    "filtered_locally": mark("filtered locally"),
    "impaired": mark("unclear"),
    "down": mark("down"),
    "insufficient": mark("not tested"),
    "ok": mark("work"),
    "app_blocked": mark("no (app blocked)"),
    "app_likely_blocked": mark("probably no (app)"),
    "untestable": mark("cannot be tested"),
}
"""The words for calls, by the state of the calls, or by what stands in their way."""
NO_CALLS = "-"
BAD_CALLS = mark("bad")  # call packets are lost, late or slow
BAD_UDP = frozenset({"service_udp_slow", "service_datagram_flows_freeze"})
"""The rules about call packets that are lost or stop like all other packets over UDP."""
CERTAINTIES = {"certain": mark("certain"), "likely": mark("likely"), "unclear": mark("unclear")}
UNTESTABLE_CALLS = {
    "wechat": mark("Calls over WeChat are not testable, because no server for them is documented."),
}
"""Apps that have calls of which nothing can be tested, by the name of their target."""

CALLING = frozenset({"facebook", "signal", "teams", "telegram", "whatsapp"})
"""Apps of which calls are measured, by the name of their target. A test compares this with the target files."""
_CALLS_FAIL = frozenset({"blocked", "likely_blocked", "down", "filtered_locally"})

BY_USERS = (
    *("whatsapp", "facebook", "telegram", "wechat", "gmail", "snapchat", "x", "teams", "signal", "skype"),
    *("google_play", "apple_store", "mail"),
)
"""The order of apps in lists: those first that probably more people use. It is our choice, and no statistic."""
BASICS = frozenset({"dtls", "ech", "push", "resolvers", "sip", "stun", "turn"})
"""Targets that are no apps, by their names: resolvers, push servers, servers for calls of any app, test servers."""

PAGES = {"tls", "http", "quic"}  # protocols of pages, the first words of mechanisms
SEVERITY = {state: place for place, state in enumerate(STATES)}


class AppState(TypedDict):
    """Hold the part of an app verdict that the first line of a result needs."""

    app: str
    title: str
    state: str | None
    valid: bool
    needs: dict[str, str]
    mechanisms: list[str]


App = TypeVar("App", bound=AppState)


def state_of_app(app: AppState) -> str:
    """Return the word for an app's state. An app of an invalid run has none."""
    if works_badly(app):
        return tr(BADLY)
    if app["state"] == "insufficient" and _is_begun(app):
        return tr(PARTLY_TESTED)
    return tr(STATES[app["state"]]) if app["state"] in STATES else tr(INVALID)


def _is_begun(app: AppState) -> bool:
    """Return whether a service of the app works. The summary of a run has no services, and then its needs count."""
    services = cast("AppVerdict", app).get("services", [])
    return "ok" in {*app["needs"].values(), *(service["state"] for service in services)}


def works_badly(app: AppState) -> bool:
    """Return whether pages of an app are slowed down or connections break off, and nothing else is interfered with."""
    named = app["mechanisms"]
    return app["state"] == "degraded" and bool(named) and all(_is_slow(name) or _is_cut_off(name) for name in named)


def is_slowed(app: AppState) -> bool:
    """Return whether pages of an app are slowed down, and nothing else is interfered with."""
    return works_badly(app) and not any(map(_is_cut_off, app["mechanisms"]))


def _is_slow(mechanism: str) -> bool:
    parts = mechanism.split(".")
    return parts[0] in PAGES and "throttle" in parts


def _is_cut_off(mechanism: str) -> bool:
    return mechanism.startswith("flow.cutoff")


def state_of_calls(app: AppState) -> str | None:
    """Return the key of CALLS for an app, None if it has no calls, or none that are known.

    A call begins with messages to the app's servers. So where messages fail, relays that answer do not say that calls
    work.
    """
    state = app["needs"].get("calls")
    if state is None:
        known = "untestable" if app["app"] in UNTESTABLE_CALLS else "insufficient" if app["app"] in CALLING else None
        return None if known is None or not app["valid"] else _stopped_by_app(app) or known
    if state in _CALLS_FAIL:
        return state
    stopped = _stopped_by_app(app)
    return stopped or (_before_calls(app) if state in {"ok", "degraded"} else None) or state


def _stopped_by_app(app: AppState) -> str | None:
    """Return the key of CALLS for an app that is blocked, or whose messages are."""
    state = _before_calls(app) or app["state"]
    return f"app_{state}" if state in {"blocked", "likely_blocked"} else None


def _before_calls(app: AppState) -> str | None:
    """Return the state of the messages without which no call begins, None if they work or the app has none."""
    state = app["needs"].get("messages")
    return None if state in {"ok", "degraded"} else state


def are_calls_bad(app: AppState) -> bool:
    """Return whether calls are possible, and their packets are lost, late or slow."""
    return app["needs"].get("calls") == "degraded" and any(name.startswith("media.") for name in app["mechanisms"])


def calls_of_app(app: "AppVerdict") -> str:
    """Return the word for the calls of an app, a dash if it has none."""
    state = state_of_calls(app)
    bad = state == "ok" and any(service["rule_id"] in BAD_UDP for service in app["services"])
    if bad or (state == "degraded" and are_calls_bad(app)):
        return tr(BAD_CALLS)
    return tr(CALLS[state]) if state is not None else NO_CALLS


def untestable_calls(app: str) -> str | None:
    """Return the sentence about an app whose calls are not testable, None for other apps."""
    return tr(UNTESTABLE_CALLS[app]) if app in UNTESTABLE_CALLS else None


def worst_first(apps: Iterable[App]) -> list[App]:
    """Return the apps by state, the gravest first, and those with the same state in the order of BY_USERS."""
    return sorted(apps, key=lambda app: (SEVERITY.get(app["state"] or "", -1), *place_of(app)))


def place_of(app: AppState) -> tuple[int, str]:
    """Return the place of an app in lists: in the order of BY_USERS, then others by title."""
    name = app["app"]
    return BY_USERS.index(name) if name in BY_USERS else len(BY_USERS), app["title"].casefold()


def are_basics(app: AppState) -> bool:
    """Return whether a target is no app, but servers that apps need in this network."""
    return app["app"] in BASICS


def apps_and_basics(apps: Iterable[App]) -> tuple[list[App], list[App]]:
    """Divide the targets of a run into apps and basics. Without any app, the basics are what was asked for."""
    every = list(apps)
    basics = [app for app in every if are_basics(app)]
    return ([app for app in every if not are_basics(app)], basics) if len(basics) < len(every) else (every, [])
