"""`probe wipe`: remove everything that probe keeps, every path listed first."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

from probe.cli.options import new_app, opt
from probe.cli.run.settings import config_folder, defaults
from probe.cli.screen import UsageError, say
from probe.results import results_root

app = new_app()
SETTINGS = ("consent", "config.toml")
OURS = re.compile(
    r"(lab/)?\d{4}-\d\d-\d\d/[A-Z0-9]{2}-AS\d+/\d{6}-[0-9a-f]+\.(jsonl(\.part)?|pcapng)|(lab/)?observations/.+|\.write-check-\d+"
)


@app.command()
def wipe(
    results: Annotated[Path | None, opt("--results", help="Folder of the results.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove everything that probe keeps: results, settings, consent. Every path is listed first.

    Files that you wrote elsewhere with --output, and copies, are not known to probe.
    """
    paths = everything(_root(results))
    if not paths:
        say(sys.stderr, "there is nothing to remove")
        return
    say(sys.stdout, "These are removed:")
    for path in paths:
        say(sys.stdout, f"  {path}")
    if not yes:
        _ask()
    failed = [why for path in paths if (why := _remove(path))]
    for why in failed:
        say(sys.stderr, f"probe: {why}")
    if failed:
        raise UsageError(f"{len(failed)} of {len(paths)} could not be removed", 1)
    say(sys.stdout, f"removed {len(paths)}")


def _root(chosen: Path | None) -> Path:
    """The results folder; a settings file that cannot be read must not keep anything from being removed."""
    try:
        named = defaults().get("results")
    except UsageError as refusal:
        say(sys.stderr, f"probe: {refusal.sentence}; going on without it")
        named = None
    if chosen is None and named is not None:
        chosen = None if os.environ.get("PROBE_RESULTS") else Path(named)
    return results_root(chosen)


def everything(root: Path) -> list[Path]:
    """What probe itself wrote: runs, what is derived from them, settings, consent; a folder after its contents.

    Only names that probe gives are touched, so that `--results ~` can never remove anything else.
    """
    files = [path for path in _under(root) if OURS.fullmatch(path.relative_to(root).as_posix())]
    folders = {folder for path in files for folder in path.parents if folder != root and root in folder.parents}
    if results_root() == root and root.name == "results" and root.parent.name == "censorprobe" and root.is_dir():
        folders |= {root, root.parent}
    settings = [path for name in SETTINGS if (path := config_folder() / name).is_file()]
    emptied = sorted(folders, key=lambda folder: len(folder.parts), reverse=True)
    return [*files, *emptied, *settings, *([config_folder()] if config_folder().is_dir() else [])]


def _under(folder: Path) -> list[Path]:
    """Every file under a folder, links not followed."""
    if not folder.is_dir():
        return []
    return sorted(Path(where) / name for where, _, names in os.walk(folder) for name in names)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError("nothing was removed; there is no terminal to ask at, so say --yes", 2)
    print("Remove all of this? [yes/no] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was removed", 2)


def _remove(path: Path) -> str | None:
    """Remove one path; returns why it could not be, or None. A folder with somebody else's files in it stays."""
    try:
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
        elif not any(path.iterdir()):
            path.rmdir()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
