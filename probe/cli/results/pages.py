"""Writes the page of `compare` and `show`: private, because it names a network and a time."""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from probe.cli.screen import UsageError, say

if TYPE_CHECKING:
    from probe.analysis.compare.cells import Comparison
    from probe.analysis.compare.verdict_table import VerdictTable


def write_page(
    path: Path, table: "VerdictTable", comparison: "Comparison", sources: Sequence[str], **more: Any
) -> None:
    """Write the page to a file, which only its owner may read. Raises UsageError."""
    from probe.analysis.report.page import page_data, render

    names = [source.rstrip("/").rpartition("/")[2] for source in sources]
    data = page_data(table, comparison, names, **more)
    try:
        page = render(data)
    except ImportError:
        raise UsageError("the page needs jinja2: pip install 'censorprobe[analysis]'", 2) from None
    try:
        with open(path, "w", encoding="utf-8", errors="replace", opener=_private) as file:
            file.write(page)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}); name another file with --html", 2) from None
    say(sys.stderr, f"saved {path}")


def write_receipt(
    path: Path,
    lines: Sequence[tuple[str, int, dict[str, Any]]],
    evidence: Mapping[tuple[str, int, str], Sequence[str]],
) -> None:
    """Write what one run found: the same page with one column. Raises UsageError."""
    from probe.analysis.compare.axes import Question
    from probe.analysis.compare.cells import compare
    from probe.analysis.compare.verdict_table import VerdictTable
    from probe.analysis.verdicts.verdict_row import rows_of

    table = VerdictTable.of_rows(row for file, number, line in lines for row in rows_of(line, file=file, number=number))
    comparison = compare(table, Question(lab=True))
    if not comparison.services:
        raise UsageError("there is nothing to show in it", 6)
    files = list(dict.fromkeys(file for file, _, _ in lines))
    write_page(path, table, comparison, files, title="What this run found", evidence=evidence)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
