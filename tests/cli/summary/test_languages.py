"""Test the screens of the great-firewall run in every language, on terminals of two sizes."""

import pytest

from probe.cli.results.show import show
from probe.cli.screen import say
from probe.cli.summary.next_command import next_command
from probe.cli.summary.result import print_result
from probe.formats.origin import Origin
from probe.messages import catalogue, is_right_to_left, tr, use
from probe.messages.catalogue import OF_PARENT
from tests.analysis.verdicts.test_apps import RECORDED, recorded
from tests.messages.catalogues import languages
from tests.support.terminal import TerminalStream, shown

FIREWALL = str(RECORDED / "great-firewall.jsonl.gz")
MARKS = "\u2066\u2067\u2069"  # two begin an isolate, the third ends it


@pytest.fixture(params=languages())
def code(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(catalogue, "_translations", None)
    monkeypatch.setenv(OF_PARENT, "")
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    use(request.param)
    return str(request.param)


def printed(columns: int, monkeypatch: pytest.MonkeyPatch, *, verbose: bool = False) -> str:
    """Return what `probe show` and `probe run` print about the run."""
    monkeypatch.setenv("COLUMNS", str(columns))
    records, targets = recorded("great-firewall")
    stream = TerminalStream()
    print_result(records, stream, plain=False, origin=Origin(lab="great-firewall"), targets=targets, verbose=verbose)
    say(stream, tr("Next  {command}", command=next_command(records)))
    return stream.getvalue()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (40, 20)])
def test_nothing_is_cut_off(code: str, columns: int, lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(columns, monkeypatch)
    *result, command = text.splitlines()
    on_screen = shown("\n".join(result), columns, lines)
    assert len(on_screen) == len(result)  # the terminal wrapped no line
    assert not any(line.endswith("...") for line in on_screen)
    if columns == 80:  # a real run has no line about the lab, and the last line is for the prompt
        assert len(on_screen) - 1 + len(shown(command, columns, lines)) < lines
    for title in ("Gmail", "Signal", "WhatsApp", "Telegram", "WeChat"):
        assert any(title in line for line in on_screen), title


def test_marks_are_only_in_languages_from_right_to_left(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = printed(80, monkeypatch).splitlines()
    assert any(set(MARKS) & set(line) for line in lines) == is_right_to_left(code)
    assert all(line.count(MARKS[2]) == line.count(MARKS[0]) + line.count(MARKS[1]) for line in lines)


def test_sentences_about_services_fit_eighty_columns(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text = printed(80, monkeypatch, verbose=True)
    command = text.splitlines()[-1]
    assert len(shown(text, 80, 50)) - len(shown(command, 80, 50)) == len(text.splitlines()) - 1 > 50


def test_evidence_is_explained(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stream = TerminalStream()
    monkeypatch.setattr("sys.stdout", stream)
    show(FIREWALL, "telegram", why=True)
    text = stream.getvalue().rstrip("\n")
    assert "telegram" in text and len(shown(text, 80, 50)) == len(text.splitlines()) > 10
