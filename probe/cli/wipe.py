"""`probe wipe`: remove everything that probe keeps, every path listed first."""

import sys
from pathlib import Path
from typing import Annotated

from probe.cli.options import new_app, opt
from probe.cli.screen import Refusal, say
from probe.cli.settings import config_folder, defaults
from probe.results import results_root

app = new_app()
KEPT_NAMES = frozenset({"README.md", ".gitignore"})  # the checkout's own files in results/


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
        raise Refusal(f"{len(failed)} of {len(paths)} could not be removed", 1)
    say(sys.stdout, f"removed {len(paths)}")


def _root(chosen: Path | None) -> Path:
    """The results folder; a settings file that cannot be read must not keep anything from being removed."""
    try:
        named = defaults().get("results")
    except Refusal as refusal:
        say(sys.stderr, f"probe: {refusal.sentence}; going on without it")
        named = None
    if chosen is None and named is not None:
        import os

        chosen = None if os.environ.get("PROBE_RESULTS") else Path(named)
    return results_root(chosen)


def everything(root: Path) -> list[Path]:
    """What probe keeps, children before their folder: result files, what is derived from them, settings, consent."""
    found: list[Path] = []
    for folder, keep_itself in ((root, True), (config_folder(), False)):
        if folder.is_dir() and not folder.is_symlink():
            found += [path for path in _under(folder) if not (path.parent == root and path.name in KEPT_NAMES)]
            found += [] if keep_itself else [folder]
    return found


def _under(folder: Path) -> list[Path]:
    """Everything under a folder, deepest first, links not followed; only what probe itself writes there."""
    found: list[Path] = []
    for path in sorted(folder.iterdir()):
        if path.is_dir() and not path.is_symlink():
            found += _under(path)
        found.append(path)
    return found


def _ask() -> None:
    if not sys.stdin.isatty():
        raise Refusal("nothing was removed; there is no terminal to ask at, so say --yes", 2)
    print("Remove all of this? [yes/no] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
        raise Refusal("nothing was removed", 2)


def _remove(path: Path) -> str | None:
    """Remove one path; returns why it could not be, or None."""
    try:
        if path.is_dir() and not path.is_symlink():
            path.rmdir()
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None
