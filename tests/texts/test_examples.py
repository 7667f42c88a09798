"""Run every command of docs/examples, and compare its output with the one on the page."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from probe.lab.synth.plan import COUNTRIES

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "docs" / "examples"
DATA = EXAMPLES / "index.md"  # makes the data of the other pages
PAGES = sorted(EXAMPLES.glob("*.md"))


def commands_of(page: Path) -> list[tuple[str, str]]:
    """Return each command of a page with the output that stands below it."""
    blocks = re.findall(r"^```\n(\$ .*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    parts = [part for block in blocks for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def matches(shown: str, output: str) -> bool:
    """Return True if an output is the one that is shown. `…` stands for any text."""
    pattern = ".*?".join(re.escape(part) for part in shown.strip().split("…"))
    return re.fullmatch(pattern, output.strip(), re.DOTALL) is not None


def run(command: str, folder: Path) -> str:
    """Run a command in a shell that knows `probe`, and return what it prints."""
    own = {"PATH": f"{folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"}
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=folder,
        env={**os.environ, **own, "PROBE_LAB": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def check(page: Path, folder: Path) -> None:
    """Run the commands of a page in its order."""
    for command, shown in commands_of(page):
        output = run(command, folder)
        assert matches(shown, output), f"{page.name}: {command}\nprints\n{output}\nand not\n{shown}"


@pytest.mark.timeout(900)  # the data are 3000 measurements, which are judged
def test_commands_print_what_the_pages_show(tmp_path: Path) -> None:
    """Make the data once, and run all pages on them."""
    program = tmp_path / "bin" / "probe"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m probe "$@"\n')
    program.chmod(0o755)
    for page in (DATA, *(page for page in PAGES if page != DATA)):
        assert len(commands_of(page)) > 2
        check(page, tmp_path)


def test_other_output_is_no_match() -> None:
    assert matches("a 1 … s.\nb\n…", "a 1 7.3 s.\nb\nrest\n")
    assert not matches("a 1 … s.\nb", "a 2 7.3 s.\nb")
    assert not matches("a", "a\nb")


def test_examples_name_no_real_country() -> None:
    """Check that an invented blockade cannot be quoted as a real one."""
    shown = "\n".join(output for page in PAGES for _, output in commands_of(page))
    codes = set(re.findall(r"\b([A-Z]{2})\b(?= AS\d| +\(?(?:BLOCKED|DOWN|OK)| \d+/\d+| OK \d)", shown))
    assert {"QS", "QR", "XF"} <= codes - {"OK"} <= set(COUNTRIES)
    assert "XK" not in COUNTRIES  # a code for private use that means Kosovo
