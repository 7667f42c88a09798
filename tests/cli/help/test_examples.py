"""Test that each command has two examples that can be typed, and that its help shows them."""

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from probe.cli import COMMANDS, app
from probe.cli.help.command_examples import EXAMPLES

WHOLE: Any = get_command(app)


def leaves(command: Any, context: Any, words: tuple[str, ...]) -> Iterator[str]:
    """Yield the names of the commands that do something."""
    parts = command.list_commands(context) if hasattr(command, "list_commands") else ()
    if not parts:
        yield " ".join(words)
    for one in parts:
        inner = command.get_command(context, one)
        yield from leaves(inner, type(context)(inner, info_name=one, parent=context), (*words, one))


CONTEXT = WHOLE.context_class(WHOLE, info_name="probe")
LEAVES = sorted(leaves(WHOLE, CONTEXT, ()))


def test_every_command_has_examples() -> None:
    assert sorted(EXAMPLES) == LEAVES


@pytest.mark.parametrize("name", LEAVES)
def test_help_shows_the_examples(name: str) -> None:
    shown = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "80"}).stdout.splitlines()
    for words, about in EXAMPLES[name]:
        at = shown.index(f"    probe {words}")
        assert shown[at + 1] == f"        {about}"


@pytest.mark.parametrize("name", LEAVES)
def test_usage_and_ranges_read_as_words(name: str) -> None:
    shown = CliRunner().invoke(app, [*name.split(), "--help"], env={"COLUMNS": "200"}).stdout
    usage = shown.partition("\n\n")[0].removeprefix("Usage: ").partition("[OPTIONS]")[2]
    assert re.fullmatch(r"(\s+(\[(-- )?[A-Z]+\]|\{[A-Z]+\})(\.\.\.)?)*", usage), usage
    assert not re.search(r"[<>]=?\s?x|x\s?[<>]|<[a-z]+>|\[\[|\]\]", shown)


@pytest.mark.parametrize(("name", "words"), [(name, words) for name, both in EXAMPLES.items() for words, _ in both])
def test_examples_can_be_typed(name: str, words: str) -> None:
    """Check that the command line is read without an error. Nothing is carried out."""
    typed = shlex.split(words.partition("--lang ")[2].partition(" ")[2] or words)
    assert " ".join(typed[: len(name.split())]) == name
    command, context = WHOLE, CONTEXT
    for one in name.split():
        command, typed = command.get_command(context, one), typed[1:]
        context = type(context)(command, info_name=one, parent=context)
    made = command.make_context(name, typed)
    assert not made.args and COMMANDS[name.split()[0]]
