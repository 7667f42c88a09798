"""Serve the interface with made-up commands in tests, and send requests to it over loopback."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from probe.cli.results.unusable_lines import SkippedLines, usable_measurements
from probe.lab.recordings import recording_of
from probe.local_server.listening import bind, serving
from probe.messages import tr
from probe.run_page.run_facts import ShownRun, last_run
from probe.ui.commands import (
    CommandRefused,
    ConsentChoice,
    ConsentQuestion,
    ConsentText,
    Leaving,
    Publishable,
    Published,
    RunLine,
    SavedSettings,
    Shared,
    Wanted,
)
from probe.ui.interface import Interface
from probe.ui.interface_access import FORM, InterfaceAccess
from probe.ui.interface_server import _unreadable, build
from tests.support.local_server import Answer

WRITING = """
import json, signal, sys, time
def end(*_):
    print("probe: stopped", file=sys.stderr)
    print("saved", sys.argv[2], file=sys.stderr)
    sys.exit(130)
signal.signal(signal.SIGINT, end)
with open(sys.argv[1], "a", buffering=1) as file:
    for event in json.loads(sys.argv[3]):
        file.write(json.dumps(event) + "\\n")
    time.sleep(float(sys.argv[4]))
print("saved", sys.argv[2], file=sys.stderr)
sys.exit(int(sys.argv[5]))
"""
FINDING: dict[str, object] = {
    "event": "finding",
    "app": "a",
    "title": "A",
    "states": {"blocked": 1},
    "text": "<b>A</b>: blocked",
}
PROGRESS: dict[str, object] = {"event": "progress", "done": 1, "total": 2, "text": "1 of 2 done", "phases": "names: 1"}
NOTE: dict[str, object] = {"event": "note", "text": "network: AS64500"}


def recorded(name: str) -> ShownRun:
    """Return what the page of a recorded run shows."""
    facts, _ = last_run(usable_measurements([str(recording_of(name))], SkippedLines()))
    assert facts is not None
    return facts


@dataclass
class MadeUp:
    """Hold made-up commands, whose runs are recordings and whose `probe run` is a small program."""

    folder: Path
    consent: bool = True
    chosen: dict[str, bool] = field(default_factory=dict)
    keeps_choices: bool = True
    events: list[dict[str, object]] = field(default_factory=lambda: [NOTE, FINDING, PROGRESS])
    seconds: float = 0.0
    code: int = 0
    names: tuple[str, ...] = ("great-firewall", "clean")
    wanted: list[Wanted] = field(default_factory=list)
    changed: list[tuple[str, str]] = field(default_factory=list)
    removed: list[Path] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    sends: asyncio.Event = field(default_factory=asyncio.Event)  # until then a run is being published

    def __post_init__(self) -> None:
        for run in self.runs():
            run.touch()

    def consent_text(self) -> ConsentText:
        questions = [
            ConsentQuestion("Is it seen?", True, "It is seen."),
            ConsentQuestion("Is it sent?", False, "It is not sent."),
        ]
        return ConsentText(
            [("In short", "What can happen.")],
            [("Risks", "Everything that can happen.")],
            questions,
            "Measure?",
            [
                ConsentChoice("public_helper", "OONI's?", "It helps."),
                ConsentChoice("token", "A code?", "It is a code."),
            ],
        )

    def has_consent(self) -> bool:
        return self.consent

    def keep_consent(self) -> str:
        self.consent = True
        return "kept"

    def choose(self, name: str, agreed: bool) -> None:
        if not self.keeps_choices:
            raise CommandRefused("not kept")
        self.chosen[name] = agreed

    def apps(self) -> Sequence[tuple[str, str]]:
        return [("signal", "Signal"), ("x", "X <script>")]

    def run_command(self, wanted: Wanted, events: Path) -> Sequence[str]:
        import json

        if wanted.helper == "bad":
            raise CommandRefused(tr("There is no such file."))
        self.wanted.append(wanted)
        saved, told = str(self.runs()[0]), json.dumps(self.events)
        return [sys.executable, "-c", WRITING, str(events), saved, told, str(self.seconds), str(self.code)]

    def runs(self) -> Sequence[Path]:
        return [self.folder / f"{name}.jsonl" for name in self.names]

    def results_folder(self) -> Path:
        return self.folder

    def run_line(self, run: Path) -> RunLine:
        return RunLine("2026-11-27", f"QX {run.stem}", "5 blocked", ["1 unusable line"])

    def run_facts(self, run: Path) -> ShownRun:
        return recorded(run.stem)

    def leaving(self, run: Path) -> Leaving:
        return Leaving(["in short"], ["about"], [("`probe_asn`", "yes", "compared")], ["removed"], "age1kept")

    def share(self, run: Path, key: str) -> Shared:
        if key:
            raise CommandRefused("no key")
        return Shared(self.folder / "shared" / "x", "one <two>\nthree", ["next"], [[1, 0], [0, 1]])

    def publishable(self, run: Path) -> Publishable:
        return Publishable(["`all` is public"], [("`probe_asn`", "yes", "compared")], ["removed"], f"key of {run.stem}")

    async def publish(self, run: Path, key: str) -> Published:
        if key != f"key of {run.stem}":
            raise CommandRefused("another key")
        self.published.append(run.stem)
        await self.sends.wait()
        return Published(["sent: 1", "<b>not all</b>"], ["signal  sent  20261124"])

    def settings(self) -> SavedSettings:
        return SavedSettings("https://helper.example", "", self.folder, "", self.chosen.get("token", False))

    def shell_lines(self) -> list[str]:
        return []

    def change_settings(self, changed: SavedSettings) -> None:
        helper, results, language = changed.helper, changed.results, changed.language
        if helper == "bad":
            raise CommandRefused("no helper")
        self.changed.append((helper, results, language))

    def schedule(self) -> Sequence[tuple[str, str]]:
        return [("cron", "a\nb")]

    def everything(self) -> Sequence[Path]:
        return [self.folder / "one", self.folder / "two"]

    def remove(self, paths: Sequence[Path]) -> Sequence[str]:
        self.removed += paths
        self.consent = False
        return []


@dataclass
class Served:
    """Hold a running interface, and send requests with its cookie."""

    session: aiohttp.ClientSession
    interface: Interface
    commands: MadeUp

    @property
    def access(self) -> InterfaceAccess:
        return self.interface.access

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.access.port}"

    async def get(self, name: str, **headers: str) -> Answer:
        """Open a screen with the cookie."""
        return await self.send("GET", self.access.folder + name, None, self.known(headers))

    async def post(self, name: str, fields: dict[str, str], *, token: bool = True, **headers: str) -> Answer:
        """Send a form of one of the pages."""
        form = {**fields, **({FORM: self.access.form} if token else {})}
        return await self.send("POST", self.access.folder + name, form, self.known(headers))

    async def send(self, method: str, path: str, form: object, headers: dict[str, str]) -> Answer:
        """Send a request as it is."""
        asked = self.session.request(method, self.origin + path, data=form, headers=headers, allow_redirects=False)
        async with asked as response:
            return Answer(response.status, response.headers, await response.read())

    def known(self, headers: dict[str, str]) -> dict[str, str]:
        cookie = f"{self.access.cookie_name}={self.access.cookie}"
        return {"Cookie": cookie, **{name.replace("_", "-"): value for name, value in headers.items()}}


@asynccontextmanager
async def offered(commands: MadeUp) -> AsyncIterator[Served]:
    bound = bind(0)
    interface = Interface(commands, InterfaceAccess(bound.getsockname()[1]), asyncio.Event())
    jar = aiohttp.DummyCookieJar()
    async with serving(build(interface), bound, _unreadable), aiohttp.ClientSession(cookie_jar=jar) as session:
        yield Served(session, interface, commands)
        if interface.run is not None:
            await interface.end_run(asyncio.Event())
            interface.run.forget()
