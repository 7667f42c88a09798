"""Number the runs in the results folder: 1 is the run that was written last, which `last` names too."""

from pathlib import Path

from probe.messages import tr, tr_plural
from probe.results.folders import ResultsError, run_files

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
                "There is no run {number}. There is {count} run, see `probe list`. A file is named as ./{number}.",
                "There is no run {number}. There are {count} runs, see `probe list`. A file is named as ./{number}.",
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
