"""Explain topics that belong to no single command: exit codes, and the places of files."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from rich.cells import cell_len

from probe.cli.help.exit_codes import ANY, EXIT_CODES
from probe.cli.screen import wrapped
from probe.messages import mark, printable, tr


class Topic(NamedTuple):
    """Hold the title of a topic, and the function that gives its lines."""

    title: str
    lines: Callable[[], Iterator[str]]


def exit_code_lines() -> Iterator[str]:
    """Yield the table of exit codes in 80 columns."""
    yield wrapped(tr("A command ends with one of these codes. A shell shows the last one with `echo $?`."))
    yield ""
    for row in EXIT_CODES:
        meaning = tr(row.meaning)
        if row.commands != ANY:
            meaning = tr("{commands}: {meaning}", commands=row.commands, meaning=meaning)
        yield wrapped(meaning, 6, f"{row.code:>4}  ")
    yield ""
    yield wrapped(
        tr(
            "The codes 10 to 12 are given only with --exit-code. The smallest that any service gives is used. "
            "Another signal N ends a command with 128 + N."
        )
    )


def file_lines() -> Iterator[str]:
    """Yield the places of the user's files on this computer."""
    from probe.cli.run.consent import consent_file
    from probe.cli.run.settings import config_folder
    from probe.results import list_file, results_root

    places = (
        (tr("results"), results_root(None)),
        (tr("settings"), config_folder() / "config.toml"),
        (tr("consent"), consent_file()),
        (tr("other results folders"), list_file()),
    )
    width = max(cell_len(name) for name, _ in places)
    for name, path in places:
        yield f"  {name}{' ' * (width - cell_len(name))}  {printable(path)}"
    yield ""
    yield wrapped(tr("`probe wipe` lists all of them and removes them, after asking."))


TOPICS = {
    "exit-codes": Topic(mark("What the exit code of a command means."), exit_code_lines),
    "files": Topic(mark("Where results, settings and consent are kept."), file_lines),
}
