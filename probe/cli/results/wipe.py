"""Implement `probe wipe`: list every path that the probe and its libraries wrote, or that runs have, and remove it."""

import os
import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from probe.cli.options import new_app, opt
from probe.cli.queue_states import entries, opened_queue
from probe.cli.results.installed_completion import completion_scripts, line_sentence, remove_line, shell_lines
from probe.cli.run.settings import config_folder, defaults
from probe.cli.screen import UsageError, say
from probe.cli.typed_answers import is_yes
from probe.messages import printable, tr, tr_plural
from probe.ooni.submission.outcomes import SubmissionState, run_key
from probe.privacy.contributor_token import SECRET_FILE
from probe.results import (
    RUN_FOLDER,
    RUN_NAME,
    ResultsError,
    default_root,
    is_run,
    list_file,
    numbered_run,
    packets_file,
    results_root,
    state_folder,
    summary_file,
    used_folders,
)

app = new_app()
UI = "ui-"  # beginning of the names of the files that `probe ui` makes while it runs
SETTINGS = ("consent", "config.toml", "config.toml.rejected", SECRET_FILE)
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
    runs: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN", help="Only these runs, by their number in `probe list`."),
    ] = None,
    results: Annotated[Path | None, opt("--results", help="Results folder.")] = None,
    yes: Annotated[bool, opt("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove results in all folders that runs used, settings, consent and completion, or only some runs.

    Every path is listed first. Copies and files written with --output are not found and stay. Measurements of removed
    runs that wait to be published are removed from the queue.
    """
    root = root_of(results)
    chosen = _chosen(runs or [], root)
    paths = _of_runs(chosen, root) if runs else everything(root)
    lines = [] if runs else shell_lines()
    if not paths and not lines:
        say(sys.stderr, tr("There is nothing to remove."))
        return
    say(sys.stdout, tr("These files and folders are removed:"))
    for path in paths:
        say(sys.stdout, f"  {printable(path)}")
    for each in lines:
        say(sys.stdout, line_sentence(each))
    if not yes:
        _ask()
    _forget_waiting(chosen, root)
    failed = [why for why in (*map(remove_line, lines), *map(remove, paths)) if why]
    for why in failed:
        say(sys.stderr, f"probe: {why}")
    if failed:
        every = len(paths) + len(lines)
        raise UsageError(
            tr("{failed} of {all} files and folders could not be removed.", failed=len(failed), all=every), 1
        )
    removed = tr_plural("Removed {count} file or folder.", "Removed {count} files and folders.", len(paths))
    say(sys.stdout, removed)


def _chosen(runs: list[str], root: Path) -> list[Path]:
    """Return the results files of runs. Raises UsageError if a word names no run."""
    try:
        found = [numbered_run(word, root) if is_run(word) else Path(word) for word in runs]
    except ResultsError as error:
        raise UsageError(str(error), 2) from None
    for path in found:
        if not re.fullmatch(rf"{RUN_NAME}jsonl(\.part|\.zst)?", path.name) or not path.is_file():
            raise UsageError(tr("{path} is no results file of a run. Nothing was removed.", path=path), 2)
    return found


def _of_runs(files: list[Path], root: Path) -> list[Path]:
    """Return the files of runs: measurements, packets and what the list knows of them. Empty folders follow."""
    beside = [name for file in files for name in (file, packets_file(file), summary_file(file))]
    found = [path for path in dict.fromkeys(beside) if path.is_file()]
    folders = {folder for path in found for folder in path.parents if root in folder.parents}
    for folder in sorted(folders, key=lambda folder: len(folder.parts), reverse=True):
        found += [folder] if set(folder.iterdir()) <= set(found) else []
    return found


def _forget_waiting(files: list[Path], root: Path) -> None:
    """Remove from the queue what waits of these runs. What was sent stays in the list of sent measurements."""
    keys = {run_key(file) for file in files}
    waiting = {one.id for one in entries(root) if one.run in keys and one.state != SubmissionState.SENT} if keys else ()
    if waiting:
        with opened_queue(root) as queue:
            queue.drop(waiting)


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
    return [*found, *settings, *state, *folders, *completion_scripts(), *_cache_of_scapy()]


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
