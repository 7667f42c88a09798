"""Test `probe compare`, `series` and `events` with a store, and the HTML page."""

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

from probe.analysis.compare.axes import CONDITIONS
from probe.analysis.compare.terminal.style import Style
from probe.analysis.report.notebook import Verdicts
from probe.cli.data.verdict_tables import style_of
from tests.analysis.compare.test_events import bad, fine
from tests.cli.results.test_judge import call, lines
from tests.support.measurements.verdict_rows import store
from tests.support.packed_page import unpacked
from tests.support.store.stores import some_lines, store_of, write


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    store(tmp_path, fine(5, range(9)), bad(5, range(9, 15)))
    return tmp_path


@pytest.mark.usefixtures("one_contributor_is_enough")
def test_store_can_be_compared(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("events", "--json", str(kept)) == 0
    assert json.loads(capsys.readouterr().out)["onset"] == "2026-10-10"
    assert call("series", "--only", "service=telegram/web", "--since", "2026-10-10", str(kept)) == 0
    assert capsys.readouterr().out.count("████████████████████  BLOCKED 5/5") == 6
    assert call("compare", "--json", "--by", "cc", str(kept)) == 0
    assert json.loads(capsys.readouterr().out)["n"] == 75


@pytest.mark.parametrize("by", [*CONDITIONS, "target,asn,software", ",".join(CONDITIONS)])
def test_every_word_of_by_gets_an_answer(by: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store(tmp_path, fine(2, range(2)), bad(2, range(2, 4)))
    assert call("compare", "--by", by, str(tmp_path)) == 0, capsys.readouterr().err
    assert "telegram" in capsys.readouterr().out
    if "," in by:
        assert call("compare", "--lab", "--by", by, "--html", str(tmp_path / "page.html"), str(tmp_path)) == 0


def test_empty_selection_exits_with_6(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("series", "--since", "2027-01-01", str(kept)) == 6
    assert "No measurement matches" in capsys.readouterr().err
    assert call("compare", "--only", "cc=ZZ", str(kept)) == 6
    assert call("events", "--until", "2001-01-01", str(kept)) == 6
    assert "No measurement matches" in capsys.readouterr().err.splitlines()[-1]


def test_baseline_without_measurements_is_reported(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "--baseline", "cc=ZZ", str(kept)) == 0
    assert capsys.readouterr().err == "No measurement was made at the baseline cc=ZZ. Nothing is compared.\n"
    assert call("compare", "--baseline", "cc=IR", str(kept)) == 0
    assert capsys.readouterr().err == ""


class Screen(io.StringIO):
    """A terminal of 60 columns."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("command", ["compare", "series"])
def test_terminal_gets_bars_colours_and_its_width(kept: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.delenv("NO_COLOR", raising=False)
    shown: dict[str, str] = {}
    for name in ("", "NO_COLOR"):
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", screen := Screen())
            if name:
                patch.setenv(name, "1")
            assert call(command, "--since", "2026-10-08", str(kept)) == 0
            shown[name] = screen.getvalue()
    assert "████" in shown[""] and "\x1b[31;1mBLOCKED" in shown[""]
    assert re.sub(r"\x1b\[[0-9;]*m", "", shown[""]) == shown["NO_COLOR"]
    assert max(map(len, shown["NO_COLOR"].splitlines())) < 60


def test_style_is_that_of_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "7")
    assert style_of(Screen()).width == 40
    monkeypatch.setenv("COLUMNS", "300")
    assert style_of(Screen()).width == 80
    assert style_of(io.TextIOWrapper(io.BytesIO(), "latin-1")) == Style(80, glyphs=False)
    assert style_of(io.TextIOWrapper(io.BytesIO(), "utf-8")) == Style(80, glyphs=True)


def page_of(path: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', path.read_text(), re.DOTALL)
    assert found is not None
    data = json.loads(found[1])
    return {**data, **{key: unpacked(data[key]) for key in ("cells", "verdicts")}}


def test_page_is_private_and_has_cells(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "page.html"
    assert call("compare", "--html", str(page), str(kept)) == 0
    out, err = capsys.readouterr()
    assert (out, err) == ("", f"saved {page}\n")
    assert page.stat().st_mode & 0o777 == 0o600
    assert page_of(page)["cells"][0]["text"] == "BLOCKED 30/30, since 2026-10-10, fails 61-100 %"
    assert page_of(page)["sources"] == [kept.name]  # a home path identifies the user


def test_notes_are_on_the_page(kept: Path, tmp_path: Path) -> None:
    page, notes = tmp_path / "page.html", tmp_path / "notes.csv"
    notes.write_text("time,country,service,text\n2026-10-10T12:00,IR,,Court order\n")
    assert call("compare", "--html", str(page), "--annotations", str(notes), str(kept)) == 0
    wanted = {"day": "2026-10-10", "cc": "IR", "service": "", "text": "Court order"}
    assert page_of(page)["annotations"] == [wanted]


def test_notes_that_cannot_be_used_are_refused(kept: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page, notes = tmp_path / "page.html", tmp_path / "notes.csv"
    notes.write_text("time,country,service,text\n2026-10-10,Iran,,Court order\n")
    assert call("compare", "--html", str(page), "--annotations", str(notes), str(kept)) == 6
    assert "notes.csv, line 2, cannot be used. Write two capital letters" in capsys.readouterr().err
    assert call("compare", "--annotations", str(notes), str(kept)) == 2
    assert "Name the page with --html FILE." in capsys.readouterr().err
    assert not page.exists()


def test_page_of_measurements_without_time(tmp_path: Path) -> None:
    """Write cells without times. There is no day on which an event can begin."""
    file, page = tmp_path / "a.jsonl", tmp_path / "page.html"
    file.write_text(json.dumps(lines()[0] | {"measurement_start_time": "yesterday"}) + "\n")
    assert call("compare", "--html", str(page), str(file)) == 0
    assert page_of(page)["cells"]
    assert call("events", str(file)) == 6


def test_unwritable_page_is_refused(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("compare", "--html", str(kept / "none" / "page.html"), str(kept)) == 2
    assert "cannot be written" in capsys.readouterr().err


# -- several sources -----------------------------------------------------------------------------------------------

TWICE = "2 measurements occur more than once in the sources. Each is counted once.\n"


def cells(words: list[str], capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    """Return how many verdicts a comparison counts, and what it says on stderr."""
    assert call("compare", "--json", "--by", "cc", *words) == 0
    out, err = capsys.readouterr()
    return sum(json.loads(line)["n"] for line in out.splitlines()), err


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return two stores and two files that share two of ten measurements. The second has other spellings."""
    folder, every = tmp_path_factory.mktemp("sources"), [line | {"test_name": "telegram"} for line in some_lines(10)]
    first, second = every[:6], [dict(reversed(line.items())) | {"report_id": "x"} for line in every[4:]]
    files = [write(folder / f"{name}.jsonl", some) for name, some in (("a", first), ("b", second))]
    stores = [store_of(folder / name, some) for name, some in (("A", first), ("B", second))]
    return {"a": str(files[0]), "b": str(files[1]), "A": str(stores[0]), "B": str(stores[1])}


@pytest.mark.parametrize("names", ["AB", "BA", "Ab", "bA", "aB", "ab"])
def test_measurement_in_two_sources_counts_once(
    sources: dict[str, str], capsys: pytest.CaptureFixture[str], names: str
) -> None:
    assert cells([sources[name] for name in names], capsys) == (10, TWICE)


def test_source_with_itself_counts_once(sources: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for names in ("AA", "aa", "Aa"):
        n, err = cells([sources[name] for name in names], capsys)
        assert (n, err.split()[0]) == (6, "6")
    assert cells([sources["A"]], capsys) == cells([sources["a"]], capsys) == (6, "")


def test_series_and_events_take_several_stores(sources: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("series", "events"):
        assert call(command, sources["A"], sources["B"]) == 0
        assert capsys.readouterr().err == TWICE


def test_notebook_takes_several_sources(sources: dict[str, str]) -> None:
    both = Verdicts(sources["A"], sources["b"]).rows()
    assert both.num_rows == len(set(both["line_hash"].to_pylist())) == 10
    assert Verdicts(sources["a"], sources["b"]).rows()["line_hash"] == both["line_hash"]
