"""Run every command of docs/examples, and compare its output with the one on the page."""

import re
from pathlib import Path

import pytest

from probe.lab.synth.plan import COUNTRIES
from tests.texts.examples import DATA, PAGES, commands_of, matches, prepare, run


def check(page: Path, folder: Path) -> None:
    """Run the commands of a page in its order."""
    for command, shown in commands_of(page):
        output = run(command, folder)
        assert matches(shown, output), (
            f"{page.name}: {command}\nprints\n{output}\nand not\n{shown}\nRun: python -m tests.texts.examples"
        )


@pytest.mark.timeout(900)  # the data are 3000 measurements, which are judged
def test_commands_print_what_the_pages_show(tmp_path: Path) -> None:
    """Make the data once, and run all pages on them."""
    prepare(tmp_path)
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
