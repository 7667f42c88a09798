"""Describe what the interface needs of the command line. `probe/cli/ui/` gives it the functions of the commands."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, Protocol

from probe.run_page.run_facts import RunFacts


class Refused(Exception):
    """Report that something cannot be done, with one sentence for the user."""


class Question(NamedTuple):
    """Hold a question about the consent text, its right answer, and why the other answer is wrong."""

    text: str
    right: bool
    because: str


class ConsentText(NamedTuple):
    """Hold the whole text about a measurement, the questions about it, and the last question."""

    sections: Sequence[tuple[str, str]]
    questions: Sequence[Question]
    agree: str


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
    """Hold what leaves with a shared file: sentences about it, rows of the table, and what was removed."""

    about: Sequence[str]
    rows: Sequence[tuple[str, str, str]]
    removed: Sequence[str]


class Shared(NamedTuple):
    """Hold a shared file, the text to paste, the next step, and the dark modules of the text's QR code, if any."""

    path: Path
    text: str
    next_step: str
    code: Sequence[Sequence[int]]


class Settings(NamedTuple):
    """Hold the settings that the interface changes, and the folder that is used. "" means that a key is not set."""

    helper: str
    results: str
    folder: Path
    language: str


class Commands(Protocol):
    """List the functions of the command line that the screens call. Each may raise Refused."""

    def consent_text(self) -> ConsentText: ...
    def has_consent(self) -> bool: ...
    def keep_consent(self) -> str: ...
    def apps(self) -> Sequence[tuple[str, str]]: ...
    def run_command(self, wanted: Wanted, events: Path) -> Sequence[str]: ...
    def runs(self) -> Sequence[Path]: ...
    def results_folder(self) -> Path: ...
    def run_line(self, run: Path) -> RunLine: ...
    def run_facts(self, run: Path) -> RunFacts: ...
    def leaving(self, run: Path) -> Leaving: ...
    def share(self, run: Path, key: str) -> Shared: ...
    def settings(self) -> Settings: ...
    def change_settings(self, helper: str, results: str, language: str) -> None: ...
    def schedule(self) -> Sequence[tuple[str, str]]: ...
    def everything(self) -> Sequence[Path]: ...
    def remove(self, paths: Sequence[Path]) -> Sequence[str]: ...
