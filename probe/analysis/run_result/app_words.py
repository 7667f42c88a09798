"""Name the states of apps and of their calls, in the words of the screen and the page."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypedDict, TypeVar

from probe.messages import mark, tr

if TYPE_CHECKING:
    from probe.analysis.verdicts.apps import AppVerdict

STATES = {
    "blocked": mark("BLOCKED"),
    "likely_blocked": mark("LIKELY BLOCKED"),
    "degraded": mark("PARTLY BLOCKED"),
    "impaired": mark("UNCLEAR"),
    "down": mark("DOWN"),
    "insufficient": mark("NOT TESTED"),
    "ok": mark("WORKS"),
}
BADLY = mark("WORKS BADLY")  # pages are slowed down or connections break off, and nothing is blocked
INVALID = mark("NO RESULT")
CALLS = {
    "blocked": mark("blocked"),
    "likely_blocked": mark("likely blocked"),
    "degraded": mark("in part"),
    "impaired": mark("unclear"),
    "down": mark("down"),
    "insufficient": mark("not tested"),
    "ok": mark("work"),
}
BAD_CALLS = mark("bad")  # call packets are lost, late or slow
BAD_UDP = frozenset({"service_udp_slow", "service_datagram_flows_freeze"})
"""The rules about call packets that are lost or stop like all other packets over UDP."""
CERTAINTIES = {"certain": mark("certain"), "likely": mark("likely"), "unclear": mark("unclear")}
UNTESTABLE_CALLS = {
    "wechat": mark("Calls over WeChat are not testable, because no server for them is documented."),
}
"""Apps that have calls of which nothing can be tested, by the name of their target."""

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
    return tr(STATES[app["state"]]) if app["state"] in STATES else tr(INVALID)


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
    """Return the state of an app's calls, None if it has none.

    A call begins with messages to the app's servers. So where the app is blocked, relays that answer say nothing, also
    if only some of them do.
    """
    state = app["needs"].get("calls")
    return None if state in {"ok", "degraded"} and app["state"] in {"blocked", "likely_blocked"} else state


def are_calls_bad(app: AppState) -> bool:
    """Return whether calls are possible, and their packets are lost, late or slow."""
    return app["needs"].get("calls") == "degraded" and any(name.startswith("media.") for name in app["mechanisms"])


def calls_of_app(app: "AppVerdict") -> str:
    """Return the word for the calls of an app, a dash if nothing is known about them."""
    state = state_of_calls(app)
    bad = state == "ok" and any(service["rule_id"] in BAD_UDP for service in app["services"])
    if bad or (state is not None and are_calls_bad(app)):
        return tr(BAD_CALLS)
    return tr(CALLS[state]) if state is not None else "-"


def untestable_calls(app: str) -> str | None:
    """Return the sentence about an app whose calls are not testable, None for other apps."""
    return tr(UNTESTABLE_CALLS[app]) if app in UNTESTABLE_CALLS else None


def worst_first(apps: Iterable[App]) -> list[App]:
    """Return the apps by state, the gravest first. Apps with the same state are sorted by title."""
    return sorted(apps, key=lambda app: (SEVERITY.get(app["state"] or "", -1), app["title"].casefold()))
