"""Show and change the settings, and remove everything that the program keeps."""

from functools import partial
from typing import Any

from aiohttp import web

from probe.messages import NAMES, available, tr, tr_plural
from probe.ui.commands import CommandRefused, SavedSettings
from probe.ui.interface import Interface
from probe.ui.screens import page, see, text_block

YES = "yes"


async def show(interface: Interface, request: web.Request) -> web.Response:
    return await _page(interface, await interface.compute(interface.commands.settings), saved="saved" in request.query)


async def change(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Write the settings file, or say what is wrong."""
    names = ("helper", "results", "language", "recipient", "hand-over")
    helper, results, chosen, *hand_over = (str(form.get(name, "")).strip() for name in names)
    token, folder = form.get("token") == YES, interface.commands.results_folder()
    changed = SavedSettings(helper, results, folder, chosen, token, *hand_over)
    try:
        await interface.compute(partial(interface.commands.change_settings, changed))
        await interface.compute(partial(interface.commands.choose, "token", token))
    except CommandRefused as refused:
        return await _page(interface, changed, error=str(refused))
    return see("settings?saved")


async def ask(interface: Interface, request: web.Request) -> web.Response:
    """List what would be removed, and ask again."""
    return await _removal(interface)


async def remove(interface: Interface, request: web.Request, form: Any) -> web.Response:
    """Remove everything, as `probe wipe` does."""
    if sentence := interface.busy():
        return await _removal(interface, sentence)
    if form.get("sure") != YES:
        return await _removal(interface, tr("Nothing was removed. Tick the box to confirm."))
    paths = await interface.compute(interface.commands.everything)
    problems = await interface.compute(partial(interface.commands.remove, paths))
    interface.withdraw()
    sentence = tr_plural(
        "Removed {count} file or folder.", "Removed {count} files and folders.", len(paths) - len(problems)
    )
    return page(interface, "removed", tr("Everything was removed"), sentence=sentence, problems=problems)


async def _page(interface: Interface, settings: SavedSettings, *, error: str = "", saved: bool = False) -> web.Response:
    words = {
        "saved": tr("The settings are saved."),
        "helper": tr("Test helper for every run (may be empty)"),
        "results": tr("Folder for the results (may be empty)"),
        "used": tr("Results are now kept in {folder}.", folder=settings.folder),
        "recipient": tr("Public key of the person who gets your files (age1…, may be empty)"),
        "hand_over": tr("Where that person takes files, such as an e-mail address (may be empty)"),
        "save": tr("Save"),
        "language": tr("Language"),
        "usual_language": tr("The language of this computer"),
        "token": tr("Write a code into my results that is new each month"),
        "token_why": tr("The text about measurements explains the code."),
        "consent": tr("Read again what a measurement means"),
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
    paths = [
        *await interface.compute(interface.commands.everything),
        *await interface.compute(interface.commands.shell_lines),
    ]
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
