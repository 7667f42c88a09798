"""Implement `probe help`: topics, and the help of a command.

Explain topics that belong to no single command: exit codes, and the places of files.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Annotated, NamedTuple

import typer
from rich.cells import cell_len

from probe.cli import COMMANDS
from probe.cli.completions import Candidate, matching
from probe.cli.help.exit_codes import ANY, EXIT_CODES
from probe.cli.options import new_app
from probe.cli.screen import UsageError, say, wrapped
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
            "The codes 10 to 13 are given only with --exit-code. If services give several, the first of 10, 11, 13 and "
            "12 is used. "
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

app = new_app()


def complete_topic(incomplete: str) -> Iterator[Candidate]:
    topics = [(name, tr(topic.title)) for name, topic in TOPICS.items()]
    yield from matching([*topics, *((name, sentence) for name, (_, sentence) in COMMANDS.items())], incomplete)


@app.command()
def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC", help="A topic or a command.", autocompletion=complete_topic),
    ] = None,
) -> None:
    """Explain a topic or a command. Without one, list the topics."""
    if not words:
        _list_topics()
    elif len(words) == 1 and words[0] in TOPICS:
        for line in TOPICS[words[0]].lines():
            say(sys.stdout, line)
    elif words[0] in COMMANDS:
        say(sys.stdout, _command_help(ctx, words))
    else:
        raise UsageError(_unknown(" ".join(words)), 2)


def _list_topics() -> None:
    say(sys.stdout, tr("Topics of `probe help`:"))
    width = max(map(cell_len, TOPICS))
    for name, topic in TOPICS.items():
        say(sys.stdout, wrapped(tr(topic.title), width + 4, f"  {name.ljust(width)}  "))
    say(sys.stdout)
    say(
        sys.stdout, wrapped(tr("`probe help COMMAND` shows the options of a command, and `probe --help` all commands."))
    )


def _command_help(ctx: typer.Context, words: list[str]) -> str:
    """Return the help text of a command or a subcommand, as `--help` prints it. Raises UsageError."""
    context = ctx.find_root()
    for word in words:
        group = context.command
        command = group.get_command(context, word) if hasattr(group, "get_command") else None
        if command is None:
            raise UsageError(_unknown(" ".join(words)), 2)
        context = type(context)(command, info_name=word, parent=context)
    return context.get_help()


def _unknown(words: str) -> str:
    from probe.targets.target_error import hint

    sentence = tr("There is no topic and no command {name}. `probe help` lists the topics.", name=repr(words))
    return sentence + hint(words, [*TOPICS, *COMMANDS])
