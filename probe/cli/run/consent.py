"""Show what a measurement means for the user, ask two questions, and keep the answer (`probe consent`)."""

import os
import shutil
import sys
from pathlib import Path
from typing import Annotated, TextIO

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.consent_choices import CHOICES, Choice
from probe.cli.run.consent_text import VERSION, first_screen, text
from probe.cli.run.settings import config_folder
from probe.cli.screen import UsageError, say, wrapped
from probe.cli.typed_answers import YES_OR_NO, answer_in
from probe.files import read_regular
from probe.messages import mark, review_notice, tr
from probe.results import reason_of

QUESTIONS = (
    (
        mark("Can a person who watches your connection notice this tool?"),
        True,
        mark(
            "That is not right. A person who watches your connection can notice this tool, because it sends many names "
            "in a pattern that apps do not make."
        ),
    ),
    (
        mark("Will the results be published or uploaded automatically?"),
        False,
        mark("That is not right. The results stay in a file on this computer until you share the file."),
    ),
)
AGREE = mark("Measure from this network, as described?")

NO_TERMINAL = mark(
    "Nothing was sent, because nothing is measured without consent and there is no terminal to ask at. "
    "Read `probe consent`, then use --consent {version} or PROBE_CONSENT={version}."
)

app = new_app()


@app.command()
def consent(
    version_only: Annotated[
        bool, typer.Option("--version-only", help="Print the version of the text and nothing else.")
    ] = False,
    targets: Annotated[Path | None, opt("--targets", help="Folder of target files instead of the bundled one.")] = None,
) -> None:
    """Read what a measurement means for you, and agree to it.

    You need a terminal to answer. Without one, read the text and use `--consent VERSION` with the other commands.
    """
    if version_only:
        typer.echo(VERSION)
        return
    folder = targets_folder(targets)
    if not sys.stdin.isatty():
        _say_notice(sys.stdout)
        say(sys.stdout, "\n".join(text(folder)))
        raise UsageError(tr(NO_TERMINAL, version=VERSION), 3)
    ask(folder, whole=True)


def require(given: str | None, folder: Path) -> bool:
    """Return if the user agreed to this version, otherwise ask at a terminal. Sends nothing. Raises UsageError (3).

    True is returned if the user was asked now, and may have made choices.
    """
    if given is not None:
        if given != VERSION:
            raise UsageError(
                tr(
                    "Consent {given} is not for the current text. Read `probe consent`, then use --consent {version}.",
                    given=repr(given),
                    version=VERSION,
                ),
                3,
            )
    elif not is_kept():
        if not sys.stdin.isatty():
            raise UsageError(tr(NO_TERMINAL, version=VERSION), 3)
        ask(folder)
        return True
    return False


def consent_file() -> Path:
    return config_folder() / "consent"


def is_kept() -> bool:
    """Return whether the user agreed to this version before."""
    try:
        return read_regular(consent_file(), 100).decode("ascii").strip() == VERSION
    except (OSError, UnicodeDecodeError):
        return False


def ask(folder: Path, *, whole: bool = False) -> None:
    """Show the text and ask on stderr, read answers from stdin, and keep a yes. Raises UsageError (3).

    With `whole` the whole text is shown, else its first screen. The whole text is then shown on request.
    """
    if whole:
        _say_notice(sys.stderr)
        _show_pages(text(folder))
    else:
        say(sys.stderr, "\n".join([*map(wrapped, review_notice()[:1]), *first_screen(folder)]))
    for number, (question, right, because) in enumerate(QUESTIONS, 1):
        while _answer(f"  {number}/{len(QUESTIONS)}  {tr(question)}", folder) is not right:
            say(sys.stderr, wrapped(tr(because), 7))
    if not _answer("  " + tr(AGREE), folder):
        raise UsageError(tr("Nothing was sent, because you did not agree."), 3)
    say(sys.stderr, keep())
    for choice in CHOICES:
        _ask_about(choice, folder)


def _ask_about(choice: Choice, folder: Path) -> None:
    """Ask for a choice that needs no answer, and keep it. The end of the input is a no."""
    say(sys.stderr, wrapped(tr(choice.about)))
    try:
        agreed = _answer("  " + tr(choice.question), folder)
    except UsageError:  # the end of the input
        agreed = False
    try:
        choice.choose(agreed)
    except UsageError as refusal:
        say(sys.stderr, wrapped(refusal.sentence))


def _say_notice(stream: TextIO) -> None:
    for sentence in review_notice():
        say(stream, wrapped(sentence))


def _answer(question: str, folder: Path) -> bool:
    """Ask until the answer is yes or no. Enter alone is neither. `m` shows the whole text."""
    while True:
        say(sys.stderr, f"{question} {tr(YES_OR_NO)}", end=" ")
        answer = answer_in(_typed())
        if answer in {"yes", "no"}:
            return answer == "yes"
        if answer == "more":
            _show_pages(text(folder))
        else:
            say(sys.stderr, wrapped(tr("Please type yes or no, or m for the whole text."), 7))


def _typed() -> str:
    """Return the line that was typed. Raises UsageError (3) at the end of the input."""
    line = sys.stdin.readline()
    if not line:
        print(file=sys.stderr)
        raise UsageError(
            tr("Nothing was sent, because there was no answer. To agree, use --consent {version}.", version=VERSION), 3
        )
    return line


def _show_pages(lines: list[str]) -> None:
    """Print lines in pages of the terminal's height, with Enter between them."""
    height = max(shutil.get_terminal_size().lines - 1, 5)
    for begin in range(0, len(lines), height):
        if begin:
            say(sys.stderr, tr("Press Enter to read on."), end=" ")
            _typed()
        say(sys.stderr, "\n".join(lines[begin : begin + height]))


def keep() -> str:
    """Write the consent to its file, and return the sentence that says whether it is kept."""
    file = consent_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as stream:
            stream.write(VERSION + "\n")
    except OSError as error:
        reason = reason_of(error)
        return tr("The answer cannot be kept ({reason}). You will be asked again next time.", reason=reason)
    return tr("Your consent {version} is kept in {path}. `probe wipe` removes it.", version=VERSION, path=file)
