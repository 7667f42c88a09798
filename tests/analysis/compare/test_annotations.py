"""Test the notes of an analyst: reading, and files that cannot be used."""

from pathlib import Path

import pytest

from probe.analysis.compare.over_time.annotations import Annotation, read_annotations
from probe.analysis.compare.over_time.csv_rows import CsvError


def written(folder: Path, *lines: str) -> Path:
    path = folder / "notes.csv"
    path.write_text("\n".join(["time,country,service,text", *lines, ""]), encoding="utf-8")
    return path


def test_notes_are_read_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, "2026-11-24T13:00,IR,telegram/web,Court order", '2026-11-02,,,"Election, first round"')
    assert read_annotations(path) == [
        Annotation("2026-11-02", "", "", "Election, first round"),
        Annotation("2026-11-24", "IR", "telegram/web", "Court order"),
    ]


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("yesterday,IR,,x", "Write a line such as"),
        ("2026-10-21,IR,x", "Write a line such as"),
        ("2026-10-21,IR,,x,y", "Write a line such as"),
        ("2026-10-21,Iran,,x", "two capital letters"),
        ("2026-10-21,IR,, ", "and a text"),
    ],
)
def test_bad_line_is_refused_with_its_number(tmp_path: Path, line: str, remedy: str) -> None:
    with pytest.raises(CsvError, match=rf"notes.csv, line 3, cannot be used\. .*{remedy}"):
        read_annotations(written(tmp_path, "2026-10-20,IR,,first", line))
