"""Find the results folder and the files that a user names.

Number the runs in the results folder: 1 is the run that was written last, which `last` names too.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from probe.files.regular import DESCRIPTORS, leads_outside, reason_not_regular
from probe.messages import tr, tr_plural
from probe.results.full_disk import full_disk, is_full, reason_of
from probe.results.problem import Problem
from probe.results.remote import RemoteFile, Source, is_remote

LAST = "last"


def newest_first(root: Path) -> list[Path]:
    """Return every run under `root`, the one that was written last first. The place in this list is its number."""
    found = run_files(root) if root.is_dir() else []
    return sorted(found, key=_written)[::-1]  # equal times stay in the order of date and name


def is_run(word: str) -> bool:
    """Return whether a word of the command line is `last` or a number, and not a file's name."""
    return word == LAST or (word.isascii() and word.isdigit())


def numbered_run(word: str, root: Path) -> Path:
    """Return the run with this number, or the newest for `last`. Raise ResultsError if there is none."""
    runs, number = newest_first(root), 1 if word == LAST else int(word[:9])
    if not runs:
        raise ResultsError(tr("There are no runs in {folder} yet. `probe run` makes one.", folder=root))
    if not 1 <= number <= len(runs):
        raise ResultsError(
            tr_plural(
                "There is no run {number}. There is {count} run, see `probe list`. To name a file with this number "
                "as its name, write ./{number}.",
                "There is no run {number}. There are {count} runs, see `probe list`. To name a file with this number "
                "as its name, write ./{number}.",
                len(runs),
                number=word,
            )
        )
    return runs[number - 1]


