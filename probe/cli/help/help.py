"""Implement `probe help`: topics, and the help of a command."""

import sys
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.cells import cell_len

from probe.cli import COMMANDS
from probe.cli.completions import Candidate, matching
from probe.cli.help.topics import TOPICS
from probe.cli.options import new_app
from probe.cli.screen import UsageError, say, wrapped
from probe.messages import tr

app = new_app()


def complete_topic(incomplete: str) -> Iterator[Candidate]:
    """Yield the topics, and the commands."""
    topics = [(name, tr(topic.title)) for name, topic in TOPICS.items()]
    yield from matching([*topics, *((name, sentence) for name, (_, sentence) in COMMANDS.items())], incomplete)


@app.command()
def help_(
    ctx: typer.Context,
    words: Annotated[
        list[str] | None,
        typer.Argument(metavar="[TOPIC|COMMAND]...", help="A topic or a command.", autocompletion=complete_topic),
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
