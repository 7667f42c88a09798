"""Write the HTML page of `compare` and `show`, with mode 0600, since it contains a network and times."""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.cli.screen import UsageError, say, write_error
from probe.messages import printable, tr
from probe.results import reason_of

if TYPE_CHECKING:
    from probe.analysis.compare.cells import Comparison
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.verdicts.verdict_row import VerdictRow


def write_page(
    path: Path, table: "VerdictTable", comparison: "Comparison", sources: Sequence[str], **more: Any
) -> None:
    """Write the page to a file that only its owner can read. Raises UsageError."""
    from probe.analysis.report.page.page_data import page_data
    from probe.analysis.report.page.render import render

    names = [source.rstrip("/").rpartition("/")[2] for source in sources]
    page = render(page_data(table, comparison, names, **more))
    try:
        _write_privately(path, page)
    except OSError as error:
        refusal = tr(
            "{path} cannot be written: {reason}. Give another file with --html.", path=path, reason=reason_of(error)
        )
        raise write_error(error, path, refusal, 2) from None
    say(sys.stderr, f"saved {printable(path)}")


def write_receipt(path: Path, judged: Iterable[tuple[str, int, dict[str, Any], Mapping[str, Sequence[str]]]]) -> None:
    """Write the verdicts of one run, on the same page with one column. Raises UsageError.

    `judged` yields file, line number, measurement, and the sentences of evidence by service.
    """
    from probe.analysis.compare.axes import Question
    from probe.analysis.compare.cells import compare
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.verdicts.verdict_row import rows_of

    files, evidence = dict[str, None](), dict[tuple[str, int, str], Sequence[str]]()

    def rows() -> "Iterator[VerdictRow]":
        for file, number, measurement, shown in judged:
            files[file] = None
            evidence.update({(file, number, service): sentences for service, sentences in shown.items()})
            yield from rows_of(measurement, file=file, number=number)

    table = VerdictTable.of_rows(rows())
    comparison = compare(table, Question(lab=True))
    if not comparison.services:
        raise UsageError(tr("The results file contains no measurement that can be judged."), 6)
    write_page(path, table, comparison, list(files), title="What this run found", evidence=evidence)


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
