"""Implement `probe config`: show the settings with their sources, and edit the settings file."""

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

from probe.cli.language import accept, choice
from probe.cli.options import new_app, opt
from probe.cli.run.settings import (
    KEYS,
    SHARE_KEYS,
    SUBMIT_KEYS,
    config_folder,
    defaults,
    settings_file,
    settings_in,
    template,
)
from probe.cli.screen import UsageError, say, wrapped
from probe.messages import mark, printable, tr
from probe.results import make_private_folder, reason_of

REJECTED = "config.toml.rejected"  # what was typed and cannot be used
EDITORS = ("sensible-editor", "nano", "vi", "notepad")  # where neither VISUAL nor EDITOR is set
SOURCES = {
    "COMMANDLINE": mark("flag"),
    "ENVIRONMENT": mark("environment"),
    "DEFAULT_MAP": mark("file"),
    "DEFAULT": mark("default"),
}

app = new_app()


class Setting(NamedTuple):
    """Hold the value of one key, None if it is not set, and its source: an option, a variable, the file or nothing."""

    key: str
    value: Any
    source: str


@app.callback()
def config() -> None:
    """Show and edit the settings of probe run and probe submit. Flags win over variables, and these over the file."""


@app.command()
def show(
    options: Annotated[
        list[str] | None, typer.Argument(metavar="-- OPTION", help="Options of probe run, to see what they change.")
    ] = None,
    json: Annotated[bool, opt("--json", help="Print one JSON object per setting.")] = False,
) -> None:
    """Show each value with its source: flag, environment, file or default."""
    from json import dumps

    found = list(effective(options or [], defaults()))
    width = max(len(setting.key) for setting in found)
    for setting in found:
        if json:
            say(sys.stdout, dumps(setting._asdict(), default=str))
        else:
            value = tr("not set") if setting.value is None else _as_in_file(setting.value)
            line = tr(
                "{key} = {value} ({source})",
                key=setting.key.ljust(width),  # ASCII, from KEYS
                value=value,
                source=tr(setting.source),
            )
            say(sys.stdout, line)
    if not json:
        say(sys.stderr, tr("Settings file: {path}", path=settings_file()))


@app.command()
def path() -> None:
    """Print the path of the settings file."""
    say(sys.stdout, printable(settings_file()))


@app.command()
def edit() -> None:
    """Open the settings file in your editor (VISUAL or EDITOR).

    What cannot be used is refused, and the old file stays.
    """
    file = settings_file().resolve()  # a link stays one
    draft = file.with_name(f"config.toml.{os.getpid()}")
    try:
        make_private_folder(file.parent)
        draft.unlink(missing_ok=True)
        draft.touch(0o600)
        draft.write_bytes(file.read_bytes() if file.is_file() else template().encode())
        _edit(draft)
        _accept(draft, file)
    except OSError as error:
        raise UsageError(tr("{path} cannot be written ({reason}).", path=file, reason=reason_of(error)), 2) from None
    finally:
        draft.unlink(missing_ok=True)
    say(sys.stdout, tr("Saved {path}.", path=file))


def effective(options: list[str], settings: dict[str, Any]) -> Iterator[Setting]:
    """Yield each setting as `probe run` with these options would use it. Raises UsageError, or click's own."""
    from typer.main import get_command

    from probe.cli.run.run import app as run
    from probe.results import results_root
    from probe.targets.target_files import bundled_targets

    languages: list[str] = []
    command = accept(get_command(run), languages.append)
    context = command.make_context("run", list(options), default_map=settings)
    _check(context.params)
    places = {"results": results_root, "targets": bundled_targets}
    for key, (parameter, _, _) in KEYS.items():
        if key == "lang":  # no parameter of `probe run` alone
            chosen = choice(next(iter(languages), None))
            yield Setting(key, chosen.code, SOURCES[chosen.source])
            continue
        value, source = context.params[parameter], context.get_parameter_source(parameter)
        shown = places[key]() if value is None and key in places else value
        yield Setting(key, shown, SOURCES[source.name if source is not None else "DEFAULT"])
    yield from _of_submit(settings)
    for key, (parameter, _, _) in SHARE_KEYS.items():
        yield Setting(key, settings.get(parameter), SOURCES["DEFAULT_MAP" if parameter in settings else "DEFAULT"])


def _of_submit(settings: dict[str, Any]) -> Iterator[Setting]:
    """Yield each setting as `probe submit` without options would use it. Raises UsageError, or click's own."""
    from typer.main import get_command

    from probe.cli.server_addresses import proxy_address, server_address
    from probe.cli.sharing.submit import app as submit
    from probe.ooni.submission.exchanges import SERVER

    context = accept(get_command(submit)).make_context("submit", [], default_map=settings)
    server_address(context.params["server"] or SERVER)
    proxy_address(context.params["proxy"])
    for key, (parameter, _, _) in SUBMIT_KEYS.items():
        value, source = context.params[parameter], context.get_parameter_source(parameter)
        shown = SERVER if value is None and key == "server" else value
        yield Setting(key, shown, SOURCES[source.name if source is not None else "DEFAULT"])


def _as_in_file(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check(values: dict[str, Any]) -> None:
    """Check what the command line does not check. Raises UsageError."""
    from probe.cli.run.disk_limits import limits
    from probe.cli.run.run_request import control_urls, country, network

    control_urls(values["control"], values["control_pin"])
    country(values["cc"])
    network(values["asn"])
    limits(values["keep"], values["max_disk"])


def _edit(draft: Path) -> None:
    """Let the user edit the draft. Raises UsageError without an editor, or if it fails."""
    named = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    words = shlex.split(named) if named else [found for name in EDITORS if (found := shutil.which(name))][:1]
    if not words:
        raise UsageError(tr("No editor was found. Set EDITOR to the name of one, such as nano."), 2)
    try:
        code = subprocess.run([*words, str(draft)], check=False).returncode
    except OSError as error:
        raise UsageError(
            tr(
                "The editor {name} cannot be started ({reason}). Nothing was changed.",
                name=words[0],
                reason=error.strerror,
            ),
            2,
        ) from None
    if code:
        raise UsageError(tr("The editor {name} ended with {code}. Nothing was changed.", name=words[0], code=code), 2)


def _accept(draft: Path, file: Path) -> None:
    """Put the draft in place of the file if all of it can be used. Raises UsageError, and keeps the old file."""
    try:
        list(effective([], settings_in(draft)))
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        rejected = config_folder() / REJECTED
        draft.replace(rejected)
        say(sys.stderr, wrapped(f"probe: {reason.replace(str(draft), file.name)}"))
        raise UsageError(tr("The settings were not changed. What you typed is in {path}.", path=rejected), 2) from None
    draft.replace(file)


def _reason(error: Any) -> str | None:
    """Return what is wrong with a value, in words, None for a bug. The command line has errors of its own."""
    if isinstance(error, UsageError):
        return error.sentence
    return str(error.format_message()) if hasattr(error, "format_message") else None
