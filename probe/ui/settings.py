"""Show and change the settings, and remove everything that the program keeps."""

from functools import partial
from typing import Any

from aiohttp import web

from probe.messages import NAMES, available, tr, tr_plural
from probe.ui.commands import Refused, Settings
from probe.ui.interface import Interface
from probe.ui.pages import page, see, text_block

YES = "yes"


async def show(interface: Interface, request: web.Request) -> web.Response:
    """Show the settings."""
    return await _page(interface, await interface.compute(interface.commands.settings), saved="saved" in request.query)


async def change(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Write the settings file, or say what is wrong."""
    helper, results, chosen = (str(form.get(name, "")).strip() for name in ("helper", "results", "language"))
    try:
        await interface.compute(partial(interface.commands.change_settings, helper, results, chosen))
    except Refused as refused:
        folder = interface.commands.results_folder()
        return await _page(interface, Settings(helper, results, folder, chosen), error=str(refused))
    return see("settings?saved")


async def ask(interface: Interface, request: web.Request) -> web.Response:
    """List what would be removed, and ask again."""
    return await _removal(interface)


async def remove(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Remove everything, as `probe wipe` does."""
    if interface.measures:
        return await _removal(interface, tr("A run is under way. Wait for its end, or stop it first."))
    if form.get("sure") != YES:
        return await _removal(interface, tr("Nothing was removed. Tick the box to confirm."))
    paths = await interface.compute(interface.commands.everything)
    problems = await interface.compute(partial(interface.commands.remove, paths))
    interface.withdraw()
    sentence = tr_plural(
        "Removed {count} file or folder.", "Removed {count} files and folders.", len(paths) - len(problems)
    )
    return page(interface, "removed", tr("Everything was removed"), sentence=sentence, problems=problems)


async def _page(interface: Interface, settings: Settings, *, error: str = "", saved: bool = False) -> web.Response:
    words = {
        "saved": tr("The settings are saved."),
        "helper": tr("Test helper for every run (may be empty)"),
        "results": tr("Folder for the results (may be empty)"),
        "used": tr("Results are now kept in {folder}.", folder=settings.folder),
        "save": tr("Save"),
        "language": tr("Language"),
        "usual_language": tr("The language of this computer"),
        "schedule": tr("Measure regularly"),
        "schedule_why": tr("A schedule measures without asking again. Each run has the risks that you have read."),
        "schedule_how": tr("This program changes no schedule. Copy the lines for your system."),
        "remove": tr("Remove everything"),
        "remove_why": tr("Results, settings and your consent are removed. You see the list of files first."),
        "list": tr("Show what would be removed"),
    }
    return page(
        interface,
        "settings",
        tr("Settings"),
        status=409 if error else 200,
        error=error,
        settings=settings,
        saved=saved,
        languages=[(code, NAMES[code]) for code in available()],
        schedule=[(system, text_block(text)) for system, text in interface.commands.schedule()],
        labels=words,
    )


async def _removal(interface: Interface, error: str = "") -> web.Response:
    paths = await interface.compute(interface.commands.everything)
    words = {
        "these": tr("These files and folders are removed:"),
        "nothing": tr("There is nothing to remove."),
        "sure": tr("I am sure. This cannot be undone."),
        "remove": tr("Remove all of this now"),
        "back": tr("Keep everything"),
    }
    return page(
        interface,
        "remove",
        tr("Remove everything"),
        status=409 if error else 200,
        error=error,
        paths=paths,
        labels=words,
    )
