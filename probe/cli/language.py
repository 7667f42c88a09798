"""Choose the language of the sentences: the option --lang, then PROBE_LANG, the settings file and the locale."""

import io
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import typer

from probe.messages import ENGLISH, NAMES, available, language_of, listed, tr, use

VARIABLE = "PROBE_LANG"
_named: str | None = None  # with the option


class LanguageChoice(NamedTuple):
    """Hold the code of a language, and its source as `probe config` names it."""

    code: str
    source: str


def switch(option: str | None) -> None:
    """Use the language of the option --lang, or without it that of the other sources. Raises UsageError (2)."""
    global _named  # noqa: PLW0603 (one command per process)
    _named = option
    chosen = choice(option)
    if chosen.source != "DEFAULT":
        _show_all_letters()
    use(chosen.code)


def choice(option: str | None) -> LanguageChoice:
    """Return the language and its source. Raises UsageError (2) for an option or a variable that names no language."""
    if option := option or _named:
        return LanguageChoice(_known(option, "--lang"), "COMMANDLINE")
    if variable := os.environ.get(VARIABLE):
        return LanguageChoice(_known(variable, VARIABLE), "ENVIRONMENT")
    if (in_file := _in_file()) is not None:
        return LanguageChoice(in_file, "DEFAULT_MAP")
    from probe.platforms.user_languages import user_languages

    found = (language_of(name, available()) for name in user_languages())
    code = next(filter(None, found), ENGLISH)
    return LanguageChoice(code if _can_show(NAMES.get(code, "")) else ENGLISH, "DEFAULT")


def accept(command: Any, act: Callable[[str], None] = switch) -> Any:
    """Add the option --lang to a command and to its subcommands. Their help texts do not show it."""
    option = _option(act)
    for one in (command, *getattr(command, "commands", {}).values()):
        one.params.append(option)
    return command


def _option(act: Callable[[str], None]) -> Any:
    """Return the option, taken from a command that has no other."""
    from typer.main import get_command

    def called(value: str | None) -> None:
        if value:
            act(value)

    app = typer.Typer(add_completion=False)

    @app.command()
    def alone(
        language_of_this_command: str | None = typer.Option(  # not `lang`, which is a key of the settings
            None, "--lang", metavar="LANG", callback=called, expose_value=False, is_eager=True, hidden=True
        ),
    ) -> None: ...

    return get_command(app).params[0]


def unknown_language(name: str, where: str) -> Exception:
    """Return the error that names the languages that there are."""
    from probe.cli.screen import UsageError

    known = listed(available())
    return UsageError(
        tr("{where}: There is no translation into {name}. Use one of {known}.", where=where, name=name, known=known), 2
    )


def _known(name: str, where: str) -> str:
    code = language_of(name, available())
    if code is None:
        raise unknown_language(repr(name), where)
    return code


def _in_file() -> str | None:
    """Return the language in the settings file. Commands that read the settings say what is wrong in it."""
    from probe.cli.run.settings import settings_file

    if not settings_file().is_file():
        return None
    from probe.files import read_toml

    try:
        _, table = read_toml(settings_file())
    except (OSError, ValueError):
        return None
    return language_of(str(table.get("lang", "")), available())


def _streams() -> Iterable[io.TextIOWrapper]:
    return (stream for stream in (sys.stdout, sys.stderr) if isinstance(stream, io.TextIOWrapper))


def _can_show(letters: str) -> bool:
    """Return whether both streams have these letters. A file on Windows is written in an old encoding."""
    try:
        return all(letters.encode(stream.encoding) for stream in _streams()) or not letters
    except UnicodeEncodeError:
        return False


def _show_all_letters() -> None:
    """Write UTF-8 where the user named a language. Otherwise a file on Windows would have question marks."""
    for stream in _streams():
        if stream.encoding.lower().replace("-", "") != "utf8":
            stream.reconfigure(encoding="utf-8", errors="replace")
