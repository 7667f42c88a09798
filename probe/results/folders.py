"""Find the results folder and the files that a user names."""

import os
from collections.abc import Iterable
from pathlib import Path

from probe.messages import tr
from probe.results.full_disk import full_disk, is_full, reason_of

STDIN = Path("-")
SUFFIXES = (".jsonl", ".jsonl.part", ".jsonl.gz", ".jsonl.zst")
ARCHIVES = (".tar.gz",)  # OONI's tarballs


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
    """Return every run under `root`, lab runs included, oldest first by date, time of day and name."""
    found = [path for path in root.rglob("*") if path.name.endswith(SUFFIXES) and path.is_file()]
    return sorted(found, key=lambda path: (_date_of(path), path.name))


def _date_of(path: Path) -> str:
    return path.parent.parent.name


def find_files(sources: Iterable[str | Path]) -> list[Path]:
    """Return the files of the sources: files, all runs in folders, `-` for stdin. Raise ResultsError."""
    found: list[Path] = []
    for source in map(Path, sources):
        if source == STDIN or source.is_file() or source.is_fifo():
            found.append(source)
        elif source.is_dir():
            found += [*run_files(source), *_archives(source)]
        else:
            raise ResultsError(tr("There is no file or folder {path}.", path=source))
    return found


def _archives(root: Path) -> list[Path]:
    """Return OONI's tarballs under `root`. Each one has the same measurements as the .jsonl.gz of its hour, if any."""
    tarballs = [path for path in root.rglob("*") if path.name.endswith(ARCHIVES) and path.is_file()]
    return sorted(path for path in tarballs if not path.with_name(_as_lines(path.name)).exists())


def _as_lines(name: str) -> str:
    return name.removesuffix(ARCHIVES[0]) + ".jsonl.gz"


def file_name(source: Path) -> str:
    """Return the name for a record: without folders, because a home folder identifies the user."""
    return source.name if source != STDIN else "-"