def _written(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:  # removed since the folder was read
        return 0


STDIN = Path("-")
SUFFIXES = (".jsonl", ".jsonl.part", ".jsonl.gz", ".jsonl.zst")
PACKED = ".zst"
ARCHIVES = (".tar.gz",)  # OONI's tarballs
RUN_FOLDER = r"(?:lab/)?(\d{4}-\d\d-\d\d)/[A-Z0-9]{2}-AS\d+/"  # of a run, with its date
RUN_NAME = r"(\d{6})-[0-9a-f]+\."  # of its files, with its time of day
_RUN = re.compile(RUN_NAME + "jsonl", re.ASCII)
RECEIVED = "received"  # folder of what other people measured
SHARED = "shared"  # folder of the files that `probe share` makes
STORES = "stores"  # folder of the answers of app stores


class ResultsError(Exception):
    """Report that results cannot be written or read. The text is for the user, `number` an errno or 0."""

    number = 0


def results_root(chosen: Path | None = None) -> Path:
    """Return the chosen results folder, else PROBE_RESULTS, else the checkout's, else the user's data folder."""
    if chosen is not None:
        return chosen
    if named := os.environ.get("PROBE_RESULTS"):
        return Path(named)
    return default_root()


def default_root() -> Path:
    """Return the results folder that is used without an option: the checkout's, else the user's data folder."""
    checkout = Path(__file__).resolve().parent.parent.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / "results"
    data = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(data) / "censorprobe" / "results"


def check_writable(root: Path) -> None:
    """Check that a file can be made under `root`, and create `root` if it is missing. Raise ResultsError, FullDisk."""
    try:
        make_private_folder(root)
        probe = root / f".write-check-{os.getpid()}"
        os.close(os.open(probe, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        probe.unlink()
    except OSError as error:
        if is_full(error):
            raise full_disk(error, root) from None
        problem = tr(
            "Results cannot be written to {path} ({reason}). Name another folder with `--results DIR`.",
            path=root,
            reason=reason_of(error),
        )
        raise ResultsError(problem) from None


def make_private_folder(folder: Path) -> None:
    """Make `folder` and its missing parents, each readable by this user only. Raise OSError."""
    if not folder.is_dir():
        make_private_folder(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def run_files(root: Path) -> list[Path]:
    """Return every run under `root`, lab runs included, oldest first by date, time of day and name.

    Received files are left out, because other people made them, and answers of app stores, because they are no runs.
    """
    others = {root / RECEIVED, root / STORES}
    found = (path for path, reason in _entries(root, SUFFIXES) if reason is None)
    return _sorted_runs(path for path in found if not others & set(path.parents))


class FoundFiles(NamedTuple):
    """Hold the files that were found, and the reasons for files in folders that are not read."""

    files: list[Source]
    refused: list[Problem]


def find_files(
    sources: Iterable[str | Path], objects: Callable[[str], Sequence[RemoteFile]] | None = None
) -> FoundFiles:
    """Return the files of the sources: files, all runs in folders, `-` for stdin. Raise ResultsError.

    `objects` returns the results files at an address `s3://BUCKET/PREFIX`. Without it an address is a file's name.

    In a folder only regular files are read, and links only if they stay inside of it. The folder may come from others.
    """
    found = FoundFiles([], [])
    for named in sources:
        source = Path(named)
        if objects is not None and isinstance(named, str) and is_remote(named):
            found.files.extend(objects(named))
        elif source == STDIN or _is_readable(source):
            found.files.append(source)
        else:
            _take_folder(source, found)
    return found


def _is_readable(source: Path) -> bool:
    """Return whether the source is a file, and False for a folder. Raise ResultsError for all else."""
    if str(source.parent) in DESCRIPTORS or str(source) == "/dev/stdin":
        return True
    try:
        mode = source.stat().st_mode
    except (OSError, ValueError):
        raise ResultsError(tr("There is no file or folder {path}.", path=source)) from None
    reason = reason_not_regular(mode)
    if reason is None or stat.S_ISDIR(mode):
        return reason is None
    raise ResultsError(tr("{path} cannot be read: {reason}. Use - for standard input.", path=source, reason=reason))


def _take_folder(root: Path, found: FoundFiles) -> None:
    stores = root / STORES  # answers of app stores are no measurements of a network. Their folder can be named itself.
    runs = {path: reason for path, reason in _entries(root, SUFFIXES) if stores not in path.parents}
    archives = dict(_archives(root))
    found.files.extend(_sorted_runs(path for path, reason in runs.items() if reason is None))
    found.files.extend(sorted(path for path, reason in archives.items() if reason is None))
    found.refused.extend(
        Problem(path.name, 0, tr("It was not read: {reason}.", reason=reason))
        for path, reason in sorted((runs | archives).items())
        if reason is not None
    )


def _entries(root: Path, suffixes: tuple[str, ...]) -> Iterator[tuple[Path, str | None]]:
    """Yield the files under `root` with one of the suffixes, and why one is not read. Yield closed folders too.

    A run beside its packed file is left out.
    """
    inside, closed = os.path.realpath(root), list[OSError]()
    for folder, _, names in os.walk(root, onerror=closed.append):  # it does not follow links
        packed = {name.removesuffix(PACKED) for name in names if name.endswith(PACKED)}
        own = (name for name in names if not (name in packed and _RUN.fullmatch(name)))  # packing was interrupted
        for path in (Path(folder, name) for name in own if name.endswith(suffixes)):
            yield path, _reason_unread(path, inside)
    yield from ((Path(error.filename), str(error.strerror)) for error in closed)


def _reason_unread(path: Path, inside: str) -> str | None:
    try:
        mode, is_link = path.stat().st_mode, path.is_symlink()
    except OSError:
        return tr("the link leads nowhere")
    if is_link and leads_outside(path, inside):
        return tr("the link leads to a file outside of the folder. If you trust that file, name it itself")
    return reason_not_regular(mode)


def _sorted_runs(paths: Iterable[Path]) -> list[Path]:
    return sorted(paths, key=lambda path: (path.parent.parent.name, path.name))  # the folder above is a date


def _archives(root: Path) -> Iterator[tuple[Path, str | None]]:
    """Yield OONI's tarballs under `root`. Each one has the same measurements as the .jsonl.gz of its hour, if any."""
    for path, reason in _entries(root, ARCHIVES):
        if not path.with_name(path.name.removesuffix(ARCHIVES[0]) + ".jsonl.gz").exists():
            yield path, reason


def packets_file(results: Path) -> Path:
    """Return the name of the pcapng file beside a results file, packed or not."""
    return results.with_name(results.name.removesuffix(PACKED)).with_suffix(".pcapng")


def summary_file(results: Path) -> Path:
    """Return the name of the summary that `probe list` keeps beside a results file."""
    return results.with_name(results.name.removesuffix(PACKED)).with_suffix(".summary.json")


def file_name(source: Source) -> str:
    """Return the name for a record: without folders, because a home folder identifies the user. Objects have addresses.

    Bytes that are no UTF-8 become question marks, since no encoding can write them.
    """
    return source.name.encode("utf-8", "replace").decode() if source != STDIN else "-"
