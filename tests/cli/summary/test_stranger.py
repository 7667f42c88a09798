"""Test that a stranger finds the answers to eleven questions in the text of the first screen alone."""

import gzip
import re
from collections.abc import Callable

import pytest

from probe.cli.results.show import show
from tests.analysis.verdicts.test_apps import RECORDED
from tests.support.terminal import TerminalStream, shown


@pytest.fixture(scope="module")
def screen(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the text of the first screen of 80x24 after the run in the scenario great-firewall."""
    stream, root = TerminalStream(), tmp_path_factory.mktemp("results")
    file = root / "lab" / "2026-11-24" / "XX-AS64500" / "130500-7d2292709fa5a563.jsonl"
    file.parent.mkdir(parents=True)
    with gzip.open(RECORDED / "great-firewall.jsonl.gz") as recorded:
        file.write_bytes(recorded.read())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("COLUMNS", "80")
        patch.setenv("TERM", "xterm")
        patch.setattr("sys.stdout", stream)
        patch.setattr("sys.stderr", stream)
        show(results=root)
    lines = shown(stream.getvalue(), 80, 24)
    assert len(lines) < 24
    return "\n".join(lines)


def row(screen: str, app: str) -> dict[str, str]:
    """Return the cells of an app's row by the heading of their column, as a reader does."""
    lines = screen.splitlines()
    (head,) = [line for line in lines if line.startswith("App ")]
    found = next(line for line in lines[lines.index(head) :] if app in line)
    starts = [match.start() for match in re.finditer(r"\S+", head)]
    spans = zip(head.split(), starts, [*starts[1:], 200], strict=True)
    below = lines[lines.index(found) + 1]  # a cell can have two lines
    more = below if below.startswith(" ") or not re.search("[a-z]{5,}$", below) else ""
    return {name: f"{found[start:end].strip()} {more[start:end].strip()}".strip() for name, start, end in spans}


def answer(screen: str) -> str:
    return " ".join(screen.partition("\nNext ")[2].partition("\n")[2].split())


QUESTIONS: dict[str, Callable[[str], bool]] = {
    "Do WhatsApp calls work?": lambda screen: row(screen, "WhatsApp")["Calls"] == "no (app blocked)",
    "Do Teams calls work?": lambda screen: row(screen, "Microsoft Teams")["Calls"] == "in part",
    "Is Gmail blocked?": lambda screen: row(screen, "Gmail")["State"] == "BLOCKED",
    "Which apps work?": lambda screen: re.findall(r"^(.+?) +WORKS", screen, re.M) == ["WeChat", "Public resolvers"],
    "How many apps do not work?": lambda screen: answer(screen).startswith("7 of 9 apps do not work"),
    "How sure is it about Telegram?": lambda screen: row(screen, "Telegram")["Sure"] == "likely",
    "Where is the file?": lambda screen: "/XX-AS64500/130500-7d2292709fa5a563.jsonl" in screen.replace("\n", ""),
    "Whose calls are blocked?": lambda screen: (
        re.findall(r"^(.+?) +BLOCKED +blocked", screen, re.M) == ["Facebook and", "Public STUN servers"]
    ),
    "Why does WhatsApp not work?": lambda screen: row(screen, "WhatsApp")["Why"] == "False addresses are sent.",
    "Is this my network, or an exercise?": lambda screen: "\nLAB great-firewall: emulated, nothing left" in screen,
    "Where do I see the evidence?": lambda screen: "Next  probe show --why APP" in screen,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_is_answered_from_the_first_screen(screen: str, question: str) -> None:
    assert QUESTIONS[question](screen), screen


def test_there_are_eleven_questions() -> None:
    assert len(QUESTIONS) == 11
