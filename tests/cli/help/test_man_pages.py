"""Test that the manual pages are those of the help texts, and that a formatter accepts them."""

import re
import shutil
import subprocess

import pytest

from probe.cli import COMMANDS
from probe.cli.help.man_pages import FOLDER, pages

REQUESTS = {".TH", ".SH", ".TP", ".PP", ".B", ".I"}
FORMATTERS = (["groff", "-man", "-Tutf8", "-k", "-ww"], ["mandoc", "-Tlint", "-Wwarning"])
FORMATTER = next((words for words in FORMATTERS if shutil.which(words[0])), None)


def test_pages_are_current() -> None:
    saved = {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()}
    assert saved == pages(), "run: make man"


def test_every_command_has_a_page() -> None:
    assert set(pages()) == {"probe.1", *(f"probe-{name}.1" for name in COMMANDS)}


@pytest.mark.parametrize("name", sorted(pages()))
def test_page_is_valid_roff(name: str) -> None:
    lines = pages()[name].splitlines()
    assert lines[0].startswith(".TH ")
    requests = {line.split()[0] for line in lines if line.startswith((".", "'"))}
    assert requests <= REQUESTS
    assert all(re.fullmatch(r"(\\[-e&]|\\f[BIR]|\\\(aq|[^\\])*", line) for line in lines)


def test_formatter_prints_options_and_exit_codes() -> None:
    """Format the pages. Without a formatter only `test_page_is_valid_roff` checks them."""
    for path in sorted(FOLDER.iterdir()) if FORMATTER else ():
        assert FORMATTER is not None
        done = subprocess.run([*FORMATTER, path], capture_output=True, text=True, check=True)
        assert done.stderr == ""
        printed = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout)
        if FORMATTER[0] == "groff" and path.name == "probe-run.1":
            assert "--max-time" in printed and "EXIT STATUS" in printed and "censorprobe" in printed
