"""Find what `probe --install-completion` wrote into the home folder, and remove its line from the shell's own file.

typer writes a script for bash, zsh or fish, and a line into `.bashrc` or `.zshrc` that loads it. For PowerShell it
appends to the profile, whose place only PowerShell knows, so that nothing is removed there.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from probe.messages import printable, tr

SCRIPTS = (".bash_completions/probe.sh", ".zfunc/_probe", ".config/fish/completions/probe.fish")
MARK = b"_PROBE_COMPLETE"  # a variable that only our scripts have
ZSH = "fpath+=~/.zfunc; autoload -Uz compinit; compinit"
"""The line in `.zshrc`. Scripts of other programs need it too, and then it stays."""


class ShellLine(NamedTuple):
    """Hold a line of the program in a file of the user's shell."""

    file: Path
    line: str


def completion_scripts() -> list[Path]:
    """Return the scripts, and the folders that they leave empty. Files of the same names by others are left out."""
    home = Path.home()
    scripts = [path for name in SCRIPTS if (path := home / name).is_file() and MARK in path.read_bytes()]
    folders = [path.parent for path in scripts if path.parent.name in {".bash_completions", ".zfunc"}]
    return [*scripts, *(folder for folder in folders if set(folder.iterdir()) <= set(scripts))]


def shell_lines() -> list[ShellLine]:
    """Return the lines of the program in files of shells."""
    return [each for each in _possible(Path.home()) if each.file.is_file() and _bytes_of(each) in _with_end(each.file)]


def _possible(home: Path) -> Iterator[ShellLine]:
    yield ShellLine(home / ".bashrc", f"source '{home / SCRIPTS[0]}'")
    functions = home / ".zfunc"
    if functions.is_dir() and {path.name for path in functions.iterdir()} <= {Path(SCRIPTS[1]).name}:
        yield ShellLine(home / ".zshrc", ZSH)


def line_sentence(each: ShellLine) -> str:
    """Return the sentence that announces the removal of a line."""
    return tr("This line is removed from {file}: {line}", file=each.file, line=each.line)


def remove_line(each: ShellLine) -> str | None:
    """Remove a line and the empty line that typer wrote before it. Return the reason if that fails.

    The file is written in its place, so that its mode stays, and a link to it.
    """
    try:
        line = _bytes_of(each)
        left = _with_end(each.file).replace(b"\n" + line, b"\n").replace(line, b"\n")
        each.file.write_bytes(left.removeprefix(b"\n"))
    except OSError as error:
        return f"{printable(each.file)}: {error.strerror}"
    return None


def _bytes_of(each: ShellLine) -> bytes:
    return f"\n{each.line}\n".encode()


def _with_end(file: Path) -> bytes:
    """Return the content between two ends of lines, so that the first and the last line are found too."""
    return b"\n" + file.read_bytes().removesuffix(b"\n") + b"\n"
