"""Serve the screens at 127.0.0.1 until the terminal, a signal or the button ends it. No request is logged."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from probe.http_server.bug_reports import report
from probe.local_server.listening import Handler, bind, guard, serving
from probe.local_server.request_origin import HERE, TOKEN
from probe.local_server.until_ended import ending
from probe.messages import tr
from probe.ui import event_stream, hand_over, publishing, result_screens, running_screen, settings_screen, start
from probe.ui.commands import CommandRefused, Commands
from probe.ui.interface import Interface
from probe.ui.interface_access import CHANGING, FORM, OTHER_REQUEST, InterfaceAccess
from probe.ui.measuring_run import MeasuringRun
from probe.ui.screens import notice, page, response, script, see, style

LARGEST_FORM = 64 * 1024  # bytes
ANSWERED_WITHIN = 0.5  # seconds until the last page is sent
FORM_TYPE = "application/x-www-form-urlencoded"
Screen = Callable[[Interface, web.Request], Awaitable[web.StreamResponse]]
Change = Callable[[Interface, web.Request, Any], Awaitable[web.StreamResponse]]


async def _end(interface: Interface, request: web.Request, form: Any) -> web.StreamResponse:
    """End the program after this answer."""
    asyncio.get_running_loop().call_later(ANSWERED_WITHIN, interface.ended.set)
    sentence = tr("You can close this page. To open it again, start `probe ui`.")
    if interface.measures:
        sentence = tr("The run is being stopped, and what was measured is kept. You can close this page.")
    return notice(tr("This program has ended"), sentence, status=200)


async def _style(interface: Interface, request: web.Request) -> web.StreamResponse:
    return response(style(), "text/css")


async def _script(interface: Interface, request: web.Request) -> web.StreamResponse:
    return response(script(), "text/javascript")


SCREENS: dict[str, Screen] = {
    "": start.show,
    "welcome": start.show_welcome,
    "running": running_screen.show,
    "events": event_stream.stream,
    "result": result_screens.result,
    "history": result_screens.history,
    "difference": result_screens.difference,
    "share": hand_over.show,
    "file": hand_over.download,
    "publish": publishing.show,
    "published": publishing.outcome,
    "settings": settings_screen.show,
    "remove": settings_screen.ask,
    "screens.css": _style,
    "running.js": _script,
}
CHANGES: dict[str, Change] = {
    "welcome": start.answer,
    "run": start.begin,
    "stop": running_screen.stop,
    "share": hand_over.write,
    "publish": publishing.publish,
    "settings": settings_screen.change,
    "remove": settings_screen.remove,
    "end": _end,
}


async def serve(
    commands: Commands, port: int, announce: Callable[[str], None], ended_run: Callable[[MeasuringRun], None]
) -> None:
    """Serve until Ctrl-C, SIGTERM, the end of the terminal or the button. Raises PortError.

    `announce` receives the address once. A run that goes on is stopped at the end, and `ended_run` receives it.
    """
    with ending(with_terminal=True) as ended:
        bound = bind(port)
        access = InterfaceAccess(bound.getsockname()[1])
        interface = Interface(commands, access, ended)
        async with serving(build(interface), bound, _unreadable):
            announce(f"http://{HERE}:{access.port}/?{TOKEN}={access.token}")
            await ended.wait()
            ended.clear()
            if (run := await interface.end_run(ended)) is not None:
                ended_run(run)
        if interface.run is not None and interface.run.ended:
            interface.run.forget()


def build(interface: Interface) -> web.Application:
    access = interface.access

    def refused(request: web.Request) -> web.Response | None:
        asked = request.method, request.path, request.rel_url.raw_query_string
        refusal = access.refusal(*asked, request.headers, request.cookies)
        return None if refusal is None else _refusal(refusal.status, refusal.sentence)

    async def answered(request: web.Request, handler: Handler) -> web.StreamResponse:
        return await _answered(interface, request, handler)

    app = web.Application(middlewares=[guard(refused, answered)], client_max_size=LARGEST_FORM)
    app.router.add_get("/", _entrance(access))
    for name, screen in SCREENS.items():
        app.router.add_get(access.folder + name, _bound(screen, interface))
    for name, change in CHANGES.items():
        app.router.add_post(access.folder + name, _checked(change, interface))
    return app


def _bound(screen: Screen, interface: Interface) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await screen(interface, request)

    return handle


def _checked(change: Change, interface: Interface) -> Handler:
    """Return the handler that changes something if the form has the token of our pages."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.content_type != FORM_TYPE:
            return _refusal(415, tr(OTHER_REQUEST))
        form = await request.post()
        if not interface.access.knows_form(str(form.get(FORM, ""))):
            return _refusal(403, tr("This form is not from this program, or it is too old. Load the page again."))
        return await change(interface, request, form)

    return handle


def _entrance(access: InterfaceAccess) -> Handler:
    """Return the handler that exchanges the token of the printed address for the cookie, and leads to the screens."""

    async def handle(request: web.Request) -> web.StreamResponse:
        made = see(access.folder)
        made.set_cookie(access.cookie_name, access.cookie, path=access.folder, httponly=True, samesite="Strict")
        return made

    return handle


async def _answered(interface: Interface, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Return the answer of a handler, or a sentence in place of its error."""
    try:
        return await handler(request)
    except CommandRefused as refused:
        return page(interface, "sentence", tr("This cannot be shown"), status=409, sentence=str(refused))
    except web.HTTPException as found:
        return page(
            interface,
            "sentence",
            tr("This cannot be shown"),
            status=found.status,
            sentence=tr("There is nothing at this address."),
        )
    except (asyncio.CancelledError, ConnectionError):
        raise
    except Exception as bug:
        report(bug)
        return _refusal(500, tr("This is a bug in probe. The terminal shows its place."))


def _refusal(status: int, sentence: str) -> web.Response:
    made = notice(tr("This cannot be shown"), sentence, status=status)
    if status == 405:
        made.headers["Allow"] = f"GET, HEAD, {CHANGING}"
    return made


def _unreadable(status: int) -> web.Response:
    """Return the answer to a request that reaches no address. Nothing of it is repeated."""
    return _refusal(status, tr("The program cannot read this request. Open the address that `probe ui` printed."))
