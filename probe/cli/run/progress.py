"""Show the progress of a run: one moving line per target on a terminal, else one line per finished target."""

import errno
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from probe.cli.run.findings import findings, helper_finding, refusal
from probe.cli.run.run_time import expected_time
from probe.cli.screen import origin_header, say, wrapped
from probe.formats.origin import origin_of
from probe.messages import printable, printable_lines, tr, tr_plural

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from probe.run.runner import Watcher
    from probe.run.vantage import Vantage
    from probe.signatures.unfit_networks import Unfit
    from probe.targets.target import Target


@contextmanager
def progress(total: int, stream: TextIO, plain: bool, helpers: Sequence[str] = ()) -> "Iterator[Watcher]":
    """Return a watcher for the runner that writes to `stream`.

    `total` is the number of measurements. `helpers` has the URLs of the test helpers, in the user's order.
    """
    if plain:
        yield Lines(total, stream, helpers)
        leave_closed_terminal()
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(finished_text=" "), TextColumn("{task.description}", markup=False), TimeElapsedColumn())
    console = Console(file=stream, highlight=False, markup=False)
    with Progress(*columns, console=console, refresh_per_second=4) as bars:
        yield Moving(total, stream, bars, helpers)
        leave_closed_terminal()


class Lines:
    """Print one line per finished target, for pipes, logs, screen readers and simple terminals."""

    def __init__(self, total: int, stream: TextIO, helpers: Sequence[str] = ()) -> None:
        self.total, self.done, self._stream, self._helpers = total, 0, stream, helpers

    def write(self, text: str) -> None:
        say(self._stream, text)

    def prepared(self, facts: Mapping[str, Any], vantage: "Vantage") -> None:
        if (origin := origin_of({"annotations": vantage.annotations})).artificial:
            self.write(origin_header(origin))
        checked = map(helper_finding, self._helpers, facts.get("helpers") or ())
        for finding in (*findings(facts), *checked):
            if finding.state != "fine":
                self.write(wrapped(finding.sentence, 4, f"  {finding.subject}: "))
        network = " ".join(word for word in (vantage.probe_asn, vantage.network_name, vantage.probe_cc) if word)
        subject = tr("network")
        self.write(wrapped(vantage.sentence or network, 4, f"  {subject}: "))
        measuring = tr_plural(
            "Measuring {count} target. Ctrl-C stops and keeps what is finished.",
            "Measuring {count} targets. Ctrl-C stops and keeps what is finished.",
            self.total,
        )
        self.write(measuring)

    def refused(self, facts: Mapping[str, Any], reason: "Unfit") -> None:
        self.write(wrapped(refusal(facts, reason)))

    def expected(self, seconds: float, limit: float | None) -> None:
        for sentence in expected_time(seconds, limit):
            self.write(wrapped(sentence))

    def started(self, target: "Target") -> None:
        """Print nothing yet."""

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        self.done += 1
        done = tr("{done} of {total}", done=self.done, total=self.total)
        self.write(f"  {printable(target.title):<23} {summary(documents):<34} {seconds:5.1f} s  {done}")

    def stopping(self, why: str) -> None:
        leave_closed_terminal()
        self.write(why)


class Moving(Lines):
    """Show a moving line per target on a terminal while it is measured."""

    def __init__(self, total: int, stream: TextIO, bars: "Progress", helpers: Sequence[str] = ()) -> None:
        super().__init__(total, stream, helpers)
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def write(self, text: str) -> None:
        self._bars.console.print(printable_lines(text))

    def started(self, target: "Target") -> None:
        state = tr("measuring")
        self._tasks[target.name] = self._bars.add_task(f"{printable(target.title):<23} {state}", total=1)

    def finished(self, target: "Target", documents: Sequence[Mapping[str, Any]], seconds: float) -> None:
        self.done += 1
        done = tr("{done} of {total}", done=self.done, total=self.total)
        text = f"{printable(target.title):<23} {summary(documents):<34} {done}"
        self._bars.update(self._tasks[target.name], description=text, completed=1)


def leave_closed_terminal() -> None:
    """Replace standard output and standard error by /dev/null where their terminal was closed.

    Every later write to it would fail with EIO, and the run could not end in order.
    """
    for descriptor in (1, 2):
        try:
            os.write(descriptor, b"")
        except OSError as error:
            if error.errno == errno.EIO:
                with open(os.devnull, "wb") as nothing:
                    os.dup2(nothing.fileno(), descriptor)


def summary(documents: Sequence[Mapping[str, Any]]) -> str:
    """Return how many attempts worked, without a verdict. The rules give the verdict at the end."""
    records = [record for line in documents for record in line["test_keys"].get("x_transactions", ())]
    tried = [record for record in records if record["kind"] == "first"]
    worked = sum(record["failure"] is None for record in tried)
    closer = sum(record["kind"] in {"confirm", "followup"} for record in records)
    if not tried:
        return tr("nothing was tried")
    if closer:
        return tr("{worked} of {tried} worked, {closer} more tests", worked=worked, tried=len(tried), closer=closer)
    return tr("{worked} of {tried} attempts worked", worked=worked, tried=len(tried))
