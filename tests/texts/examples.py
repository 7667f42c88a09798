"""Run the commands of docs/examples: `python -m tests.texts.examples` writes what they print now into the pages.

Outputs in which `…` stands inside a line are not replaced. The program names those that need to be mended by hand.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

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


def prepare(folder: Path) -> None:
    """Make the program `probe` for the shell."""
    program = folder / "bin" / "probe"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m probe "$@"\n')
    program.chmod(0o755)


def renewed(page: Path, folder: Path) -> str:
    """Return the text of a page with the outputs of now. A table's legend stays cut."""
    text = page.read_text(encoding="utf-8")
    for command, shown in commands_of(page):
        output = run(command, folder)
        if matches(shown, output):
            continue
        cut = re.sub(r"\n*^(runs 3/4|\S+ half of the runs).*", "\n…\n", output, flags=re.DOTALL | re.MULTILINE)
        if "…" in shown.rstrip().removesuffix("…"):
            print(f"{page.name}: mend by hand: {command}\n{output}")
            continue
        text = text.replace(f"$ {command}\n{shown}", f"$ {command}\n{cut if shown.rstrip().endswith('…') else output}")
    return text


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        for page in (DATA, *(page for page in PAGES if page != DATA)):
            page.write_text(renewed(page, Path(name)), encoding="utf-8")


if __name__ == "__main__":
    main()
