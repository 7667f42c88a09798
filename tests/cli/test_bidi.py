"""Test the marks for the direction of text: where they are put, and on which terminals."""

import io

import pytest
from rich.cells import cell_len

from probe.cli import bidi
from probe.cli.bidi import wants_marks, with_marks
from probe.cli.screen import say
from probe.cli.summary.table_layout import TableCell, row_lines
from tests.support.terminal import TerminalStream

NAMES = {"\u2066": "<", "\u2067": "{", "\u2069": ">"}


@pytest.fixture(autouse=True)
def persian(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bidi, "language", lambda: "fa")
    monkeypatch.setenv("TERM", "xterm-256color")
    for name in bidi._VARIABLES:
        monkeypatch.delenv(name, raising=False)


def marked(line: str) -> str:
    return with_marks(line).translate({ord(mark): name for mark, name in NAMES.items()})


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("سلام", "{سلام>"),
        ("  سلام دنیا ", "  {سلام دنیا> "),
        ("WhatsApp", "WhatsApp"),
        ("", ""),
        ("WhatsApp  مسدود", "WhatsApp  {مسدود>"),
        ("مسدود    کار می‌کند", "{مسدود>    {کار می‌کند>"),
        ("از `probe show --why APP` استفاده کنید.", "{از <`probe show --why APP`> استفاده کنید.>"),
        ("گزینهٔ --why.", "{گزینهٔ <--why>.>"),
        ("WhatsApp، Signal و (Telegram)", "{<WhatsApp>، <Signal> و <(Telegram)>>"),
        ("(WhatsApp یا Signal)", "{(<WhatsApp> یا <Signal>)>"),
        ("برنامهٔ X (Twitter) مسدود", "{برنامهٔ <X (Twitter)> مسدود>"),
        ("7 از 12 اپ", "{7 از 12 اپ>"),
        ("آدرس 2001:db8::1 است", "{آدرس <2001:db8::1> است>"),
    ],
)
def test_columns_and_latin_runs_are_isolated(line: str, shown: str) -> None:
    assert marked(line) == shown
    assert cell_len(with_marks(line)) == cell_len(line)


def test_cells_of_a_table_are_isolated_one_by_one() -> None:
    (line,) = row_lines([TableCell("اپ"), TableCell("مسدود", "31")], [4, 8], 1, with_marks)
    assert line == "\u2067اپ\u2069   \x1b[31m\u2067مسدود\u2069\x1b[0m"


def test_marks_are_for_terminals_only(monkeypatch: pytest.MonkeyPatch) -> None:
    for stream, count in ((TerminalStream(), 1), (io.StringIO(), 0)):
        say(stream, "سلام")
        assert stream.getvalue().count("\u2067") == count
    monkeypatch.setattr(bidi, "language", lambda: "ru")
    assert not wants_marks(TerminalStream())


@pytest.mark.parametrize(("name", "value"), [("TERM", "linux"), ("TERM", "xterm-kitty"), ("WT_SESSION", "1")])
def test_terminal_that_orders_no_letters_gets_none(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert not wants_marks(TerminalStream())


def test_marks_in_a_value_are_still_escaped() -> None:
    stream = TerminalStream()
    say(stream, "سلام \u2066evil")
    assert "\u2066evil" not in stream.getvalue() and "\\u2066evil" in stream.getvalue()
