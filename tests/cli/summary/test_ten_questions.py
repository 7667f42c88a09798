"""Test that a stranger finds the answers to ten questions in ten recorded screens, from the text alone.

Five screens have 80 columns and 24 lines, five have 40 columns and 20 lines.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import pytest

from tests.cli.summary.test_result import bare
from tests.cli.summary.test_result_screen import screen


class Asked(NamedTuple):
    """Hold a recorded screen, and what a reader finds in its lines."""

    recording: str
    columns: int
    is_answered: Callable[[list[str]], bool]


FIRST_WORDS = {"BLOCKED", "LIKELY", "PARTLY", "WORKS", "FILTERED", "UNCLEAR", "DOWN", "NOT", "NO"}


def cells(lines: list[str], app: str) -> dict[str, str]:
    """Return the cells of the row with this app by the heading above them, as a reader does."""
    head = next(number for number, line in enumerate(lines) if line.startswith("App "))
    starts = [match.start() for match in re.finditer(r"\S+", lines[head])]
    columns = dict(zip(lines[head].split(), zip(starts, [*starts[1:], 200], strict=True), strict=True))
    rows, before = list[list[str]](), ""
    end = next(number for number, line in enumerate(lines) if line.startswith("Next  "))
    for line in lines[head + 1 : end]:
        state = line[slice(*columns["State"])].strip()
        if state.split(" ")[0] in FIRST_WORDS and not (state == "BLOCKED" and before in {"LIKELY", "PARTLY"}):
            rows.append([])
        before = state
        if rows and not re.match(r" {2}\S", line):  # such a line says why
            rows[-1].append(line)
    spans = [{name: " ".join(line[a:b].strip() for line in row) for name, (a, b) in columns.items()} for row in rows]
    found = next(span for span in spans if app in span["App"])
    return {name: " ".join(cell.split()) for name, cell in found.items()}


def answer(lines: list[str]) -> str:
    """Return the sentence at the end of the screen."""
    command = max(number for number, line in enumerate(lines) if line.startswith("Next  "))
    return " ".join(lines[command + 1 :])


def text(lines: list[str]) -> str:
    return " ".join(" ".join(lines).split())


QUESTIONS: dict[str, Asked] = {
    "Do WhatsApp calls work?": Asked(
        "great-firewall", 40, lambda lines: cells(lines, "WhatsApp")["Calls"] == "no (app blocked)"
    ),
    "Do Teams calls work?": Asked("lossy", 80, lambda lines: cells(lines, "Microsoft Teams")["Calls"] == "work"),
    "Which apps do not work?": Asked(
        "service-down", 80, lambda lines: answer(lines) == "1 of 3 apps does not work: Gmail is down · 2 work"
    ),
    "Does everything work, and what was not tested?": Asked(
        "clean",
        40,
        lambda lines: answer(lines) == "9 of 9 apps work" and cells(lines, "Telegram")["Calls"] == "not tested",
    ),
    "Is this the whole result?": Asked(
        "interrupted", 40, lambda lines: text(lines).startswith("This run was stopped before its end, so a part of it")
    ),
    "Which apps were not tested to their end?": Asked(
        "slower-line",
        80,
        lambda lines: cells(lines, "Facebook")["State"] == "PARTLY TESTED" and "6 not tested" in answer(lines),
    ),
    "What must I do before a run can be used?": Asked(
        "captive-portal",
        40,
        lambda lines: "Sign in first, then run again." in text(lines) and "CANNOT BE USED" in answer(lines),
    ),
    "Does my provider block X, or do I?": Asked(
        "chosen-filter",
        80,
        lambda lines: cells(lines, "X (Twitter)")["Why"] == "Your own DNS blocks it." and "own side" in answer(lines),
    ),
    "Is X blocked, or slow?": Asked(
        "throttled-256-kbit",
        80,
        lambda lines: cells(lines, "X (Twitter)")["State"] == "WORKS BADLY" and "1 slowed down: X" in answer(lines),
    ),
    "Is somebody to blame that Telegram fails?": Asked(
        "transit-down",
        40,
        lambda lines: "no service is accused for it" in text(lines) and cells(lines, "Telegram")["State"] == "UNCLEAR",
    ),
}


def test_there_are_ten_questions_about_ten_recordings() -> None:
    assert len(QUESTIONS) == len({asked.recording for asked in QUESTIONS.values()}) == 10


@pytest.mark.parametrize("question", QUESTIONS)
def test_question_is_answered_from_its_screen(question: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = QUESTIONS[question]
    lines = bare(screen(asked.recording, asked.columns, 24 if asked.columns == 80 else 20, monkeypatch)).splitlines()
    assert asked.is_answered(lines), "\n".join(lines)
