"""Show what becomes public with a run, ask, publish it, and show the outcome."""

import asyncio
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from probe.messages import tr
from probe.ui.commands import CommandRefused
from probe.ui.hand_over import field_words
from probe.ui.interface import Interface
from probe.ui.screens import page, see

YES = "yes"
WAITED_FOR = 2.0  # seconds for the outcome. Then the page says that the run is being published, and loads itself again.


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show what becomes public and who learns what, and ask."""
    return await _page(interface, request.query.get("run", ""))


async def publish(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Begin to publish the run if the user agrees."""
    name = str(form.get("run", ""))
    if form.get("agree") != YES:
        return await _page(interface, name, tr("Nothing was sent, because you did not agree."))
    try:
        await interface.publish(name, str(form.get("key", "")))
    except CommandRefused as refused:
        return await _page(interface, name, str(refused))
    return see("published")


async def outcome(interface: Interface, request: web.Request) -> web.Response:
    """Show what happened to each measurement, or that the run is still being published."""
    publication = interface.publication
    if publication is None:
        return see("history")
    done, _ = await asyncio.wait({publication.sending}, timeout=WAITED_FOR)
    published, error = None, ""
    try:
        published = publication.sending.result() if done else None
    except CommandRefused as refused:
        error = str(refused)
    words = {
        "sending": tr("The measurements are being sent, one after another."),
        "reload": tr("Load this page again"),
        "result": tr("Show the result"),
    }
    return page(
        interface,
        "published",
        tr("Publish this run"),
        status=409 if error else 200,
        error=error,
        sends=not done,
        outcome=published,
        result="result?" + urlencode({"run": publication.run}),
        labels=words,
    )


async def _page(interface: Interface, name: str, error: str = "") -> web.Response:
    run = await interface.known(name)
    words = {
        **field_words(),
        "agree": tr("Publish these measurements?"),
        "yes": tr("Yes"),
        "no": tr("No"),
        "continue": tr("Continue"),
    }
    return page(
        interface,
        "publish",
        tr("What becomes public with this run"),
        status=409 if error else 200,
        error=error,
        leaving=await interface.compute(partial(interface.commands.publishable, run)),
        run=name,
        labels=words,
    )
