"""Write the HTML page of `compare` and `show`, with mode 0600, since it contains a network and times."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from probe.cli.screen import UsageError, say, write_error
from probe.messages import printable, tr
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.analysis.compare.cells import Comparison
    from probe.analysis.compare.over_time.annotations import Annotation
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.listings.joined import Joined
    from probe.analysis.verdicts.verdicts import Located
    from probe.captures.capture_measurements import CapturedMeasurement
    from probe.captures.captured_set import CapturedSet


def write_page(
    path: Path,
    table: "VerdictTable",
    comparison: "Comparison",
    sources: Sequence[str],
    annotations: "Sequence[Annotation]" = (),
    stores: "Sequence[Joined]" = (),
) -> None:
    """Write the page to a file that only its owner can read. Raises UsageError."""
    from probe.analysis.report.page.page_data import page_data
    from probe.analysis.report.page.render import render

    names = [source.rstrip("/").rpartition("/")[2] for source in sources]
    _save(path, render(page_data(table, comparison, names, annotations=annotations, stores=stores)))


def write_run_page(path: Path, measurements: "Iterable[Located]") -> None:
    """Write the page of the last run in the measurements. Raises UsageError."""
    from probe.run_page.run_facts import last_run
    from probe.run_page.run_page import run_page

    run, count = last_run(measurements)
    if run is None:
        raise UsageError(tr("The results file contains no measurement that can be judged."), 6)
    if count > 1:
        say(sys.stderr, tr("The file contains {count} runs. The page shows the last one.", count=count))
    _save(path, run_page(run))


def write_ladder_page(path: Path, reading: "CapturedSet", measurements: "Iterable[CapturedMeasurement]") -> None:
    """Write the page of a set of captures. Raises UsageError."""
    from probe.analysis.verdicts.verdicts import judge_measurement
    from probe.run_page.ladder_page import ladder_page

    file = ", ".join(reading.names)
    judged = [
        (each, judge_measurement(each.document, file=file, number=number))
        for number, each in enumerate(measurements, 1)
    ]
    _save(path, ladder_page(reading.names, judged, reading.flows))


def _save(path: Path, page: str) -> None:
    """Write a page, and say where it is. Raises UsageError."""
    try:
        _write_privately(path, page)
    except OSError as error:
        refusal = tr(
            "{path} cannot be written: {reason}. Give another file with --html.", path=path, reason=reason_of(error)
        )
        raise write_error(error, path, refusal, 2) from None
    say(sys.stderr, f"saved {printable(path)}")


def _write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner can read. An older one is replaced when the new one is complete."""
    final = path.resolve()
    replaced = final.is_file() or not final.exists()  # not a device or a pipe
    part = final.with_name(f"{final.name}.part") if replaced else final
    try:
        with open(part, "w", encoding="utf-8", errors="replace", opener=_private) as file:
            file.write(text)
        if replaced:
            part.replace(final)
    except OSError:
        if replaced:
            part.unlink(missing_ok=True)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
