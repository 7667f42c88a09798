"""Test that each promise of SECURITY.md names a test that exists, and that each command of docs/security.md does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.attack.__main__ import ATTACKS

ROOT = Path(__file__).parents[2]
PROMISES, ATTACKED = ROOT / "SECURITY.md", ROOT / "docs" / "security.md"
NAMED = re.compile(r"`(tests/[a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")
PYTEST = re.compile(r"`pytest (?P<path>\S+?)(?: -k (?P<word>[\w-]+))?`")
WORD_ALONE = re.compile(r"`-k (?P<word>[\w-]+)`")
ATTACK = re.compile(r"`python -m tests\.attack (?P<name>[a-z0-9-]+)`")


def rows(text: str) -> Iterator[str]:
    """Yield the rows of the tables in a document, without heads and rules."""
    lines = text.splitlines()
    for number, line in enumerate(lines):
        rule = lines[number + 1].startswith("|---") if number + 1 < len(lines) else False
        if line.startswith("|") and not line.startswith("|---") and not rule:
            yield line


def named_in(file: Path) -> set[str]:
    """Return the names of the tests in a file."""
    tree = ast.parse(file.read_text()) if file.is_file() else ast.Module([], [])
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def without_test(text: str) -> list[str]:
    """Return the rows that name no test, or one that does not exist."""
    return [
        row
        for row in rows(text)
        if not (named := NAMED.findall(row)) or any(name not in named_in(ROOT / file) for file, name in named)
    ]


def without_command(text: str) -> list[str]:
    """Return the rows whose command finds no test and no attack. `the same` stands for the path of the row above."""
    found, path = list[str](), ""
    for row in rows(text):
        command = row.rstrip(" |").rpartition("|")[2]
        if attack := ATTACK.search(command):
            works = attack["name"] in ATTACKS
        else:
            match = PYTEST.search(command)
            path = match["path"] if match else path if "the same" in command else ""
            word = match["word"] if match else (alone["word"] if (alone := WORD_ALONE.search(command)) else None)
            works = bool(path) and _finds(ROOT / path, word)
        found += [] if works else [row]
    return found


def _finds(path: Path, word: str | None) -> bool:
    files = [path] if path.is_file() else list(path.glob("test_*.py"))
    return any(word is None or word in file.read_text() for file in files)


def test_each_promise_has_a_test() -> None:
    text = PROMISES.read_text()
    assert len([*rows(text)]) > 15
    assert without_test(text) == []


def test_each_attack_has_a_command() -> None:
    text = ATTACKED.read_text()
    assert len([*rows(text)]) > 15
    assert without_command(text) == []


@pytest.mark.parametrize(
    "cell",
    [
        "",
        "`tests/texts/test_security.py`",
        "`tests/texts/test_security.py::test_none`",
        "`tests/texts/test_x.py::test_rows`",
    ],
)
def test_promise_without_a_test_is_found(cell: str) -> None:
    good = "| good | `tests/texts/test_security.py::test_each_promise_has_a_test` |"
    assert without_test(f"| promise | test |\n|---|---|\n{good}\n| bad | {cell} |") == [f"| bad | {cell} |"]


@pytest.mark.parametrize(
    "cell",
    [
        *("", "the same", "`pytest tests/nowhere.py`", "`pytest tests/texts/test_security.py -k no-such-" + "word`"),
        "`python -m tests.attack peace`",
    ],
)
def test_attack_without_a_command_is_found(cell: str) -> None:
    good = "| good | `python -m tests.attack crowd-sip` |\n| good | `pytest tests/texts/test_security.py -k promise` |"
    assert without_command(f"| attack | command |\n|---|---|\n| bad | {cell} |\n{good}") == [f"| bad | {cell} |"]
