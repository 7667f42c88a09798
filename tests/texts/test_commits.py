"""Test that commit subjects have the form `area: imperative verb …`, in a checkout with its history."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.texts.style import may_be_verb

ROOT = Path(__file__).parent.parent.parent
LAST_WITHOUT_FORM = "23680f8"
LONGEST = 72  # characters
FORM = re.compile(r"[a-z][a-z0-9_/.-]*: ([a-z]+) .*[^.]")


def wrong(subject: str) -> bool:
    found = FORM.fullmatch(subject)
    return len(subject) > LONGEST or found is None or not may_be_verb(found[1].capitalize())


def subjects() -> list[str]:
    """Return the subjects since the form is required, without merges. Empty without the history."""
    command = ["git", "log", "--no-merges", "--format=%s", f"{LAST_WITHOUT_FORM}..HEAD"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    except OSError:
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


if SUBJECTS := subjects():

    def test_commit_subjects_have_the_form() -> None:
        found = [subject for subject in SUBJECTS if wrong(subject)]
        assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "subject",
    [
        "wip",
        "Docs: add a page",
        "docs: Add a page",
        "docs: added a page",
        "docs: adding a page",
        "docs: adds a page",
        "docs: the page was added",
        "docs: add a page.",
        "docs: add a page " + "very " * 12 + "long",
        "A page was added",
    ],
)
def test_planted_subject_is_found(subject: str) -> None:
    assert wrong(subject)


@pytest.mark.parametrize(
    "subject",
    ["dns: treat EAI_AGAIN after EMFILE as a local failure", "lab: need no entry for a service in a target file"],
)
def test_correct_subject_is_accepted(subject: str) -> None:
    assert not wrong(subject)
