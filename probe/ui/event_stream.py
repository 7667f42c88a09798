"""Send the progress of a run to a page while it runs (server-sent events)."""

import json

from aiohttp import web

from probe.http_server import connections
from probe.local_server.listening import HEADERS
from probe.ui.interface import Interface
from probe.ui.measuring_run import MeasuringRun
from probe.ui.running_screen import item_of
from probe.ui.screens import POLICY

BEAT = 10.0  # seconds after which an empty line shows that the connection is alive
MOST_DIGITS = 6


async def stream(interface: Interface, request: web.Request) -> web.StreamResponse:
    """Send what is new since the page was made, until the run ends or the page is closed."""
    made = web.StreamResponse(
        headers={
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY,
            **HEADERS,
        }
    )
    await made.prepare(request)
    try:
        await _send(interface.run, made, request)
    except ConnectionError:  # the page was closed
        return made
    return made


async def _send(run: MeasuringRun | None, made: web.StreamResponse, request: web.Request) -> None:
    sent, shown = _place(request), ""
    while run is not None:
        connections.works_for_client(request)
        ended = run.ended  # before the last items are sent
        for number, item in enumerate(run.items[sent:], sent + 1):
            await made.write(_event("item", item_of(item), number))
            sent = number
        if (now := json.dumps(run.progress)) != shown:
            shown = now
            await made.write(_event("progress", run.progress))
        if ended:
            break
        await made.write(b":\n\n")
        await run.changed(BEAT)
    await made.write(_event("end", {}))


def _place(request: web.Request) -> int:
    """Return the number of the last item that the page has. After a break the browser names it in a header."""
    given = request.headers.get("Last-Event-ID") or request.query.get("after", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) <= MOST_DIGITS else 0


def _event(name: str, data: object, number: int | None = None) -> bytes:
    place = "" if number is None else f"id: {number}\n"
    return f"event: {name}\n{place}data: {json.dumps(data)}\n\n".encode()
