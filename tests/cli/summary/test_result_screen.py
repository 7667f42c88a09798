"""Test that a result fits the screen in every language: heights and widths as a terminal counts them."""

import pytest
from rich.cells import cell_len

from probe.cli.summary.next_command import next_command
from probe.cli.summary.result import print_result
from probe.cli.summary.table_layout import screen_width
from probe.formats.origin import Origin
from probe.messages import catalogue, tr, use
from probe.messages.catalogue import OF_PARENT
from tests.analysis.verdicts.test_apps import record, recorded
from tests.cli.summary.test_result import bare
from tests.messages.catalogues import languages
from tests.support.terminal import TerminalStream, shown

WORST = {
    "great-firewall": "",
    "slower-line": "out_of_time",
    "interrupted": "interrupted",
    "web-hosts": "",
    "dns-resolver-lies-variously": "",
    "dns-injection-in-many-ways": "",
    "chosen-filter": "",
    "captive-portal": "",
    "clean": "",
    "udp-blocked": "",
    "lossy": "",
    "transit-down": "",
}
"""Recordings with long screens, and why their run ended: many blocked apps, unfinished, invalid, filtered locally."""
WITHOUT_CALLS = {"captive-portal", "dns-resolver-lies-variously", "dns-injection-in-many-ways"}
SIZES = [(80, 24), (40, 20)]


@pytest.fixture(autouse=True)
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "_translations", None)
    monkeypatch.setenv(OF_PARENT, "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)


def screen(name: str, columns: int, lines: int, monkeypatch: pytest.MonkeyPatch, taken: int = 0) -> str:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("LINES", str(lines))
    records, targets = recorded(name)
    stream, ending = TerminalStream(), WORST.get(name, "")
    how = {"origin": Origin(lab=name), "targets": targets, "ending": ending, "command": next_command(records)}
    print_result(records, stream, False, taken=taken, **how)  # type: ignore[arg-type]
    return stream.getvalue()


@pytest.mark.parametrize("code", languages())
@pytest.mark.parametrize(("columns", "lines"), SIZES)
@pytest.mark.parametrize("name", WORST)
def test_result_fits_the_screen(
    name: str, columns: int, lines: int, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(code)
    text = screen(name, columns, lines, monkeypatch)
    on_screen = shown(text, columns, lines)
    assert len(on_screen) == len(text.splitlines()) < lines  # no line was wrapped, and one is left for the prompt
    assert max(map(cell_len, bare(text).splitlines())) < columns
    calls = "".join(tr("Calls").split())
    assert (calls in "".join(bare(text).split())) == (name not in WITHOUT_CALLS)


@pytest.mark.parametrize(("columns", "lines"), SIZES)
@pytest.mark.parametrize("name", WORST)
def test_answer_is_last(name: str, columns: int, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = bare(screen(name, columns, lines, monkeypatch))
    above, _, answer = text.rpartition("Next  probe")
    assert above and answer.count("\n") <= 10
    counted = ("do not work: ", "does not work: ", "do not open: ", "apps work", "partly blocked", "THIS RUN CANNOT")
    assert any(words in " ".join(answer.split()) for words in (*counted, "not tested to their end", "work in part"))


def test_fewer_lines_make_the_table_shorter_and_leave_the_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    heights = []
    for taken in range(24):
        text = bare(screen("great-firewall", 80, 24, monkeypatch, taken))
        heights.append(len(text.splitlines()))
        assert "7 of 9 apps do not work: WhatsApp" in " ".join(text.split()) and "Next  probe show" in text
        assert heights[-1] <= max(23 - taken, 8)
    assert heights == sorted(heights, reverse=True)


def test_apps_that_are_blocked_share_a_row_where_lines_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    text = bare(screen("great-firewall", 40, 20, monkeypatch))
    rows = text[: text.index("Next")].splitlines()[3:]
    assert " ".join(row[:18].strip() for row in rows[:4]) == (
        "WhatsApp, Facebook and Messenger, Gmail, Snapchat, X (Twitter), Signal"
    )
    assert rows[0].split()[-3:] == ["BLOCKED", "no", "(app"]


def test_names_that_do_not_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    addresses = [f"https://a-rather-long-name-{number}.example/" for number in range(60)]
    records = [record("", "blocked", target=each, service=f"{each}/web") for each in addresses]
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("LINES", "20")
    stream = TerminalStream()
    print_result(records, stream, True)
    assert "… (60)" in stream.getvalue() and "60 of 60 web addresses do not open" in stream.getvalue()
    assert len(stream.getvalue().splitlines()) < 20


def test_file_has_every_row_at_full_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINES", "8")

    class File(TerminalStream):
        def isatty(self) -> bool:
            return False

    records, targets = recorded("great-firewall")
    stream = File()
    print_result(records, stream, True, targets=targets)
    assert screen_width() == 79 and all(word in stream.getvalue() for word in ("Why", "Sure", "Public resolvers"))
