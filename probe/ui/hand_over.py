"""Show what leaves with a run, write the file, and give it to the browser."""

import re
from functools import partial
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from probe.files import leads_outside, read_regular
from probe.messages import tr
from probe.platforms.installation import command_for
from probe.results import SHARED
from probe.sharing import LARGEST_PACKED
from probe.ui.commands import CommandRefused, Shared
from probe.ui.interface import Interface
from probe.ui.screens import page, response, text_block

NAME = re.compile(r"[0-9a-f]{16}\.censorprobe\.zst(\.age)?", re.ASCII)
QUIET_ZONE = 4  # modules around the code


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show each field that leaves, and what was removed."""
    return await _page(interface, request.query.get("run", ""))


async def write(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Write the file, and show it with the text to paste."""
    name, key = str(form.get("run", "")), str(form.get("key", "")).strip()
    run = await interface.known(name)
    try:
        shared = await interface.compute(partial(interface.commands.share, run, key))
    except CommandRefused as refused:
        return await _page(interface, name, str(refused))
    words = {
        "file": tr("The file"),
        "save": tr("Save the file with the browser"),
        "text": tr("The text to paste"),
        "text_why": tr("It has at most 280 characters, no address and no path."),
        "code": tr("The text as a QR code"),
        "no_code": tr("A QR code needs segno. This command installs it: {command}", command=command_for("share")),
    }
    return page(
        interface,
        "shared",
        tr("The file is ready"),
        shared=shared,
        text=text_block(shared.text),
        download="file?" + urlencode({"name": shared.path.name}),
        side=len(shared.code) + 2 * QUIET_ZONE,
        code=_path_of(shared),
        labels=words,
    )


async def download(interface: Interface, request: web.Request) -> web.Response:
    """Give a shared file to the browser. On a phone it cannot reach the folder of this program."""
    name = request.query.get("name", "")
    if NAME.fullmatch(name) is None:
        raise CommandRefused(tr("There is no such file."))
    folder = interface.commands.results_folder()
    file = folder / SHARED / name
    if leads_outside(file, folder):
        raise CommandRefused(tr("There is no such file."))
    try:
        body = await interface.compute(partial(read_regular, file, LARGEST_PACKED))
    except OSError:
        raise CommandRefused(tr("There is no such file.")) from None
    return response(body, "application/octet-stream", file=name)


async def _page(interface: Interface, name: str, error: str = "") -> web.Response:
    run = await interface.known(name)
    leaving = await interface.compute(partial(interface.commands.leaving, run))
    words = {
        **field_words(),
        "key": tr("Public key of the analyst (age1…, may be empty)"),
        "key_why": tr("With a key only the owner of the key can read the file. Without one it is not encrypted."),
        "write": tr("Write this file"),
        "stays": tr("The file stays on this computer until you send it yourself."),
    }
    return page(
        interface,
        "share",
        tr("What leaves with this run"),
        status=409 if error else 200,
        error=error,
        leaving=leaving,
        run=name,
        labels=words,
    )


def field_words() -> dict[str, str]:
    """Return the words of the table of fields, by the names that its template uses."""
    return {
        "more": tr("More: each field, whether it is kept, and why"),
        "field": tr("Field"),
        "kept": tr("Kept"),
        "why": tr("Why"),
    }


def _path_of(shared: Shared) -> str:
    """Return the dark modules of the QR code as the path of a picture."""
    return "".join(
        f"M{x + QUIET_ZONE} {y + QUIET_ZONE}h1v1h-1z"
        for y, row in enumerate(shared.code)
        for x, module in enumerate(row)
        if module
    )
