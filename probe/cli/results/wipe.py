"""Implement `probe wipe`: list every path that the probe and its libraries wrote, and remove it."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

from probe.cli.answers import is_yes
from probe.cli.options import new_app, opt
from probe.cli.run.settings import config_folder, defaults
from probe.cli.screen import UsageError, say
from probe.messages import printable, tr, tr_plural
from probe.results import RUN_FOLDER, RUN_NAME, default_root, list_file, results_root, state_folder, used_folders

app = new_app()
UI = "ui-"  # beginning of the names of the files that `probe ui` makes while it runs
SETTINGS = ("consent", "config.toml", "config.toml.rejected")
SCAPYS = frozenset(f"{table}.pickle" for table in ("ethertypes", "services", "manufdb", "bluetoothids"))
OURS = re.compile(
    rf"""(stores/)?{RUN_FOLDER}{RUN_NAME}(jsonl(\.part|\.zst)?|pcapng|summary\.json)
    | received/\d{{4}}-\d\d-\d\d/[A-Z]{{2}}-AS\d+/[0-9a-f]{{64}}\.jsonl\.zst
    | shared/[0-9a-f]{{16}}\.censorprobe\.zst(\.age)?
    | submissions\.(sqlite(-wal|-shm)?|lock)
    | (.+/)?\.unfinished-[0-9a-f]{{16}} | (lab/)?observations/.+ | \.write-check-\d+""",
    re.VERBOSE,
)


@app.command()
def wipe(
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove results in all folders that runs used, settings and consent. Every path is listed first.

    Copies and files written with --output are not found and stay.
    """
    paths = everything(root_of(results))
    if not paths:
        say(sys.stderr, tr("There is nothing to remove."))
        return
    say(sys.stdout, tr("These files and folders are removed:"))
    for path in paths:
        say(sys.stdout, f"  {printable(path)}")
    if not yes:
        _ask()
    failed = [why for path in paths if (why := remove(path))]
    for why in failed:
        say(sys.stderr, f"probe: {why}")
    if failed:
        raise UsageError(
            tr("{failed} of {all} files and folders could not be removed.", failed=len(failed), all=len(paths)), 1
        )
    removed = tr_plural("Removed {count} file or folder.", "Removed {count} files and folders.", len(paths))
    say(sys.stdout, removed)


def root_of(chosen: Path | None) -> Path:
    """Return the results folder. A settings file that cannot be read is ignored, so that it can be removed."""
    try:
        named = defaults().get("results")
    except UsageError as refusal:
        say(sys.stderr, f"probe: {refusal.sentence}")
        named = None
    if chosen is None and named is not None:
        chosen = None if os.environ.get("PROBE_RESULTS") else Path(named)
    return results_root(chosen)


def everything(root: Path) -> list[Path]:
    """Return the paths that the probe wrote: runs, derived files, settings, consent. A folder follows its contents.

    Only names in the probe's own form are returned, so that `--results ~` cannot remove other files.
    """
    roots = dict.fromkeys(folder.absolute() for folder in (root, *_used()))
    found = dict.fromkeys(path for folder in roots for path in _results(folder))
    settings = [path for name in SETTINGS if (path := config_folder() / name).is_file()]
    state = [path for path in _under(state_folder()) if path.name.startswith((list_file().name, UI))]
    folders = [folder for folder in (config_folder(), state_folder()) if folder.is_dir()]
    return [*found, *settings, *state, *folders, *_cache_of_scapy()]


def _used() -> list[Path]:
    try:
        return used_folders()
    except OSError as error:
        raise UsageError(
            tr(
                "The list of results folders {path} cannot be read ({reason}). Nothing was removed.",
                path=list_file(),
                reason=error.strerror,
            ),
            1,
        ) from None


def _results(root: Path) -> list[Path]:
    """Return the runs under one folder, and the folders that they leave empty."""
    files = [path for path in _under(root) if OURS.fullmatch(path.relative_to(root).as_posix())]
    folders = {folder for path in files for folder in path.parents if folder != root and root in folder.parents}
    if default_root() == root and root.name == "results" and root.parent.name == "censorprobe" and root.is_dir():
        folders |= {root, root.parent}
    return [*files, *sorted(folders, key=lambda folder: len(folder.parts), reverse=True)]


def _cache_of_scapy() -> list[Path]:
    """Return the files of scapy's cache. Versions before 0.1.0 let it write one when they read raw packets."""
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "scapy"
    files = [path for path in _under(folder) if path.parent == folder and path.name in SCAPYS]
    return [*files, folder] if files else []


def _under(folder: Path) -> list[Path]:
    """Return every file under a folder. Links are not followed."""
    if not folder.is_dir():
        return []
    return sorted(Path(where) / name for where, _, names in os.walk(folder) for name in names)


def _ask() -> None:
    if not sys.stdin.isatty():
        raise UsageError(tr("Nothing was removed, since there is no terminal to ask at. Agree with --yes."), 2)
    say(sys.stderr, tr("Remove all of these? [yes/no]"), end=" ")
    if not is_yes():
        raise UsageError(tr("Nothing was removed."), 2)


def remove(path: Path) -> str | None:
    """Remove one path, and return the reason if that fails. A folder with other files in it stays."""
    try:
        if not path.is_dir() or path.is_symlink():
            path.unlink(missing_ok=True)
        elif not any(path.iterdir()):
            path.rmdir()
    except OSError as error:
        return f"{printable(path)}: {error.strerror}"
    return None
