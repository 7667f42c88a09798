"""Let the user choose what to measure, and start the run."""

from typing import Any

from aiohttp import web

from probe.messages import tr
from probe.ui.commands import Refused, Wanted
from probe.ui.interface import Interface
from probe.ui.pages import page, see

DEPTHS = ("standard", "deep")


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show the choices, or the consent text if the user has not agreed yet."""
    if not interface.has_consent():
        return see("welcome")
    settings = interface.commands.settings()
    return await _page(interface, Wanted((), DEPTHS[0], settings.helper))


async def begin(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Start a run as chosen, or say why not."""
    apps = await interface.compute(interface.commands.apps)
    chosen = [name for name, _ in apps if name in form.getall("app", [])]
    depth = DEPTHS[1] if form.get("depth") == DEPTHS[1] else DEPTHS[0]
    wanted = Wanted(chosen, depth, str(form.get("helper", "")).strip())
    try:
        if not chosen:
            raise Refused(tr("Choose at least one app."))
        everything = len(chosen) == len(apps)
        await interface.start(wanted._replace(names=()) if everything else wanted)
    except Refused as refused:
        return await _page(interface, wanted, str(refused))
    return see("running")


async def _page(interface: Interface, wanted: Wanted, error: str = "") -> web.Response:
    apps = await interface.compute(interface.commands.apps)
    words = {
        "apps": tr("Which apps"),
        "depth": tr("How deep"),
        "standard": tr("Standard: up to two minutes, at most 6 connections per name and server."),
        "deep": tr("Deep: takes longer, up to 120 connections per name and server, and is easier to notice."),
        "helper": tr("Test helper outside this network (may be empty)"),
        "helper_why": tr("Without a helper, a blocked app and an app whose servers are down can look the same."),
        "begin": tr("Start the measurement"),
        "risk": tr("A person who watches your connection can notice this."),
        "consent": tr("Read again what a measurement means"),
        "under_way": tr("A run is under way."),
        "show": tr("Show it"),
    }
    return page(
        interface,
        "start",
        tr("Measure this network"),
        status=409 if error else 200,
        error=error,
        apps=[(name, title, not wanted.names or name in wanted.names) for name, title in apps],
        wanted=wanted,
        labels=words,
    )
