"""Describe what the interface needs of the command line. `probe/cli/ui/` gives it the functions of the commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from probe.run_page.run_facts import ShownRun


class CommandRefused(Exception):
    """Report that something cannot be done, with one sentence for the user."""


class ConsentQuestion(NamedTuple):
    """Hold a question about the consent text, its right answer, and why the other answer is wrong."""

    text: str
    right: bool
    because: str


class ConsentChoice(NamedTuple):
    """Hold a choice that is asked after the consent: its name, the question, and what explains it."""

    name: str
    question: str
    about: str


class ConsentText(NamedTuple):
    """Hold the text about a measurement in short and whole, the questions about it, and the last question.

    The choices need no answer.
    """

    in_short: Sequence[tuple[str, str]]
    sections: Sequence[tuple[str, str]]
    questions: Sequence[ConsentQuestion]
    agree: str
    choices: Sequence[ConsentChoice]


class Wanted(NamedTuple):
    """Hold what the user chose to measure. Without names all apps are measured."""

    names: Sequence[str]
    depth: str
    helper: str


class RunLine(NamedTuple):
    """Hold one run of the history: when, where, what was found, and what else is known about its file."""

    time: str
    network: str
    found: str
    notes: Sequence[str]


class Leaving(NamedTuple):
    """Hold what leaves with a shared file: six sentences, what more there is to say, and the rows of the table.

    `key` is the public key that the settings keep.
    """

    in_short: Sequence[str]
    about: Sequence[str]
    rows: Sequence[tuple[str, str, str]]
    removed: Sequence[str]
    key: str = ""


class Shared(NamedTuple):
    """Hold a shared file, the text to paste, the next steps, and the dark modules of the text's QR code, if any."""

    path: Path
    text: str
    next_steps: Sequence[str]
    code: Sequence[Sequence[int]]


class Publishable(NamedTuple):
    """Hold what becomes public with a run: sentences, the rows of the table, and what was removed.

    `key` names the contents of the run and the server, so that a user agrees to exactly what is sent.
    """

    sentences: Sequence[str]
    rows: Sequence[tuple[str, str, str]]
    removed: Sequence[str]
    key: str


class Published(NamedTuple):
    """Hold what happened to measurements that were sent: sentences, and a line for each measurement."""

    sentences: Sequence[str]
    measurements: Sequence[str]


class SavedSettings(NamedTuple):
    """Hold the settings that the interface changes, and the folder that is used. "" means that a key is not set."""

    helper: str
    results: str
    folder: Path
    language: str
    token: bool
    recipient: str = ""
    hand_over: str = ""


class Commands(Protocol):
    """List the functions of the command line that the screens call. Each may raise Refused."""

    def consent_text(self) -> ConsentText: ...
    def has_consent(self) -> bool: ...
    def keep_consent(self) -> str: ...
    def choose(self, name: str, agreed: bool) -> None: ...
    def apps(self) -> Sequence[tuple[str, str]]: ...
    def run_command(self, wanted: Wanted, events: Path) -> Sequence[str]: ...
    def runs(self) -> Sequence[Path]: ...
    def results_folder(self) -> Path: ...
    def run_line(self, run: Path) -> RunLine: ...
    def run_facts(self, run: Path) -> ShownRun: ...
    def leaving(self, run: Path) -> Leaving: ...
    def share(self, run: Path, key: str) -> Shared: ...
    def publishable(self, run: Path) -> Publishable: ...
    async def publish(self, run: Path, key: str) -> Published: ...
    def settings(self) -> SavedSettings: ...
    def change_settings(self, changed: SavedSettings) -> None: ...
    def schedule(self) -> Sequence[tuple[str, str]]: ...
    def everything(self) -> Sequence[Path]: ...
    def shell_lines(self) -> Sequence[str]: ...
    def remove(self, paths: Sequence[Path]) -> Sequence[str]: ...
