"""Hold what all screens of one server share: the commands, the access, and the run that goes on."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypeVar

from probe.messages import tr
from probe.results import reason_of
from probe.ui.commands import CommandRefused, Commands, Published, RunLine, Wanted
from probe.ui.interface_access import InterfaceAccess
from probe.ui.measuring_run import MeasuringRun, new_events_file

STOPPED_WITHIN = 30.0  # seconds for a run to end after it was stopped. The longest step and the writing take 20.
Answer = TypeVar("Answer")


class Publication(NamedTuple):
    """Hold the name of a run that is published, and the task that sends it."""

    run: str
    sending: asyncio.Task[Published]


class Interface:
    """Hold the state of the interface. Everything else is in files, as for the command line."""

    def __init__(self, commands: Commands, access: InterfaceAccess, ended: asyncio.Event) -> None:
        self.commands, self.access, self.ended = commands, access, ended
        self.run: MeasuringRun | None = None
        self.publication: Publication | None = None  # the last one
        self._agreed = False  # in this interface, where the answer cannot be kept
        self._starting = asyncio.Lock()

    @property
    def measures(self) -> bool:
        return self.run is not None and not self.run.ended

    def busy(self) -> str:
        """Return the sentence about what goes on and must end first, "" for nothing."""
        if self.measures:
            return tr("A run is under way. Wait for its end, or stop it first.")
        if self.publication is not None and not self.publication.sending.done():
            return tr("A run is being published. Wait for its end.")
        return ""

    def has_consent(self) -> bool:
        """Return whether the user agreed, in this interface or before."""
        return self._agreed or self.commands.has_consent()

    def agree(self) -> str:
        """Keep the consent. Return the sentence that says where."""
        self._agreed = True
        return self.commands.keep_consent()

    def withdraw(self) -> None:
        """Forget the consent, the last run and its publication, because everything was removed."""
        self._agreed, self.run, self.publication = False, None, None

    async def start(self, wanted: Wanted) -> None:
        """Start a run. Raises Refused."""
        async with self._starting:
            if sentence := self.busy():
                raise CommandRefused(sentence)
            if not self.has_consent():
                raise CommandRefused(tr("Nothing was sent, because you did not agree."))
            self._start(wanted)

    def _start(self, wanted: Wanted) -> None:
        try:
            events = new_events_file()
            command = self.commands.run_command(wanted, events)
            earlier, self.run = self.run, MeasuringRun.start(command, events)
        except OSError as error:
            raise CommandRefused(tr("The run cannot be started ({reason}).", reason=reason_of(error))) from None
        if earlier is not None:
            earlier.forget()

    async def publish(self, name: str, key: str) -> None:
        """Begin to publish what a user agreed to. Raises Refused."""
        run = await self.known(name)
        if sentence := self.busy():
            raise CommandRefused(sentence)
        self.publication = Publication(name, asyncio.create_task(self.commands.publish(run, key)))

    async def known(self, name: str) -> Path:
        """Return the run with this name in the results folder. Raises Refused."""
        runs = await self.compute(self.commands.runs)
        found = next((run for run in runs if self.name_of(run) == name), None)
        if found is None:
            raise CommandRefused(tr("This run is no longer in the results folder."))
        return found

    def name_of(self, run: Path) -> str:
        """Return the name of a run in addresses: its path in the results folder."""
        folder = self.commands.results_folder().absolute()
        return run.absolute().relative_to(folder).as_posix() if run.absolute().is_relative_to(folder) else run.name

    async def lines(self, runs: Sequence[Path]) -> list[tuple[str, RunLine]]:
        return [(self.name_of(run), await self.compute(partial(self.commands.run_line, run))) for run in runs]

    async def compute(self, function: Callable[[], Answer]) -> Answer:
        """Call a function that reads files in a thread, so that other pages are answered meanwhile."""
        return await asyncio.to_thread(function)

    async def end_run(self, again: asyncio.Event) -> MeasuringRun | None:
        """Stop the run under way and wait for its end. `again` stops it immediately. Return it."""
        run = self.run
        if run is None or run.ended:
            return None
        run.stop()
        asked = asyncio.create_task(again.wait())
        await asyncio.wait({run.watching, asked}, timeout=STOPPED_WITHIN, return_when=asyncio.FIRST_COMPLETED)
        if not run.ended:
            run.stop()
            await asyncio.wait({run.watching}, timeout=STOPPED_WITHIN)
        asked.cancel()
        return run
