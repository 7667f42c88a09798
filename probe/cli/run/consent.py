"""`probe consent`: what a measurement means for the volunteer, two questions, and an answer that is kept."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.settings import config_folder
from probe.cli.screen import UsageError, say, wrapped

if TYPE_CHECKING:
    from probe.targets.target import Endpoint

VERSION = "2026-11"  # of the text below; whoever agreed to another one is asked again
QUESTIONS = (
    (
        "Can someone who watches your connection notice this tool?",
        True,
        "They can: the names of the services travel in the clear, in a pattern that apps do not make.",
    ),
    (
        "Will the results be published or uploaded on their own?",
        False,
        "They will not: they stay in a file on this computer until you hand it to somebody.",
    ),
)
YES, NO = frozenset({"y", "yes"}), frozenset({"n", "no"})

NO_TERMINAL = UsageError(
    "nothing is measured without consent, and there is no terminal to ask at; "
    f"read `probe consent`, then give --consent {VERSION} or PROBE_CONSENT={VERSION}",
    3,
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

    Needs a terminal to answer at. Without one: read the text, then give `--consent VERSION` to the other commands.
    """
    if version_only:
        typer.echo(VERSION)
        return
    folder = targets_folder(targets)
    if not sys.stdin.isatty():
        say(sys.stdout, "\n".join(text(folder)))
        raise NO_TERMINAL
    ask(folder)


def require(given: str | None, folder: Path) -> None:
    """Let pass who has agreed to this very text; ask at a terminal. Raises UsageError (3). Sends nothing."""
    if given is not None:
        if given != VERSION:
            raise UsageError(
                f"consent {given!r} is not for the current text; read `probe consent`, then give {VERSION}", 3
            )
    elif _kept() != VERSION:
        if not sys.stdin.isatty():
            raise NO_TERMINAL
        ask(folder)


def consent_file() -> Path:
    """Where the answer is kept."""
    return config_folder() / "consent"


def _kept() -> str | None:
    try:
        return consent_file().read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def ask(folder: Path) -> None:
    """Show the text and put the questions on stderr, answers from stdin; keeps a yes. Raises UsageError (3)."""
    for line in text(folder):
        say(sys.stderr, line)
    for number, (question, right, because) in enumerate(QUESTIONS, 1):
        while _answer(f"  {number}/{len(QUESTIONS)}  {question} [yes/no] ") is not right:
            say(sys.stderr, wrapped(f"No. {because}", 7))
        say(sys.stderr, "       Right.")
    if not _answer("\nMeasure from this network, as described? [yes/no] "):
        raise UsageError("nothing was sent, because you did not agree", 3)
    _keep()
    say(sys.stderr, f"Kept: consent {VERSION}, in {consent_file()} (`probe wipe` removes it).")


def _answer(question: str) -> bool:
    """Ask until there is a yes or a no: Enter alone is neither."""
    while True:
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise UsageError(f"nothing was sent, because there was no answer; --consent {VERSION} agrees too", 3)
        word = line.strip().lower()
        if word in YES | NO:
            return word in YES
        say(sys.stderr, "       Please type yes or no.")


def _keep() -> None:
    file = consent_file()
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as stream:
            stream.write(VERSION + "\n")
    except OSError as error:
        say(sys.stderr, f"The answer cannot be kept ({error.strerror}); you will be asked again next time.")


def text(folder: Path) -> list[str]:
    """The consent text, folded at 80 columns; names of services, resolvers and neutral hosts come from `folder`."""
    from probe.targets.target import TargetError, load_neutral, load_target, pick_targets

    try:
        titles = [target.title for target in pick_targets(folder, []) if not target.retired]
        resolvers = load_target(folder / "resolvers.toml")
        neutral = load_neutral(folder / "neutral.toml")
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    public = ", ".join(f"{role} ({_hosts(service.endpoints)})" for role, service in resolvers.services.items())
    hosts = _hosts([*neutral.endpoints, *(check for check, _, _ in neutral.portal)])
    dark = f" and {neutral.dark}, which is asked because it should not answer" if neutral.dark else ""
    blocks = (
        (
            "What it does",
            f"Connects to {', '.join(titles)} the way their apps do, and notes whether this network "
            "lets it. No account, no login, no message.",
        ),
        (
            "Whom it contacts",
            f"Those services' own public servers. Neutral hosts, to compare with: {hosts}. Public "
            f"resolvers, which see the services' names: {public}{dark}. And the test helper, if you name one. With "
            "--input also the web addresses that you name, and whatever they redirect to: whoever watches sees their "
            "names, so leave out what it is not safe for you to be seen visiting.",
        ),
        (
            "Who can notice",
            "Your internet provider, employer, school, or whoever runs this network can tell that you "
            "ran a measurement tool. The servers see your IP address, as when you use them.",
        ),
        (
            "What can happen",
            "Some networks punish a blocked name: the service, or a whole server, may then be out of "
            "reach for you for some minutes. At most 6 connections per name and server are made; --repeat N makes N "
            "times as many, and --depth deep allows 120, so that such a punishment is likelier and you are easier to "
            "notice.",
        ),
        (
            "What is kept",
            "A file on this computer. Nothing is uploaded. Your IP address, host name, user name and "
            "home folder are removed before it is written. The network's number and country stay in it, and where "
            "something blocks, routers on the way, but none near you. `probe wipe` removes settings and files.",
        ),
        (
            "When not to run it",
            "If being found with this tool could put you in danger; if the network is not yours "
            "to test; if you need these services in the next minutes. When unsure, do not run it, and ask someone you "
            "trust who knows the law where you are.",
        ),
    )
    lines = ["Before anything is sent, please read this (one minute).", ""]
    for title, body in blocks:
        lines += [wrapped(body, 21, f"  {title:<19}"), ""]
    return "\n".join(lines).split("\n")


def _hosts(endpoints: "Iterable[Endpoint]") -> str:
    return ", ".join(dict.fromkeys(endpoint.host for endpoint in endpoints))
