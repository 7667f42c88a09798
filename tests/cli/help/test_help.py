"""Test `probe help`: topics, the exit codes in one table, and the help of commands."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from probe.cli import app
from probe.cli.help.exit_codes import EXIT_CODES
from probe.cli.help.help import TOPICS
from probe.cli.help.man_pages import EXIT_CODE_PAGE, exit_code_page
from probe.cli.screen import UsageError

COMMAND_LINE = Path(__file__).parents[3] / "probe" / "cli"


def call(*words: str) -> Any:
    return CliRunner().invoke(app, list(words))


def test_help_alone_lists_the_topics() -> None:
    printed = call("help").stdout
    assert all(f"\n  {name} " in printed for name in TOPICS)


def test_every_topic_fits_in_80_columns() -> None:
    for name in TOPICS:
        printed = call("help", name).stdout
        assert len(printed) > 100
        assert name == "files" or max(map(len, printed.splitlines())) < 80


def test_exit_codes_are_explained() -> None:
    printed = " ".join(call("help", "exit-codes").stdout.split())
    assert "3 run, doctor, consent: Consent is missing" in printed and "9 lab: The lab itself failed" in printed


def test_help_of_a_command_is_that_of_its_option() -> None:
    for words in (["run"], ["lab", "run"]):
        assert call("help", *words).stdout.strip() == call(*words, "--help").stdout.strip()


@pytest.mark.parametrize(
    ("words", "said"), [(["rnu"], "Did you mean 'run'"), (["lab", "rnu"], "no topic and no command")]
)
def test_unknown_topic_is_refused(words: list[str], said: str) -> None:
    refused = call("help", *words).exception
    assert isinstance(refused, UsageError) and refused.exit_code == 2 and said in refused.sentence


def test_page_about_exit_codes_is_that_of_the_table() -> None:
    assert EXIT_CODE_PAGE.read_text(encoding="utf-8") == exit_code_page(), "run: make man"


def given_codes() -> Iterator[tuple[str, int]]:
    """Yield the numbers that commands give as an exit code, where they stand as a number."""
    for path in COMMAND_LINE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"UsageError", "typer.Exit", "sys.exit"}:
                last = node.args[-1] if node.args else None
                if isinstance(last, ast.Constant) and isinstance(last.value, int):
                    yield path.name, last.value


def test_every_given_code_is_in_the_table() -> None:
    found = list(given_codes())
    assert len(found) > 40
    assert {code for _, code in found} <= {row.code for row in EXIT_CODES}
