"""Write the manual pages from the help texts of the commands, and the page about exit codes.

Renew: `make man`, or `python -m probe.cli.help.man_pages`.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from typer.main import get_command

from probe.cli import COMMANDS
from probe.cli import app as whole
from probe.cli.help.command_examples import EXAMPLES
from probe.cli.help.exit_codes import ANY, EXIT_CODES

FOLDER = Path(__file__).parents[2] / "data" / "man"
EXIT_CODE_PAGE = Path(__file__).parents[3] / "docs" / "reference" / "exit-codes.md"
_CODE = re.compile(r"`([^`]*)`")


def pages() -> dict[str, str]:
    """Return the text of each manual page by its file name: one for `probe`, and one for each command."""
    group: Any = get_command(whole)
    context = group.context_class(group, info_name="probe")
    made = {"probe.1": _whole_page(group, context)}
    for name in COMMANDS:
        command = group.get_command(context, name)
        inner = group.context_class(command, info_name=name, parent=context)
        made[f"probe-{name}.1"] = "\n".join(_command_page(name, command, inner)) + "\n"
    return made


def exit_code_page() -> str:
    """Return the page about exit codes of the documentation, in Markdown."""
    rows = [f"| {row.code} | {_commands(row.commands)} | {row.meaning} |" for row in EXIT_CODES]
    text = (
        "# Exit codes\n\n`probe help exit-codes` prints this table, and `make man` writes this page from it.\n\n"
        "| code | commands | meaning |\n|---|---|---|\n"
    )
    after = (
        "\nThe codes 10 to 12 are given only with `--exit-code`. The smallest that any service gives is used.\n"
        "Another signal N ends a command with 128 + N.\n"
    )
    return text + "\n".join(rows) + "\n" + after


def _commands(commands: str) -> str:
    return commands if commands == ANY else ", ".join(f"`{each}`" for each in commands.split(", "))


def _whole_page(group: Any, context: Any) -> str:
    lines = [*_head("probe", "measure which services a network blocks, how, and with what evidence")]
    lines += [".SH SYNOPSIS", r".B probe", r".I COMMAND", r"[\fIOPTION\fR]...", ".SH DESCRIPTION"]
    lines += [*_paragraphs(group.help or ""), ".SH COMMANDS"]
    for name, (_, sentence) in COMMANDS.items():
        lines += [".TP", rf"\fBprobe {_text(name)}\fR", _text(sentence)]
    lines += [".SH OPTIONS", *_options(group, context), *_exit_codes(), ".SH SEE ALSO"]
    lines.append(",\n".join(rf"\fBprobe\-{_text(name)}\fR(1)" for name in COMMANDS))
    return "\n".join(lines) + "\n"


def _command_page(name: str, command: Any, context: Any) -> Iterator[str]:
    yield from _head(f"probe-{name}", COMMANDS[name][1].rstrip("."))
    yield ".SH SYNOPSIS"
    yield from _usage(command, context)
    yield ".SH DESCRIPTION"
    yield from _paragraphs(command.help or COMMANDS[name][1])
    if options := list(_options(command, context)):
        yield ".SH OPTIONS"
        yield from options
    for one in _subcommands(command, context):
        inner = type(context)(command.get_command(context, one), info_name=one, parent=context)
        yield f".SH {_text(f'probe {name} {one}').upper()}"
        yield from _usage(inner.command, inner)
        yield from _paragraphs(inner.command.help or "", first=".PP")
        yield from _options(inner.command, inner)
    yield from _examples(name)
    yield from _exit_codes(name)
    yield ".SH SEE ALSO"
    yield r"\fBprobe\fR(1)"


def _subcommands(command: Any, context: Any) -> list[str]:
    return list(command.list_commands(context)) if hasattr(command, "list_commands") else []


def _head(name: str, about: str) -> list[str]:
    return [
        rf'.TH {_text(name).upper()} 1 "" "censorprobe" "User Commands"',
        ".SH NAME",
        rf"{_text(name)} \- {_text(about)}",
    ]


def _usage(command: Any, context: Any) -> Iterator[str]:
    pieces = " ".join(command.collect_usage_pieces(context))
    yield rf"\fB{_text(context.command_path)}\fR {_text(pieces)}"


def _options(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is None:
            continue
        yield ".TP"
        yield rf"\fB{_text(record[0].strip())}\fR"
        yield _text(" ".join(record[1].split())) or r"\&"


def _examples(name: str) -> Iterator[str]:
    yield ".SH EXAMPLES"
    for command, examples in EXAMPLES.items():
        if command.split()[0] == name:
            for words, about in examples:
                yield from (".TP", rf"\fBprobe {_text(words)}\fR", _text(about))


def _exit_codes(command: str = "") -> Iterator[str]:
    yield ".SH EXIT STATUS"
    for row in EXIT_CODES:
        named = {each.split()[0] for each in row.commands.split(", ")}
        if not command or row.commands == ANY or command in named:
            about = row.meaning if row.commands == ANY else f"{row.commands}: {row.meaning}"
            yield from (".TP", rf"\fB{row.code}\fR", _text(about))


def _paragraphs(text: str, first: str = "") -> Iterator[str]:
    found = [" ".join(paragraph.split()) for paragraph in text.split("\n\n")]
    for number, paragraph in enumerate(found):
        if head := ".PP" if number else first:
            yield head
        yield _text(paragraph)


def _text(text: str) -> str:
    """Return a text in roff: special characters escaped, code in bold."""
    escaped = text.replace("\\", r"\e").replace("-", r"\-").replace("…", "...").replace("'", r"\(aq")
    bold = _CODE.sub(lambda found: rf"\fB{found.group(1)}\fR", escaped)
    return rf"\&{bold}" if bold.startswith(".") else bold


def write(made: Iterable[tuple[str, str]]) -> None:
    """Write the pages, and remove those of commands that are gone."""
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.1"):
        old.unlink()
    for name, text in made:
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    write(pages().items())
    EXIT_CODE_PAGE.write_text(exit_code_page(), encoding="utf-8")
