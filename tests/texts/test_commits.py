"""Test that commit subjects have the form `area: imperative verb …`, in a checkout with its history."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
LAST_WITHOUT_FORM = "23680f8"
LONGEST = 72  # characters
# The verb is no past or continuous form. These few verbs only look like one.
FORM = re.compile(r"[a-z][a-z0-9_/.-]*: (?:need|feed|seed|embed|bring|[a-z]\w*(?<!ed)(?<!ing))\b .*[^.]$")


def wrong(subject: str) -> bool:
    return len(subject) > LONGEST or not FORM.fullmatch(subject)


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
        "docs: add a page.",
        "docs: add a page " + "very " * 12 + "long",
        "A page was added",
    ],
)
def test_planted_subject_is_found(subject: str) -> None:
    assert wrong(subject)


def test_correct_subject_is_accepted() -> None:
    assert not wrong("dns: treat EAI_AGAIN after EMFILE as a local failure")
