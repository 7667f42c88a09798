"""Define the command line: one file per command, imported only when it is called.

Commands import the rest of the program inside their functions, so that `probe --help` starts quickly. This is the only
reason for imports inside functions.
"""

import gc
import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

import typer
from typer.core import TyperGroup
from typer.main import get_command

from probe import __version__

# command: (module, one sentence), in the order of the help page
COMMANDS: dict[str, tuple[str, str]] = {
    "run": ("probe.cli.run.run", "Measure, print verdicts, and write one JSON line per measurement."),
    "ui": ("probe.cli.ui.ui", "Measure and read results in a browser on this computer."),
    "consent": ("probe.cli.run.consent", "Read what a measurement means for you, and agree to it."),
    "doctor": ("probe.cli.run.doctor", "Check whether this network is fit to measure from."),
    "show": ("probe.cli.results.show", "Show what a run found (--why: with the evidence)."),
    "advice": ("probe.cli.results.advice", "Say what you can do about apps that do not work."),
    "list": ("probe.cli.results.list", "List earlier runs."),
    "compare-runs": ("probe.cli.results.compare_runs", "Show what changed between two runs."),
    "share": ("probe.cli.sharing.share", "Write one file of a run for an analyst, and a text to paste."),
    "submit": ("probe.cli.sharing.submit", "Publish one run through OONI's server, after asking."),
    "queue": ("probe.cli.sharing.queue", "List, send and drop measurements that wait to be published."),
    "receive": ("probe.cli.sharing.receive", "Check shared files, and keep them for probe ingest."),
    "config": ("probe.cli.config", "Show and edit the settings, with the source of each value."),
    "wipe": ("probe.cli.results.wipe", "Remove everything that probe keeps, after listing it."),
    "targets": ("probe.cli.targets", "List, show and check target files."),
    "judge": ("probe.cli.results.judge", "Compute verdicts again, from any file of measurements."),
    "validate": ("probe.cli.results.validate", "Check that measurements fit the published schema."),
    "rules": ("probe.cli.results.rules", "Print the rules and the mechanism names."),
    "stores": ("probe.cli.stores.stores", "Ask app stores which apps they list in a country."),
    "fetch": ("probe.cli.data.fetch", "Fetch measurements that OONI published."),
    "ingest": ("probe.cli.data.ingest", "Add measurements to a store."),
    "sql": ("probe.cli.data.sql", "Query a store in SQL, read-only."),
    "store": ("probe.cli.data.store", "Describe, check, compact and migrate a store, and remove measurements from it."),
    "export": ("probe.cli.data.export", "Write a table of a store as parquet, csv, jsonl or sqlite."),
    "cite": ("probe.cli.data.cite", "Print the sources of a store's figures, for citation."),
    "why": ("probe.cli.data.kept_reasons", "Show the evidence of one measurement of a store."),
    "synth": ("probe.cli.data.synth", "Write synthetic measurements and the truth about them."),
    "compare": ("probe.cli.data.compare", "Compare vantage points."),
    "series": ("probe.cli.data.series", "Show services day by day."),
    "events": ("probe.cli.data.events", "Find when interference began and ended, and on which networks."),
    "explore": ("probe.cli.data.explore", "Serve the page of compare, and an API, to this computer."),
    "helper": ("probe.cli.helper", "Serve as the test helper that measures from outside."),
    "lab": ("probe.cli.lab.lab", "Measure inside an emulated Internet with a censor in it."),
    "help": ("probe.cli.help.help", "Explain exit codes and other topics, or a command."),
}
GROUPS = {
    "Measure and read results": (
        "run",
        "ui",
        "consent",
        "doctor",
        "show",
        "advice",
        "list",
        "compare-runs",
        "config",
        "wipe",
        "help",
    ),
    "Hand over and publish results": ("share", "submit", "queue"),
    "For analysts": (
        *(
            "receive",
            "judge",
            "validate",
            "rules",
            "stores",
            "fetch",
            "ingest",
            "sql",
            "store",
            "export",
            "cite",
            "why",
        ),
        *("synth", "compare", "series", "events", "explore"),
    ),
    "For operators of helpers, and for developers": ("helper", "targets", "lab"),
}
"""The headings of the help page, with the commands that their readers use."""
FULL_DISK = 7  # exit code
GARBAGE = (10_000, 10, 10)  # thresholds of the search for cycles. With Python's it takes a tenth of a run's CPU
# they read the settings file
MEASURING = frozenset(
    {"run", "doctor", "show", "advice", "list", "compare-runs", "targets", "share", "receive", "submit", "queue"}
)
PARTS = {"queue": ("list", "send", "drop")}  # commands of a group, which have its settings


BadUsage: Any = typer.BadParameter.__mro__[1]  # UsageError of click, of which newer versions of typer have a copy


@contextmanager
def _printable_errors() -> Iterator[None]:
    """Write control characters in errors about the command line as escapes. A shell's `*` puts file names into it."""
    try:
        yield
    except BadUsage as error:
        from probe.messages import printable, printable_lines

        shown = error.format_message()
        if printable_lines(shown) == shown:
            raise
        raise BadUsage(printable(shown), error.ctx) from None


