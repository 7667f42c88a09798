"""Show what a measurement means for the user, ask two questions, and keep the answer (`probe consent`)."""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from probe.cli.options import new_app, opt, targets_folder
from probe.cli.run.settings import config_folder
from probe.cli.screen import UsageError, say, wrapped
from probe.files import read_regular
from probe.messages import mark, tr
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.targets.target import Endpoint

VERSION = "2026-11"  # of the text below. A user who agreed to another version is asked again.
QUESTIONS = (
    (
        mark("Can a person who watches your connection notice this tool?"),
        True,
        mark("That is not right. It can be noticed, because it sends many names in a pattern that apps do not make."),
    ),
    (
        mark("Will the results be published or uploaded automatically?"),
        False,
        mark("That is not right. They stay in a file on this computer until you share it."),
    ),
)
TEXT = (
    (
        mark("What it does"),
        mark(
            "It connects to {services} as their apps do, and records whether this network allows it. "
            "It uses no account and no login, and it sends no message."
        ),
    ),
    (
        mark("What it contacts"),
        mark(
            "The public servers of these services. Neutral hosts for comparison: {neutral}. "
            "Public resolvers, which see the names of the services: {resolvers}. {non_resolver} "
            "The test helper, if you name one. With --input also the web addresses that you name and their redirects. "
            "A person who watches your connection sees their names. "
            "Leave out addresses that are not safe for you to be seen visiting."
        ),
    ),
    (
        mark("Who can notice"),
        mark(
            "Your internet provider, employer or school, or the operator of this network, can tell that you ran "
            "a measurement tool. The servers see your IP address, as when you use them."
        ),
    ),
    (
        mark("What can happen"),
        mark(
            "Some networks block a service, or a whole server, for some minutes after a blocked name was seen. "
            "You may then not reach it. At most 6 connections are made per name and server. "
            "--repeat N makes N times as many. --depth deep allows 120. "
            "Both make such a block more likely, and you easier to notice."
        ),
    ),
    (
        mark("What is kept"),
        mark(
            "A file on this computer. Nothing is uploaded. Your IP address, host name, user name and home folder are "
            "removed before the file is written. The number and country of your network stay in it. "
            "If something is blocked, the file also names routers on the way, but none near you. "
            "`probe wipe` removes settings and files."
        ),
    ),
    (
        mark("When not to run it"),
        mark(
            "Do not run it if it could endanger you to be found with this tool. "
            "Do not run it on a network that is not yours to test, or if you need these services in the next minutes. "
            "If you are unsure, ask a person you trust who knows the law where you are."
        ),
    ),
)
YES, NO = frozenset({"y", "yes"}), frozenset({"n", "no"})

NO_TERMINAL = UsageError(
    tr(
        "Nothing was sent, because nothing is measured without consent and there is no terminal to ask at. "
        "Read `probe consent`, then use --consent {version} or PROBE_CONSENT={version}.",
        version=VERSION,
    ),
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

    You need a terminal to answer. Without one, read the text and use `--consent VERSION` with the other commands.
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
    """Return if the user agreed to this version, else ask at a terminal. Sends nothing. Raises UsageError (3)."""
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
    elif _kept() != VERSION:
        if not sys.stdin.isatty():
            raise NO_TERMINAL
        ask(folder)


def consent_file() -> Path:
    """Return the file that holds the answer."""
    return config_folder() / "consent"


def _kept() -> str | None:
    try:
        return read_regular(consent_file(), 100).decode("ascii").strip()
    except (OSError, UnicodeDecodeError):
        return None


def ask(folder: Path) -> None:
    """Show the text and ask on stderr, read answers from stdin, and keep a yes. Raises UsageError (3)."""
    for line in text(folder):
        say(sys.stderr, line)
    for number, (question, right, because) in enumerate(QUESTIONS, 1):
        while _answer(f"  {number}/{len(QUESTIONS)}  {tr(question)} [yes/no] ") is not right:
            say(sys.stderr, wrapped(tr(because), 7))
        say(sys.stderr, wrapped(tr("Right."), 7))
    if not _answer("\n" + tr("Measure from this network, as described?") + " [yes/no] "):
        raise UsageError(tr("Nothing was sent, because you did not agree."), 3)
    say(sys.stderr, _keep())


def _answer(question: str) -> bool:
    """Ask until the answer is yes or no. Enter alone is neither."""
    while True:
        print(question, end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            print(file=sys.stderr)
            raise UsageError(
                tr(
                    "Nothing was sent, because there was no answer. To agree, use --consent {version}.", version=VERSION
                ),
                3,
            )
        word = line.strip().lower()
        if word in YES | NO:
            return word in YES
        say(sys.stderr, wrapped(tr("Please type yes or no."), 7))


def _keep() -> str:
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


def text(folder: Path) -> list[str]:
    """Return the consent text in lines of 80 columns. The names in it come from the target files in `folder`."""
    from probe.targets.target import TargetError, load_neutral, load_target, pick_targets

    try:
        titles = [target.title for target in pick_targets(folder, []) if not target.retired]
        resolvers = load_target(folder / "resolvers.toml")
        neutral = load_neutral(folder / "neutral.toml")
    except TargetError as error:
        raise UsageError(str(error), 2) from None
    public = ", ".join(f"{role} ({_hosts(service.endpoints)})" for role, service in resolvers.services.items())
    hosts = _hosts([*neutral.endpoints, *neutral.reachability, *(check for check, _, _ in neutral.portal)])
    dark = tr("It also asks {address}, which should not answer.", address=neutral.dark) if neutral.dark else ""
    facts = {"services": ", ".join(titles), "neutral": hosts, "resolvers": public, "non_resolver": dark}
    lines = [tr("Please read this before anything is sent. It takes one minute."), ""]
    for title, body in TEXT:
        lines += [wrapped(tr(body, **facts), 21, f"  {tr(title):<19}"), ""]
    return "\n".join(lines).split("\n")


def _hosts(endpoints: "Iterable[Endpoint]") -> str:
    return ", ".join(dict.fromkeys(endpoint.host for endpoint in endpoints))
