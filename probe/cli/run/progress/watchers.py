"""Choose how the progress of a run is shown: as a moving block, as lines, as events in a file, or not at all.

Findings are the verdicts of finished measurements. Nothing is shown before the rules have decided.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from probe.cli.run.progress.events import Events
from probe.cli.run.progress.known_verdicts import KnownVerdicts
from probe.cli.run.progress.lines import Lines, Quiet, leave_closed_terminal
from probe.cli.run.progress.moving import Moving
from probe.cli.screen import UsageError
from probe.messages import tr
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.run.plan import Watcher


@contextmanager
def progress(
    total: int,
    stream: TextIO,
    plain: bool,
    helpers: Sequence[str] = (),
    *,
    known: KnownVerdicts | None = None,
    quiet: bool = False,
    events: Path | None = None,
) -> "Iterator[Watcher]":
    """Return a watcher for the runner that writes to `stream`.

    `total` is the number of measurements. `helpers` has the URLs of the test helpers, in the user's order. With `quiet`
    only the reason for a refusal is written. With `events` the progress is written to this file, and not to `stream`.
    `known` receives the verdicts of finished measurements.
    """
    if events is not None:
        with _opened(events) as file, Events(total, file, helpers) as written, _judging(written, known):
            yield written
    elif quiet:
        yield Quiet(stream)
        leave_closed_terminal()
    elif plain:
        lines = Lines(total, stream, helpers)
        with _judging(lines, known), lines.alive.while_measuring():
            yield lines
    else:
        from rich.console import Console
        from rich.live import Live

        console = Console(file=stream, highlight=False, markup=False)
        moving = Moving(total, stream, console, helpers)
        live = Live(get_renderable=moving.block, console=console, refresh_per_second=4, transient=True)
        with live, _judging(moving, known):
            yield moving


@contextmanager
def _judging(lines: "Lines", known: KnownVerdicts | None) -> "Iterator[Lines]":
    """Wait for the last verdicts. A closed terminal is left before anything writes to it again."""
    lines.verdicts.known = known or lines.verdicts.known
    try:
        yield lines
        leave_closed_terminal()
    finally:
        lines.verdicts.close()


def _opened(events: Path) -> TextIO:
    """Return the file of the events, opened to append whole lines. Raises UsageError (2)."""
    try:
        return events.open("a", encoding="utf-8", buffering=1)
    except OSError as error:
        raise UsageError(
            tr("The progress cannot be written to {path} ({reason}).", path=events, reason=reason_of(error)), 2
        ) from None