class LazyGroup(TyperGroup):
    """List the commands by name, and import a command's module when it is called."""

    def make_context(self, *args: Any, **more: Any) -> Any:
        with _printable_errors():
            return super().make_context(*args, **more)

    def invoke(self, ctx: Any) -> Any:
        with _printable_errors():
            return super().invoke(ctx)

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name in MEASURING and not ctx.resilient_parsing:
            from probe.cli.run.settings import defaults

            found = defaults()
            ctx.default_map = {cmd_name: found | dict.fromkeys(PARTS.get(cmd_name, ()), found)}
        from probe.cli.help.command_examples import add_examples
        from probe.cli.language import accept
        from probe.cli.value_names import name_values

        app: typer.Typer = importlib.import_module(COMMANDS[cmd_name][0]).app
        command = add_examples(accept(name_values(get_command(app))), cmd_name)
        command.name = cmd_name
        return command

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command, or fail with the nearest name."""
        if args and not args[0].startswith("-") and args[0] not in COMMANDS:
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, 1)
            ctx.fail(f"No such command {args[0]!r}." + (f" Did you mean {near[0]!r}?" if near else ""))
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        for heading, names in GROUPS.items():
            with formatter.section(heading):
                formatter.write_dl([(name.ljust(max(map(len, COMMANDS))), COMMANDS[name][1]) for name in names])


app = typer.Typer(
    cls=LazyGroup, rich_markup_mode=None, pretty_exceptions_enable=False, no_args_is_help=True, add_completion=True
)


def _print_version(asked: bool) -> None:
    if asked:
        from probe.platforms.systems import platform_name

        typer.echo(f"censorprobe {__version__} (Python {sys.version.split()[0]}, {platform_name()})")
        raise typer.Exit()


def _switch_language(lang: str | None) -> None:
    from probe.cli.language import switch

    switch(lang)


@app.callback()
def probe(
    version: bool = typer.Option(
        False, "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
    ),
    lang: str | None = typer.Option(
        None,
        "--lang",
        metavar="LANG",
        callback=_switch_language,
        is_eager=True,
        help="Language of the sentences, such as fa. Commands accept this option too.",
    ),
) -> None:
    """Measure which messaging and calling services this network blocks, how, and with what evidence.

    Start with `probe lab run great-firewall`, which needs no network, or with `probe run`.
    """


def main() -> None:
    """Run the command line and exit. Errors are printed as one sentence, without a traceback."""
    gc.set_threshold(*GARBAGE)
    name = "probe" if sys.argv[0].endswith("__main__.py") else os.path.basename(sys.argv[0])
    try:
        _run(name)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        _discard(sys.stdout)  # the reader has gone
        sys.exit(0)
    except Exception as error:
        sys.exit(_explain(error))


def _run(name: str) -> None:
    """Run the command, and write the rest of its output while errors can still be explained."""
    try:
        app(prog_name=name)
    except SystemExit:
        if sys.stdout is not None:  # it is None if the caller closed it
            sys.stdout.flush()
        raise


def _discard(stream: TextIO) -> None:
    """Discard what is left in the buffer of a stream, so that the interpreter's final flush does not fail."""
    with open(os.devnull, "wb") as nothing:
        os.dup2(nothing.fileno(), stream.fileno())


def _explain(error: Exception) -> int:
    """Print an error on stderr and return the exit code."""
    from probe.cli.screen import UsageError
    from probe.messages import tr
    from probe.results import FullDisk, full_disk, is_full

    if isinstance(error, OSError) and is_full(error):
        if error.filename is None:  # the command names every file that it writes, so this is a stream
            _discard(sys.stdout)
        error = full_disk(error, error.filename or tr("the output"))
    if isinstance(error, FullDisk):
        _print_error(str(error))
        return FULL_DISK
    if isinstance(error, UsageError):
        _print_error(error.sentence)
        return error.exit_code
    if isinstance(error, ModuleNotFoundError) and (module := (error.name or "").partition(".")[0]) not in {"", "probe"}:
        for sentence in _missing_library(module):
            _print_error(sentence)
        return 2
    if os.environ.get("PROBE_TRACEBACK"):
        raise error
    where = _place(error)
    bug = f"{type(error).__name__} at {where}"
    _print_error(tr("This is a bug in probe, not in your network: {bug}", bug=bug))
    _print_error(tr("Please report that line. PROBE_TRACEBACK=1 shows more."))
    return 1


def _missing_library(module: str) -> list[str]:
    """Return which library is missing, and how it is installed. Android has some of them only from Termux."""
    from probe.messages import tr
    from probe.platforms.installation import command_for_library

    command = command_for_library(module)
    missing = tr(
        "{library} is missing, and this command needs it. Install it with: {command}", library=module, command=command
    )
    if not command.startswith("pkg "):
        return [missing]
    return [
        missing,
        tr("The environment of this program must be made with --system-site-packages, to find what pkg installs."),
    ]


def _print_error(sentence: str) -> None:
    from probe.cli.screen import say

    try:
        say(sys.stderr, f"probe: {sentence}")
    except OSError:  # the exit code remains
        _discard(sys.stderr)


def _place(error: Exception) -> str:
    """Return the innermost place in our own code, without folders, which may contain the user's name."""
    import traceback

    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "probe" in frame.filename]
    if not frames:
        return "an unknown place"
    return f"{os.path.basename(frames[-1].filename)}:{frames[-1].lineno}"
